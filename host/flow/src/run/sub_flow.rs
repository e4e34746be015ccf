//! A flow as a node: its inputs become the input of a run of it, and that run's outputs become the node's.

use std::sync::{Arc, Weak};

use futures::future::BoxFuture;
use lockgate_model::{CallError, FlowFailed, Ident, NodeReceipt, Outputs, Value};

use super::attempt::{self, Attempt, AttemptEnd};
use super::context::Context;
use super::events::Events;
use super::state::Extent;
use super::{Run, RunError};
use crate::coerce;
use crate::plan::FlowWork;

/// Runs a sub-flow, within its time.
pub(super) async fn call(attempt: Attempt<'_>, work: &FlowWork) -> AttemptEnd {
    let context = attempt.context;
    let within: Arc<str> = attempt.at.to_string().into();
    let (inner, quiet) = context.within(&work.plan, Arc::clone(&within));
    // Whatever still runs when this is dropped was cancelled.
    let _ends = Ends {
        events: context.root.events.clone(),
        context: Arc::downgrade(&inner),
        within,
    };
    let (result, receipt) = run(inner, attempt.whole, work).await;
    quiet.wait().await;
    AttemptEnd {
        result: Some(result.map_err(Arc::new)),
        receipt,
    }
}

/// Boxed, because flows nest.
fn run<'a>(
    context: Arc<Context>,
    inputs: &[(Ident, Value)],
    work: &'a FlowWork,
) -> BoxFuture<'a, (Result<Outputs, CallError>, NodeReceipt)> {
    let input = Arc::new(coerce::edges(inputs));
    Box::pin(async move {
        if let Some(schema) = &context.plan.input
            && let Err(faults) = schema.check(&input)
        {
            let error = failed(work, RunError::Input(faults));
            return (Err(error), NodeReceipt::default());
        }
        let extent = Extent::default();
        let mut run = Run::new(&context, input, &extent);
        let complete = run.complete(extent);
        let result = match attempt::within(complete, &*context.engine.clock, work.timeout).await {
            Ok(result) => result.map_err(|error| failed(work, error)),
            Err(timed_out) => Err(timed_out.into()),
        };
        (result, run.receipt)
    })
}

fn failed(work: &FlowWork, error: RunError) -> CallError {
    let reason = error.to_string();
    let at_limit = matches!(
        error,
        RunError::TooManyCalls { .. } | RunError::TooMuchHeld { .. } | RunError::OutputTooLarge
    );
    let cause = match error {
        RunError::Node { error, .. } => Some(error),
        _ => None,
    };
    CallError::Flow(FlowFailed {
        flow: work.plan.name.clone(),
        reason,
        cause,
        at_limit,
    })
}

struct Ends {
    events: Events,
    /// Weak, because everything that holds it is waited for.
    context: Weak<Context>,
    within: Arc<str>,
}

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some(context) = self.context.upgrade() {
            context.end();
        }
        self.events.cancel_within(&self.within);
    }
}
