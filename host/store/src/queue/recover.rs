//! Runs whose owner is gone.

use lockgate_model::Kebab;
use uuid::Uuid;

use crate::{Result, Store, StoreError};

/// What a recovery did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Runs that are back in the queue.
    pub requeued: u64,
    /// Runs that were tried often enough: dead letters now.
    pub dead: Vec<(Kebab, Uuid)>,
}

impl Store {
    /// Takes runs back from every owner that is not `owner`, and from this one those whose lease is over at `now_ms`.
    ///
    /// Each counts one attempt more. With `max_attempts` it becomes a dead letter, and with less it waits again, at the
    /// place that it had. Only one process serves a folder, so whoever else has a lease is an earlier one.
    pub async fn recover(&self, owner: &str, now_ms: i64, max_attempts: u32) -> Result<Recovered> {
        let _ = (owner, now_ms, max_attempts);
        Err(StoreError::Closed)
    }
}
