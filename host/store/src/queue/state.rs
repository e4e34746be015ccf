//! How the queue is, and leaving it before one's turn.

use lockgate_model::Kebab;
use uuid::Uuid;

use crate::{Result, Store, StoreError};

/// How the queue is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueState {
    /// Runs that wait.
    pub waiting: u64,
    /// Runs that were taken and go on.
    pub running: u64,
    /// Dead letters.
    pub dead: u64,
    /// When the oldest of those that wait was accepted, in milliseconds since 1970.
    pub oldest_at: Option<i64>,
}

impl Store {
    /// How the queue of a project is, or of all projects together.
    pub async fn queue(&self, project: Option<&Kebab>) -> Result<QueueState> {
        let _ = project;
        Err(StoreError::Closed)
    }

    /// How many runs are before this one. None: it does not wait.
    pub async fn place(&self, id: &Uuid) -> Result<Option<u64>> {
        let _ = id;
        Err(StoreError::Closed)
    }

    /// Ends a run that waits as `cancelled`. False if it does not wait.
    pub async fn cancel_waiting(&self, project: &Kebab, id: &Uuid, at: i64) -> Result<bool> {
        let _ = (project, id, at);
        Err(StoreError::Closed)
    }
}
