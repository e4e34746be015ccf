//! What is done each minute: old rows go, the log is merged, free pages are given back.

use crate::{Result, Store, StoreError};

/// What an upkeep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Finished runs removed.
    pub runs: u64,
    /// Idempotency keys removed.
    pub idempotency: u64,
    /// Batches removed, because none of their runs is left.
    pub batches: u64,
    /// How large the database is now, without its free pages, in bytes.
    pub bytes: u64,
}

impl Store {
    /// Removes what is not kept any longer, in small steps between other writes. To be called each minute or so.
    pub async fn upkeep(&self, now_ms: i64) -> Result<Upkeep> {
        let _ = now_ms;
        Err(StoreError::Closed)
    }
}
