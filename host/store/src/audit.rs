//! The audit log: who changed what, when, from where. It is only ever added to.

use lockgate_model::Kebab;
use uuid::Uuid;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::columns::{name, optional_blob, optional_id};
use crate::fault::Fault;
use crate::writer::Tx;
use crate::{Result, Store};

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
    /// The newest entries of a project, newest first, at most 1,000; only those before the entry `before`, if that is given.
    pub async fn audit(
        &self,
        project: &Kebab,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>> {
        sqlx::query("SELECT * FROM audit WHERE project = ? AND seq < ? ORDER BY seq DESC LIMIT ?")
            .bind(project.as_str())
            .bind(before.unwrap_or(i64::MAX))
            .bind(limit.min(MOST))
            .try_map(entry)
            .fetch_all(&self.0.readers)
            .await
            .map_err(|error| self.fault(error))
    }
}

/// How many entries one call gives at most.
const MOST: u32 = 1000;

fn entry(row: SqliteRow) -> sqlx::Result<AuditEntry> {
    Ok(AuditEntry {
        seq: row.try_get("seq")?,
        row: AuditRow {
            project: name(&row, "project")?,
            at: row.try_get("at")?,
            actor: row.try_get("actor")?,
            key: optional_id(&row, "key_id")?,
            address: row.try_get("address")?,
            action: row.try_get("action")?,
            subject: row.try_get("subject")?,
            detail: row.try_get("detail")?,
        },
    })
}

/// Adds an entry, in the transaction of what it is about.
pub(crate) async fn add(tx: &mut Tx, row: AuditRow) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO audit (project, at, actor, key_id, address, action, subject, detail) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.project.as_str())
    .bind(row.at)
    .bind(row.actor)
    .bind(optional_blob(row.key.as_ref()))
    .bind(row.address)
    .bind(row.action)
    .bind(row.subject)
    .bind(row.detail)
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}
