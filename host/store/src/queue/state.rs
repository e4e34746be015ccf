//! How the queue is, and leaving it before one's turn.

use lockgate_model::Kebab;
use sqlx::Row as _;
use uuid::Uuid;

use super::end;
use crate::columns::{blob, count};
use crate::fault::Fault;
use crate::writer::Durability;
use crate::{Result, Store};

/// How the queue is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueState {
    /// Runs that wait.
    pub waiting: u64,
    /// Runs that were taken and go on.
    pub running: u64,
    /// Dead letters.
    pub dead: u64,
    /// When the oldest of those that wait was accepted, in milliseconds since 1970.
    pub oldest_at: Option<i64>,
}

impl Store {
    /// How the queue of a project is, or of all projects together.
    pub async fn queue(&self, project: Option<&Kebab>) -> Result<QueueState> {
        let rows = sqlx::query(
            "SELECT state, count(*) AS runs, min(created_at) AS oldest FROM queue \
             WHERE ?1 IS NULL OR project = ?1 GROUP BY state",
        )
        .bind(project.map(Kebab::as_str))
        .try_map(|row| {
            Ok((
                row.try_get::<i64, _>("state")?,
                count(&row, "runs")?,
                row.try_get("oldest")?,
            ))
        })
        .fetch_all(&self.0.readers)
        .await
        .map_err(|error| self.fault(error))?;
        let mut queue = QueueState::default();
        for (state, runs, oldest) in rows {
            match state {
                0 => {
                    queue.waiting = runs;
                    queue.oldest_at = oldest;
                }
                1 => queue.running = runs,
                _ => queue.dead = runs,
            }
        }
        Ok(queue)
    }

    /// How many runs are before this one. None: it does not wait.
    pub async fn place(&self, id: &Uuid) -> Result<Option<u64>> {
        // Two ranges of the same index; an OR would be read row by row.
        sqlx::query(
            "SELECT (SELECT count(*) FROM queue WHERE state = 0 AND priority > run.priority) \
                  + (SELECT count(*) FROM queue WHERE state = 0 AND priority = run.priority AND seq < run.seq) AS ahead \
             FROM queue AS run WHERE run.id = ? AND run.state = 0",
        )
        .bind(blob(id))
        .try_map(|row| count(&row, "ahead"))
        .fetch_optional(&self.0.readers)
        .await
        .map_err(|error| self.fault(error))
    }

    /// Ends a run that waits as `cancelled`. False if it does not wait.
    pub async fn cancel_waiting(&self, project: &Kebab, id: &Uuid, at: i64) -> Result<bool> {
        let (project, id) = (project.clone(), blob(id));
        self.0
            .writer
            .write(Durability::Process, move |tx| {
                Box::pin(async move {
                    let found = sqlx::query(
                        "SELECT seq, priority FROM queue WHERE project = ? AND id = ? AND state = 0",
                    )
                    .bind(project.as_str())
                    .bind(id)
                    .fetch_optional(&mut tx.connection)
                    .await?;
                    let Some(row) = found else {
                        return Ok::<_, Fault>(false);
                    };
                    let place: i64 = row.try_get("seq")?;
                    end::write(tx, &[place], "cancelled", None, at).await?;
                    sqlx::query("DELETE FROM queue WHERE seq = ?")
                        .bind(place)
                        .execute(&mut tx.connection)
                        .await?;
                    tx.dequeued(row.try_get("priority")?);
                    Ok(true)
                })
            })
            .await
    }
}
