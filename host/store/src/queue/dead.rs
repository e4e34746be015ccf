//! Dead letters: queued runs that were given up. They are finished as `failed`, and keep their sealed input.

use lockgate_model::Kebab;
use uuid::Uuid;

use crate::{AuditRow, Result, RunSummary, Store, StoreError};

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadRun {
    /// Its place in the list: what `before` takes.
    pub seq: i64,
    /// The run.
    pub run: RunSummary,
    /// Why it was given up.
    pub reason: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

impl Store {
    /// The dead letters of a project, the last accepted first; only those before `before`, if that is given.
    pub async fn dead(
        &self,
        project: &Kebab,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<DeadRun>> {
        let _ = (project, before, limit);
        Err(StoreError::Closed)
    }

    /// Puts a dead letter back into the queue, as if it had never been tried. False if there is none.
    pub async fn requeue_dead(&self, project: &Kebab, id: &Uuid, audit: AuditRow) -> Result<bool> {
        let _ = (project, id, audit);
        Err(StoreError::Closed)
    }

    /// Drops a dead letter and its input; the run stays, finished as `failed`. False if there is none.
    pub async fn remove_dead(&self, project: &Kebab, id: &Uuid, audit: AuditRow) -> Result<bool> {
        let _ = (project, id, audit);
        Err(StoreError::Closed)
    }
}
