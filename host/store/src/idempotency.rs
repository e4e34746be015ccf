//! Idempotency keys: what a repeated request is answered with.

use lockgate_model::Kebab;
use uuid::Uuid;

use crate::{Result, Store, StoreError};

/// How long an idempotency key is remembered, in milliseconds: 24 hours.
pub const IDEMPOTENCY_MS: i64 = 24 * 60 * 60 * 1000;

/// What is remembered of a request with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRow {
    /// Whose key, and which: the caller makes it of both.
    pub key: String,
    /// What was asked for, such as `POST /flows/poem/runs`.
    pub route: String,
    /// The digest of the request.
    pub digest: String,
    /// The run or batch that it began.
    pub subject: Uuid,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

impl Store {
    /// What is remembered of this key, if it is not older than [`IDEMPOTENCY_MS`] at `now_ms`.
    pub async fn idempotent(
        &self,
        project: &Kebab,
        key: &str,
        route: &str,
        now_ms: i64,
    ) -> Result<Option<IdempotencyRow>> {
        let _ = (project, key, route, now_ms);
        Err(StoreError::Closed)
    }
}
