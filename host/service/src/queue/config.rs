//! How long the queue is, and how many of it go on at once.

use std::time::Duration;

/// How long the queue is, and how many of it go on at once.
#[derive(Debug, Clone)]
pub struct QueueConfig {
    /// Runs that may wait, in all projects together. Default: 100,000.
    pub length: u64,
    /// Queued runs that go on at once. Default: 64.
    pub at_once: usize,
    /// How long a run is kept for a worker that says nothing more. Default: 60 s.
    pub lease: Duration,
    /// How often a run may be lost with its host before it is given up. Default: 3.
    pub max_attempts: u32,
    /// Lines of one batch. Default: 10,000.
    pub batch_lines: usize,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            length: 100_000,
            at_once: 64,
            lease: Duration::from_secs(60),
            max_attempts: 3,
            batch_lines: 10_000,
        }
    }
}
