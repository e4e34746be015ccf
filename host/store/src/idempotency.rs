//! Idempotency keys: what a repeated request is answered with.

use lockgate_model::Kebab;
use uuid::Uuid;

use sqlx::Row as _;
use sqlx::sqlite::{Sqlite, SqliteRow};

use crate::columns::{blob, id};
use crate::fault::Fault;
use crate::writer::Tx;
use crate::{Result, Store};

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
        find(&self.0.readers, project, key, route, now_ms)
            .await
            .map_err(|error| self.fault(error))
    }
}

/// What is remembered of a key at this time.
pub(crate) async fn find<'c>(
    connection: impl sqlx::Executor<'c, Database = Sqlite>,
    project: &Kebab,
    key: &str,
    route: &str,
    now_ms: i64,
) -> sqlx::Result<Option<IdempotencyRow>> {
    sqlx::query("SELECT * FROM idempotency WHERE project = ? AND key = ? AND route = ? AND at > ?")
        .bind(project.as_str())
        .bind(key)
        .bind(route)
        .bind(now_ms.saturating_sub(IDEMPOTENCY_MS))
        .try_map(|row: SqliteRow| {
            Ok(IdempotencyRow {
                key: row.try_get("key")?,
                route: row.try_get("route")?,
                digest: row.try_get("digest")?,
                subject: id(&row, "subject")?,
                at: row.try_get("at")?,
            })
        })
        .fetch_optional(connection)
        .await
}

/// Remembers a key; what was remembered of it before is forgotten.
pub(crate) async fn put(tx: &mut Tx, project: &Kebab, row: &IdempotencyRow) -> Result<(), Fault> {
    sqlx::query(
        "INSERT OR REPLACE INTO idempotency (project, key, route, digest, subject, at) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(project.as_str())
    .bind(row.key.as_str())
    .bind(row.route.as_str())
    .bind(row.digest.as_str())
    .bind(blob(&row.subject))
    .bind(row.at)
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}
