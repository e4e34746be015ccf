//! Keys: who may do what. Only their hashes are stored.

use lockgate_model::Kebab;
use uuid::Uuid;

use crate::{AuditRow, Result, Store, StoreError};

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// What names it in logs and rows.
    pub id: Uuid,
    /// The project that it is for.
    pub project: Kebab,
    /// The publisher of the plugins that are uploaded with it.
    pub publisher: Kebab,
    /// What people call it. Two keys of a project that are both in force have different names.
    pub name: String,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// What it may do: `admin`, `deploy`, `run`, `read`.
    pub scopes: Vec<String>,
    /// The flows that it is limited to. None: all.
    pub flows: Option<Vec<Kebab>>,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
}

impl Store {
    /// Adds a key. [`StoreError::Taken`] if its name, its id or its hash is.
    pub async fn add_key(&self, key: KeyRow, audit: AuditRow) -> Result<()> {
        let _ = (key, audit);
        Err(StoreError::Closed)
    }

    /// The key with this hash, revoked or not.
    pub async fn key_by_hash(&self, hash: &[u8; 32]) -> Result<Option<KeyRow>> {
        let _ = hash;
        Err(StoreError::Closed)
    }

    /// All keys of all projects, oldest first, with those that were revoked.
    pub async fn keys(&self) -> Result<Vec<KeyRow>> {
        Err(StoreError::Closed)
    }

    /// Revokes a key. False if there is none that is in force.
    pub async fn revoke_key(&self, id: &Uuid, at: i64, audit: AuditRow) -> Result<bool> {
        let _ = (id, at, audit);
        Err(StoreError::Closed)
    }
}
