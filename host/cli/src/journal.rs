//! What the command shows of a run's events: log lines as they come, and the calls when the run is over.

use std::sync::{Mutex, PoisonError};

use lockgate_model::{Journal, LogLevel, NodeOutcome, RunEvent, escaped};

use crate::table::{self, CallRow};

/// Shows the nodes' log lines on standard error as they come: all of them in a trace, warnings and errors otherwise.
/// Keeps what the trace draws at the end.
#[derive(Debug)]
pub(crate) struct Shown {
    trace: bool,
    calls: Mutex<Vec<CallRow>>,
}

impl Shown {
    pub(crate) fn new(trace: bool) -> Self {
        Self {
            trace,
            calls: Mutex::default(),
        }
    }

    /// The calls as a table, in the order in which they ended.
    pub(crate) fn trace(&self) -> String {
        table::trace(&self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Journal for Shown {
    fn record(&self, event: RunEvent) {
        match event {
            RunEvent::NodeLog {
                at, level, line, ..
            } if self.trace || level >= LogLevel::Warn => {
                eprintln!("{level:>5} {at}: {}", escaped(&line));
            }
            RunEvent::NodeFinished {
                at,
                outcome,
                receipt,
            } if self.trace => {
                let outcome = match &outcome {
                    NodeOutcome::Failed(error) => error.kind(),
                    outcome => outcome.word(),
                };
                let row = CallRow {
                    node: at.to_string(),
                    outcome: outcome.to_owned(),
                    receipt: Some(receipt.calls),
                };
                self.calls
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(row);
            }
            _ => {}
        }
    }
}
