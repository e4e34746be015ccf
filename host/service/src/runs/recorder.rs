//! The journal of a run, as the engine writes it: what the answer needs is kept aside as it passes by, whole and as it is,
//! because a journal cuts what is large, and what enters it is masked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lockgate_flow::Engine;
use lockgate_model::{Clock, CountedFlow, FlowOrigin, Ident, Journal, RunEvent, RunOutcome, Value};

use super::live::{Live, StopReason};
use crate::mask::Streams;
use crate::{Mask, Moment};

/// What a run is said to have failed of where the host did.
const HOST_STOPPED_IT: &str =
    "the host is at fault: it ended the run, and nobody had asked for that";

/// The journal of a run, as the engine writes it.
pub(crate) struct Recorder {
    live: Arc<Live>,
    clock: Arc<dyn Clock>,
    mask: Arc<Mask>,
    seen: Mutex<Seen>,
    streams: Mutex<Streams>,
}

/// What passed by.
#[derive(Default)]
pub(crate) struct Seen {
    /// As they are kept.
    pub(crate) labels: Vec<(Ident, Value)>,
    pub(crate) started: Option<Started>,
    /// As it is: for the answer, and for nothing that is kept.
    pub(crate) outcome: Option<RunOutcome>,
    /// The same, as it is kept.
    pub(crate) kept: Option<RunOutcome>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Started {
    pub(crate) at: Moment,
    pub(crate) clock: Duration,
}

impl Recorder {
    pub(crate) fn new(live: Arc<Live>, clock: Arc<dyn Clock>, mask: Arc<Mask>) -> Arc<Self> {
        Arc::new(Self {
            live,
            clock,
            mask,
            seen: Mutex::default(),
            streams: Mutex::default(),
        })
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a run that did not say its end itself: one whose work is gone.
    pub(crate) fn close(&self) {
        if self.seen().outcome.is_none() {
            self.record(RunEvent::RunFinished {
                outcome: RunOutcome::Cancelled,
            });
        }
    }

    /// Ends a run that cannot begin, of which the engine knows nothing.
    pub(crate) fn refuse(&self, reason: &str, engine: &Engine) {
        let outcome = RunOutcome::Broken {
            reason: reason.into(),
        };
        let birth = &self.live.birth;
        let origin = birth.flow.as_ref().zip(birth.version);
        let origin = origin.map(|(_, version)| FlowOrigin {
            project: birth.project.clone(),
            version,
        });
        let flow = CountedFlow {
            origin: origin.as_ref(),
            // What has no origin is counted without a name.
            name: birth.flow.as_ref().unwrap_or(&birth.project),
            nodes: Vec::new(),
        };
        engine.never_began(&flow, &outcome);
        self.record(RunEvent::RunFinished { outcome });
    }

    /// Writes an event as it may be kept. A stream whose end was held back is let go before its node's end.
    fn write(&self, mut event: RunEvent) {
        // Held until it is written: parts of one stream stay in their order.
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut events, mut masked) = match &mut event {
            RunEvent::NodePart { .. } => {
                let (part, masked) = streams.part(&self.mask, event);
                self.live.masked(masked);
                return part
                    .into_iter()
                    .for_each(|part| self.live.journal.record(part));
            }
            RunEvent::NodeFinished { at, .. } | RunEvent::NodeRetrying { at, .. } => {
                streams.end(&self.mask, at)
            }
            RunEvent::RunFinished { .. } => streams.end_all(&self.mask),
            RunEvent::NodeLog { .. } => (Vec::new(), streams.line(&self.mask, &mut event)),
            _ => Default::default(),
        };
        drop(streams);
        masked |= self.mask.event(&mut event);
        self.live.masked(masked);
        match &event {
            RunEvent::RunStarted { labels, .. } => self.seen().labels.clone_from(labels),
            RunEvent::RunFinished { outcome } => self.seen().kept = Some(outcome.clone()),
            _ => {}
        }
        events.push(event);
        events
            .into_iter()
            .for_each(|event| self.live.journal.record(event));
    }
}

impl Journal for Recorder {
    fn record(&self, mut event: RunEvent) {
        self.live.hear(&event);
        match &mut event {
            RunEvent::RunStarted { trace_id, .. } => {
                *trace_id = Some(self.live.birth.trace.id());
                let mut seen = self.seen();
                seen.started = Some(Started {
                    at: Moment::of(self.clock.wall()),
                    clock: self.clock.now(),
                });
            }
            RunEvent::RunFinished { outcome } => {
                let is_cancelled = matches!(outcome, RunOutcome::Cancelled);
                let reason = self.live.stop.reason();
                if is_cancelled && reason == StopReason::None {
                    // A run ends as cancelled too if its task panics or its threads go.
                    *outcome = RunOutcome::Broken {
                        reason: HOST_STOPPED_IT.into(),
                    };
                }
                self.seen().outcome = Some(outcome.clone());
                if is_cancelled && reason > StopReason::Cancelled {
                    return; // it is not over: it begins anew later
                }
            }
            _ => {}
        }
        self.write(event);
    }

    fn begins_anew(&self) -> bool {
        self.live.stop.reason() > StopReason::Cancelled
    }
}
