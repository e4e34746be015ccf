//! Batches: many runs that were accepted together.

use std::collections::BTreeMap;

use lockgate_model::Kebab;
use uuid::Uuid;

use crate::{Result, RunRow, Store, StoreError};

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRow {
    /// Its id, a UUID v7.
    pub id: Uuid,
    /// The flow.
    pub flow: Kebab,
    /// The version that was asked for. None: the one in force when each run begins.
    pub version: Option<u32>,
    /// The key that started it.
    pub key: Option<Uuid>,
    /// How many runs it has.
    pub total: u32,
    /// When it was accepted, in milliseconds since 1970.
    pub created_at: i64,
}

/// How far a batch is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchState {
    /// The batch.
    pub row: BatchRow,
    /// Runs that wait.
    pub waiting: u64,
    /// Runs that go on.
    pub running: u64,
    /// Runs that ended, by how.
    pub outcomes: BTreeMap<String, u64>,
}

impl Store {
    /// A batch and how far it is.
    pub async fn batch(&self, project: &Kebab, id: &Uuid) -> Result<Option<BatchState>> {
        let _ = (project, id);
        Err(StoreError::Closed)
    }

    /// The runs of a batch after a line, in the order of lines, whether they have ended or not; at most `limit`, and
    /// at most about 64 MiB of compressed journals.
    pub async fn batch_runs(
        &self,
        project: &Kebab,
        id: &Uuid,
        after_index: Option<u32>,
        limit: u32,
    ) -> Result<Vec<RunRow>> {
        let _ = (project, id, after_index, limit);
        Err(StoreError::Closed)
    }
}
