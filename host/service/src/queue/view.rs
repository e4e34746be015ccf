//! What is told of the queue.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Moment;
use crate::runs::RunSummary;

/// A run that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AcceptedView {
    /// Its id.
    pub run: Uuid,
    /// How many runs are before it. Null where an earlier request with the same idempotency key was answered and the run
    /// waits no longer.
    pub ahead: Option<u64>,
    /// Whether an earlier request with the same idempotency key was accepted.
    #[serde(skip)]
    pub replayed: bool,
}

/// How the queue is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QueueView {
    /// Runs that wait.
    pub depth: u64,
    /// Runs that were taken from it and go on.
    pub running: u64,
    /// Dead letters.
    pub dead: u64,
    /// When the oldest of those that wait was accepted.
    pub oldest_at: Option<Moment>,
    /// For how long that one has waited.
    pub oldest_age_ms: Option<u64>,
    /// How many may wait, in all projects together.
    pub bound: u64,
    /// How many may go on at once, of all projects together.
    pub at_once: usize,
}

/// A run that was given up.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeadView {
    /// The run.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// Why it was given up.
    pub reason: String,
    /// When.
    pub dead_at: Moment,
}

impl From<lockgate_store::DeadRun> for DeadView {
    fn from(dead: lockgate_store::DeadRun) -> Self {
        Self {
            summary: dead.run.into(),
            reason: dead.reason,
            dead_at: Moment(dead.at),
        }
    }
}
