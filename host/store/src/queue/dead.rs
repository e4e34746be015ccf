//! Dead letters: queued runs that were given up. They are finished as `failed`, and keep their sealed input.

use lockgate_model::Kebab;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use crate::columns::blob;
use crate::fault::Fault;
use crate::runs::row;
use crate::writer::Durability;
use crate::{AuditRow, Result, RunState, RunSummary, Store, audit};

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
    /// The dead letters of a project, the last accepted first, at most 1,000; only those before `before`, if that is given.
    pub async fn dead(
        &self,
        project: &Kebab,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<DeadRun>> {
        let statement = format!(
            "SELECT seq, reason, dead_at, {} FROM queue WHERE project = ? AND state = 2 AND seq < ? ORDER BY seq DESC LIMIT ?",
            row::QUEUED
        );
        sqlx::query(AssertSqlSafe(statement))
            .bind(project.as_str())
            .bind(before.unwrap_or(i64::MAX))
            .bind(limit.min(MOST))
            .try_map(|row| {
                let (seq, at) = (row.try_get("seq")?, row.try_get("dead_at")?);
                let reason: String = row.try_get("reason")?;
                Ok(DeadRun {
                    seq,
                    run: RunSummary {
                        state: RunState::Finished,
                        outcome: Some("failed".to_owned()),
                        finished_at: Some(at),
                        error: Some(reason.clone()),
                        ..row::queued(row)?
                    },
                    reason,
                    at,
                })
            })
            .fetch_all(&self.0.readers)
            .await
            .map_err(|error| self.fault(error))
    }

    /// Puts a dead letter back into the queue, as if it had never been tried. False if there is none.
    pub async fn requeue_dead(&self, project: &Kebab, id: &Uuid, audit: AuditRow) -> Result<bool> {
        let (project, id, log) = (project.clone(), blob(id), audit);
        self.0
            .writer
            .write(Durability::Power, move |tx| {
                Box::pin(async move {
                    let found = sqlx::query(
                        "UPDATE queue SET state = 0, attempts = 0, reason = NULL, dead_at = NULL \
                         WHERE project = ? AND id = ? AND state = 2 RETURNING priority",
                    )
                    .bind(project.as_str())
                    .bind(id.clone())
                    // To its end: a statement that is left after its first row is not done.
                    .fetch_all(&mut tx.connection)
                    .await?;
                    let Some(row) = found.first() else {
                        return Ok::<_, Fault>(false);
                    };
                    sqlx::query("DELETE FROM runs WHERE project = ? AND id = ?")
                        .bind(project.as_str())
                        .bind(id)
                        .execute(&mut tx.connection)
                        .await?;
                    tx.queued(row.try_get("priority")?);
                    audit::add(tx, log).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// Drops a dead letter and its input; the run stays, finished as `failed`. False if there is none.
    pub async fn remove_dead(&self, project: &Kebab, id: &Uuid, audit: AuditRow) -> Result<bool> {
        let (project, id, log) = (project.clone(), blob(id), audit);
        self.0
            .writer
            .write(Durability::Process, move |tx| {
                Box::pin(async move {
                    let done =
                        sqlx::query("DELETE FROM queue WHERE project = ? AND id = ? AND state = 2")
                            .bind(project.as_str())
                            .bind(id)
                            .execute(&mut tx.connection)
                            .await?;
                    let removed = done.rows_affected() > 0;
                    if removed {
                        audit::add(tx, log).await?;
                    }
                    Ok::<_, Fault>(removed)
                })
            })
            .await
    }
}

/// How many dead letters one call gives at most.
const MOST: u32 = 1000;
