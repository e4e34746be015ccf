//! Taking runs from the queue, keeping them, giving them back.

use lockgate_model::Kebab;
use uuid::Uuid;

use crate::{BatchPlace, Result, Store, StoreError};

/// A run taken from the queue.
#[derive(Debug, Clone)]
pub struct ClaimedRun {
    /// Its project.
    pub project: Kebab,
    /// Its id.
    pub id: Uuid,
    /// The flow. None for a document that came with the request.
    pub flow: Option<Kebab>,
    /// The version that was asked for. None: the one in force.
    pub version: Option<u32>,
    /// The revision of that version's lock.
    pub revision: Option<u32>,
    /// The input.
    pub input: Vec<u8>,
    /// What else the run needs to begin.
    pub request: serde_json::Value,
    /// Its priority.
    pub priority: i32,
    /// What started it.
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
    /// When it was accepted, in milliseconds since 1970.
    pub created_at: i64,
    /// How often it was taken and lost before this time.
    pub attempts: u32,
}

impl Store {
    /// Takes at most `most` runs (and at most 1,000), the highest priority first and of that the one accepted first.
    /// They are leased to `owner` until `lease_until_ms`.
    ///
    /// A run whose input cannot be opened becomes a dead letter with the reason, and is not among the answers.
    pub async fn claim(
        &self,
        owner: &str,
        most: u32,
        lease_until_ms: i64,
    ) -> Result<Vec<ClaimedRun>> {
        let _ = (owner, most, lease_until_ms);
        Err(StoreError::Closed)
    }

    /// Keeps runs that this owner has for longer. Gives those that it has no longer.
    pub async fn renew(
        &self,
        owner: &str,
        ids: Vec<Uuid>,
        lease_until_ms: i64,
    ) -> Result<Vec<Uuid>> {
        let _ = (owner, ids, lease_until_ms);
        Err(StoreError::Closed)
    }

    /// Gives runs that this owner has back to the queue, at the places that they had. It does not count as an attempt.
    /// How many it were.
    pub async fn release(&self, owner: &str, ids: Vec<Uuid>) -> Result<u64> {
        let _ = (owner, ids);
        Err(StoreError::Closed)
    }
}
