//! A run as it is read.

use lockgate_model::Kebab;
use uuid::Uuid;

use crate::{Result, Store, StoreError};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunState {
    /// It waits in the queue.
    Queued,
    /// It was taken from the queue and goes on.
    Running,
    /// It ended.
    Finished,
}

impl RunState {
    /// `queued`, `running` or `finished`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished => "finished",
        }
    }
}

/// Which line of which batch a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BatchPlace {
    /// The batch.
    pub batch: Uuid,
    /// The line, from 0.
    pub index: u32,
}

/// A run without its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// Its id, a UUID v7.
    pub id: Uuid,
    /// How far it is.
    pub state: RunState,
    /// The flow. None for a document that came with the request.
    pub flow: Option<Kebab>,
    /// The flow's version.
    pub version: Option<u32>,
    /// The revision of that version's lock.
    pub revision: Option<u32>,
    /// How it ended: `ok`, `failed`, … None while it has not.
    pub outcome: Option<String>,
    /// What started it: `api`, `webhook`, …
    pub trigger: String,
    /// The key that started it.
    pub key: Option<Uuid>,
    /// The session that it belongs to.
    pub session: Option<String>,
    /// The run that it is a rerun of, or was started by.
    pub parent: Option<Uuid>,
    /// Its line in a batch.
    pub batch: Option<BatchPlace>,
    /// Labels, as a JSON object.
    pub labels: Option<String>,
    /// When it was asked for, in milliseconds since 1970.
    pub created_at: i64,
    /// When it began to run. None while it waits, or if it never did.
    pub started_at: Option<i64>,
    /// When it ended.
    pub finished_at: Option<i64>,
    /// How long it ran, in microseconds.
    pub duration_us: Option<u64>,
    /// Why it failed, in short.
    pub error: Option<String>,
    /// Whether a value of it was cut.
    pub cut: bool,
    /// Whether a value of it was masked.
    pub masked: bool,
    /// How often it was taken from the queue and lost, before. 0 for runs that were never queued.
    pub attempts: u32,
}

/// A run with its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// All but the journal.
    pub summary: RunSummary,
    /// The events, as JSON lines. Empty while it has not ended, and for a run that never began.
    pub events: Vec<u8>,
}

impl Store {
    /// A run. One that is in the queue has no events yet.
    pub async fn run(&self, project: &Kebab, id: &Uuid) -> Result<Option<RunRow>> {
        let _ = (project, id);
        Err(StoreError::Closed)
    }
}
