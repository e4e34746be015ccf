//! What is told of batches.

use std::collections::BTreeMap;

use lockgate_model::Kebab;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::runs::RunState;
use crate::{Moment, SchemaFaultView};

/// How far a batch is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BatchView {
    /// Its id.
    pub batch: Uuid,
    /// The flow.
    #[schema(value_type = String)]
    pub flow: Kebab,
    /// The version that was asked for; null: the active one when each run begins.
    pub version: Option<u32>,
    /// `queued` until a run began, `finished` when all ended.
    pub state: RunState,
    /// How many runs it has.
    pub total: u64,
    /// Runs that wait.
    pub waiting: u64,
    /// Runs that go on.
    pub running: u64,
    /// Runs that ended.
    pub finished: u64,
    /// Runs that ended, by how: `ok`, `failed`, `rejected` and so on.
    pub outcomes: BTreeMap<String, u64>,
    /// When it was accepted.
    pub created_at: Moment,
    /// How many runs are before its first. Told when it is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u64>,
    /// Whether an earlier request with the same idempotency key was accepted.
    #[serde(skip)]
    pub replayed: bool,
}

/// A batch that was told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct BatchCancelled {
    /// Which batch.
    pub batch: Uuid,
    /// Runs that waited, and are over.
    pub cancelled: u64,
    /// Runs that went on, and end in a moment.
    pub ending: u64,
}

/// A line of a batch that is no input of its flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BadLineView {
    /// Which, from 1.
    pub line: usize,
    /// What is wrong with it: where its JSON ends to be some, or where it does not meet the flow's schema.
    pub faults: Vec<SchemaFaultView>,
}

impl From<lockgate_store::BatchState> for BatchView {
    fn from(state: lockgate_store::BatchState) -> Self {
        let row = state.row;
        let total = u64::from(row.total);
        let finished: u64 = state.outcomes.values().sum();
        let is_begun = finished > 0 || state.running > 0;
        Self {
            batch: row.id,
            flow: row.flow,
            version: row.version,
            // Old runs go, and a batch is finished all the same.
            state: match (state.waiting + state.running, is_begun) {
                (0, _) => RunState::Finished,
                (_, true) => RunState::Running,
                (_, false) => RunState::Queued,
            },
            total,
            waiting: state.waiting,
            running: state.running,
            finished,
            outcomes: state.outcomes,
            created_at: Moment(row.created_at),
            ahead: None,
            replayed: false,
        }
    }
}
