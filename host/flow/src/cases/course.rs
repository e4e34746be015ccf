//! What a run did, as far as cases ask.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use lockgate_model::{At, Ident, Journal, NodeOutcome, RunEvent, SkipReason};

/// A journal that keeps which of the flow's own nodes ran and which were skipped, and nothing else.
#[derive(Debug, Default)]
pub struct Course(Mutex<HashMap<Ident, Step>>);

/// What became of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// It was called, or its outputs were found in the cache.
    Ran,
    /// It did not run, and that is no failure.
    Skipped(SkipReason),
    /// Its outputs were given.
    Pinned,
    /// The run ended before it came to it, or nothing that the run was for needs it.
    NotReached,
}

impl Course {
    pub(super) fn step(&self, node: &str) -> Step {
        let steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let step = steps
            .iter()
            .find(|(name, _)| name.as_str() == node)
            .map(|(_, step)| step.clone());
        step.unwrap_or(Step::NotReached)
    }

    fn note(&self, at: At, step: Step) {
        // Nodes of sub-flows have names of their own, and elements belong to their node.
        if at.within.is_empty() && at.index.is_none() {
            let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            steps.insert(at.node, step);
        }
    }
}

impl Journal for Course {
    fn record(&self, event: RunEvent) {
        match event {
            RunEvent::NodeStarted { at, .. } => self.note(at, Step::Ran),
            RunEvent::NodeSkipped { at, reason } => self.note(at, Step::Skipped(reason)),
            RunEvent::NodeFinished {
                at,
                outcome: NodeOutcome::Pinned(_),
                ..
            } => self.note(at, Step::Pinned),
            _ => {}
        }
    }
}

/// What it did, for the end of a sentence.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ran => f.write_str("ran"),
            Self::Skipped(SkipReason::When) => f.write_str("was skipped: its `when` is false"),
            Self::Skipped(SkipReason::Needs(node)) => {
                write!(f, "was skipped: it needs `{node}`, which gave nothing")
            }
            Self::Pinned => f.write_str("was pinned"),
            Self::NotReached => f.write_str("was not reached"),
        }
    }
}
