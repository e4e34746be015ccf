//! Events: what guests and callers said in them.

use std::sync::Arc;

use lockgate_model::{
    Breach, CallError, Failure, Frame, NodeOutcome, NodeReceipt, RunEvent, RunOutcome,
};

use super::Mask;

impl Mask {
    /// Masks what an event holds, but for a part of a stream, which says little by itself: see [`super::Streams`]. Whether
    /// something was masked.
    pub(crate) fn event(&self, event: &mut RunEvent) -> bool {
        match event {
            RunEvent::RunStarted {
                input,
                vars,
                labels,
                ..
            } => {
                let vars = vars.values_mut().map(|value| self.tree(value));
                let any = vars.fold(false, |any, one| any | one);
                any | self.shared(input) | self.values(labels)
            }
            RunEvent::NodeStarted { inputs, .. } => self.values(inputs),
            RunEvent::NodeLog { line, .. } => self.string(line),
            RunEvent::NodeRetrying { error, .. } => self.error(error),
            RunEvent::NodeFinished {
                outcome, receipt, ..
            } => self.node_outcome(outcome) | self.receipt(receipt),
            RunEvent::RunFinished { outcome } => self.run_outcome(outcome),
            RunEvent::NodePart { .. } | RunEvent::NodeSkipped { .. } => false,
        }
    }

    fn node_outcome(&self, outcome: &mut NodeOutcome) -> bool {
        match outcome {
            NodeOutcome::Ok(outputs) | NodeOutcome::Pinned(outputs) => self.values(outputs),
            NodeOutcome::Failed(error) => self.error(error),
            NodeOutcome::Cancelled => false,
        }
    }

    fn run_outcome(&self, outcome: &mut RunOutcome) -> bool {
        match outcome {
            RunOutcome::Ok(output) => self.shared(output),
            RunOutcome::Failed { error, .. } => self.error(error),
            RunOutcome::Broken { reason } => {
                let masked = self.text(reason);
                masked.map(|masked| *reason = masked.into()).is_some()
            }
            RunOutcome::Cancelled => false,
        }
    }

    /// What a node says of tokens has two names in it.
    fn receipt(&self, receipt: &mut NodeReceipt) -> bool {
        let Some(usage) = &mut receipt.usage else {
            return false;
        };
        self.string(&mut usage.provider) | self.string(&mut usage.model)
    }

    fn error(&self, error: &mut Arc<CallError>) -> bool {
        let mut masked = CallError::clone(error);
        let any = match &mut masked {
            CallError::Failed(failure) => self.failure(failure),
            CallError::Exhausted(exhausted) => self.frames(&mut exhausted.backtrace),
            CallError::Trapped(trap) => {
                self.string(&mut trap.reason) | self.frames(&mut trap.backtrace)
            }
            CallError::Breach(breach) => self.breach(breach),
            CallError::Flow(flow) => {
                let cause = flow.cause.as_mut().is_some_and(|cause| self.error(cause));
                cause | self.string(&mut flow.reason)
            }
            CallError::Host(fault) => self.string(&mut fault.message),
        };
        if any {
            *error = Arc::new(masked);
        }
        any
    }

    fn failure(&self, failure: &mut Failure) -> bool {
        let detail = failure.detail.as_ref().and_then(|detail| self.json(detail));
        let any = detail.is_some();
        failure.detail = detail.or(failure.detail.take());
        any | self.string(&mut failure.message)
    }

    /// A guest names its outputs as it likes.
    fn breach(&self, breach: &mut Breach) -> bool {
        match breach {
            Breach::UnknownOutput { port }
            | Breach::TwiceGiven { port }
            | Breach::MissingOutput { port }
            | Breach::WrongKind { port, .. }
            | Breach::BadPart { port, .. } => self.string(port),
            Breach::NotJson { port, reason } | Breach::AgainstSchema { port, reason } => {
                self.string(port) | self.string(reason)
            }
            Breach::BatchLength { port, given, .. } => self.string(port) | self.string(given),
            Breach::CalledHost { .. } => false,
        }
    }

    fn frames(&self, frames: &mut [Frame]) -> bool {
        let masked = frames.iter_mut().map(|frame| {
            let module = frame.module.as_mut();
            module.is_some_and(|module| self.string(module)) | self.string(&mut frame.function)
        });
        masked.fold(false, |any, one| any | one)
    }
}
