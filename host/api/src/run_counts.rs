//! Counts runs by how they ended. It is what an engine tells ([`Telemetry`]) and what `/metrics` reads.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use lockgate_model::{Kebab, NodeFinished, RunOutcome, Telemetry};

/// How a run can end, as [`RunOutcome::word`] says it.
const OUTCOMES: [&str; 6] = ["ok", "failed", "rejected", "trapped", "denied", "cancelled"];

/// How many runs ended in which way, whoever started them. Give it to the engine, and to [`crate::Server::counting`].
#[derive(Debug, Default)]
pub struct RunCounts {
    ended: [AtomicU64; OUTCOMES.len()],
}

impl RunCounts {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many runs ended, by how; those ways in which none did, too.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.ended.iter().map(|count| count.load(Relaxed));
        OUTCOMES.into_iter().zip(counts)
    }
}

impl Telemetry for RunCounts {
    fn node_finished(&self, _: &NodeFinished<'_>) {}

    fn run_finished(&self, _: &Kebab, outcome: &RunOutcome, _: Duration) {
        let word = outcome.word();
        let counts = OUTCOMES.iter().zip(&self.ended);
        for (_, count) in counts.filter(|(known, _)| **known == word) {
            count.fetch_add(1, Relaxed);
        }
    }
}
