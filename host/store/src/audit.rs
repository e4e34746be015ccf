//! The audit log: who changed what, when, from where. It is only ever added to.

use lockgate_model::Kebab;
use uuid::Uuid;

use crate::{Result, Store, StoreError};

/// One change, as whoever made it reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Where it was.
    pub project: Kebab,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The key's name; `dev` or `cli` where there was no key.
    pub actor: String,
    /// The key.
    pub key: Option<Uuid>,
    /// The address that it came from.
    pub address: Option<String>,
    /// What was done, such as `plugin.upload`.
    pub action: String,
    /// To what, such as `lockgate:text@1.2.0`.
    pub subject: String,
    /// More of it, as JSON.
    pub detail: String,
}

/// One change, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place in the log; goes up.
    pub seq: i64,
    /// The change.
    pub row: AuditRow,
}

impl Store {
    /// The newest entries of a project, newest first; only those before the entry `before`, if that is given.
    pub async fn audit(
        &self,
        project: &Kebab,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>> {
        let _ = (project, before, limit);
        Err(StoreError::Closed)
    }
}
