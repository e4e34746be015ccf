//! The journal of a run, as the engine writes it: what the answer needs is kept aside as it passes by, whole, because a
//! journal cuts what is large.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lockgate_model::{Clock, Ident, Journal, RunEvent, RunOutcome, Value};

use super::live::{Live, StopReason};
use crate::Moment;

/// What a run is said to have failed of where the host did.
const HOST_STOPPED_IT: &str =
    "the host is at fault: it ended the run, and nobody had asked for that";

/// The journal of a run, as the engine writes it.
pub(crate) struct Recorder {
    live: Arc<Live>,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

/// What passed by.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) labels: Vec<(Ident, Value)>,
    pub(crate) started: Option<Started>,
    pub(crate) outcome: Option<RunOutcome>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Started {
    pub(crate) at: Moment,
    pub(crate) clock: Duration,
}

impl Recorder {
    pub(crate) fn new(live: Arc<Live>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            live,
            clock,
            seen: Mutex::default(),
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

    /// Ends a run that cannot begin.
    pub(crate) fn refuse(&self, reason: &str) {
        self.record(RunEvent::RunFinished {
            outcome: RunOutcome::Broken {
                reason: reason.into(),
            },
        });
    }
}

impl Journal for Recorder {
    fn record(&self, mut event: RunEvent) {
        match &mut event {
            RunEvent::RunStarted {
                labels, trace_id, ..
            } => {
                *trace_id = Some(self.live.birth.trace.id());
                let mut seen = self.seen();
                seen.labels.clone_from(labels);
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
        self.live.journal.record(event);
    }
}
