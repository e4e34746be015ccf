//! How much of runs a host does at once.

use std::time::Duration;

/// How many runs somebody waits for or follows go on at once. Queued runs have places of their own.
#[derive(Debug, Clone)]
pub struct RunsConfig {
    /// Runs at once. Default: 256.
    pub at_once: usize,
    /// Runs that wait for a place; those beyond are told to come back. Default: 1,024.
    pub waiting: usize,
    /// When those that are told to come back are told to. Default: 1 s.
    pub retry_after: Duration,
}

impl Default for RunsConfig {
    fn default() -> Self {
        Self {
            at_once: 256,
            waiting: 1_024,
            retry_after: Duration::from_secs(1),
        }
    }
}
