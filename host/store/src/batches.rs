//! Batches: many runs that were accepted together.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use lockgate_model::Kebab;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use crate::columns::{blob, count, id as id_of, name, optional_blob, optional_id};
use crate::fault::{Fault, taken};
use crate::runs::row;
use crate::writer::Tx;
use crate::{Result, RunRow, Store, journal};

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRow {
    /// Its id, a UUID v7.
    pub id: Uuid,
    /// The flow.
    pub flow: Kebab,
    /// The version that was asked for. None: the one in force when each run begins.
    pub version: Option<u32>,
    /// The key that started it.
    pub key: Option<Uuid>,
    /// How many runs it has.
    pub total: u32,
    /// When it was accepted, in milliseconds since 1970.
    pub created_at: i64,
}

/// How far a batch is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchState {
    /// The batch.
    pub row: BatchRow,
    /// Runs that wait.
    pub waiting: u64,
    /// Runs that go on.
    pub running: u64,
    /// Runs that ended, by how.
    pub outcomes: BTreeMap<String, u64>,
}

impl Store {
    /// A batch and how far it is.
    pub async fn batch(&self, project: &Kebab, id: &Uuid) -> Result<Option<BatchState>> {
        let fault = |error| self.fault(error);
        let row = sqlx::query("SELECT * FROM batches WHERE project = ? AND id = ?")
            .bind(project.as_str())
            .bind(blob(id))
            .try_map(|row| {
                Ok(BatchRow {
                    id: id_of(&row, "id")?,
                    flow: name(&row, "flow")?,
                    version: row.try_get("version")?,
                    key: optional_id(&row, "key_id")?,
                    total: row.try_get("total")?,
                    created_at: row.try_get("created_at")?,
                })
            })
            .fetch_optional(&self.0.readers)
            .await
            .map_err(fault)?;
        let Some(row) = row else {
            return Ok(None);
        };
        // One statement, so that no run is counted twice.
        let counts = sqlx::query(
            "SELECT outcome AS what, count(*) AS runs FROM runs WHERE project = ?1 AND batch = ?2 GROUP BY outcome \
             UNION ALL SELECT CAST(state AS TEXT), count(*) FROM queue \
             WHERE project = ?1 AND batch = ?2 AND state < 2 GROUP BY state",
        )
        .bind(project.as_str())
        .bind(blob(id))
        .try_map(|row| Ok((row.try_get::<String, _>("what")?, count(&row, "runs")?)))
        .fetch_all(&self.0.readers)
        .await
        .map_err(fault)?;
        let mut state = BatchState {
            row,
            waiting: 0,
            running: 0,
            outcomes: BTreeMap::new(),
        };
        for (what, runs) in counts {
            match what.as_str() {
                "0" => state.waiting = runs,
                "1" => state.running = runs,
                _ => {
                    state.outcomes.insert(what, runs);
                }
            }
        }
        Ok(Some(state))
    }

    /// The runs of a batch after a line, in the order of lines, whether they have ended or not; at most `limit`, and
    /// at most about 64 MiB of journals, but at least one.
    pub async fn batch_runs(
        &self,
        project: &Kebab,
        id: &Uuid,
        after_index: Option<u32>,
        limit: u32,
    ) -> Result<Vec<RunRow>> {
        let after = after_index.map_or(-1, i64::from);
        let limit = limit.min(MOST);
        let waiting = format!(
            "SELECT {} FROM queue WHERE project = ? AND batch = ? AND batch_index > ? AND state < 2 \
             ORDER BY batch_index LIMIT ?",
            row::QUEUED
        );
        // First those that wait: one that ends meanwhile is found twice rather than not at all.
        let waiting = sqlx::query(AssertSqlSafe(waiting))
            .bind(project.as_str())
            .bind(blob(id))
            .bind(after)
            .bind(limit)
            .try_map(row::queued)
            .fetch_all(&self.0.readers)
            .await
            .map_err(|error| self.fault(error))?;
        let (mut runs, whole) = self.batch_ended(project, id, after, limit).await?;
        let place = |run: &RunRow| run.summary.batch.map(|place| place.index);
        let last = if whole {
            None
        } else {
            runs.last().and_then(place)
        };
        runs.extend(waiting.into_iter().map(|summary| RunRow {
            summary,
            events: Vec::new(),
        }));
        // Stable: of a run that was found twice, its end comes first and stays.
        runs.sort_by_key(place);
        runs.dedup_by_key(|run| run.summary.id);
        if last.is_some() {
            runs.retain(|run| place(run) <= last);
        }
        runs.truncate(limit as usize);
        Ok(runs)
    }

    /// The runs of a batch that have ended, and whether these are all that were asked for.
    async fn batch_ended(
        &self,
        project: &Kebab,
        id: &Uuid,
        after: i64,
        limit: u32,
    ) -> Result<(Vec<RunRow>, bool)> {
        let mut rows = sqlx::query(
            "SELECT * FROM runs WHERE project = ? AND batch = ? AND batch_index > ? ORDER BY batch_index LIMIT ?",
        )
        .bind(project.as_str())
        .bind(blob(id))
        .bind(after)
        .bind(limit)
        .try_map(|row| {
            let journal: Vec<u8> = row.try_get("journal")?;
            Ok((row::finished(row)?, journal))
        })
        .fetch(&self.0.readers);
        let (mut runs, mut bytes) = (Vec::new(), 0);
        while let Some((summary, journal)) =
            rows.try_next().await.map_err(|error| self.fault(error))?
        {
            let events = journal::decompressed(journal, &self.0.file).await?;
            bytes += events.len();
            runs.push(RunRow { summary, events });
            if bytes > MOST_BYTES {
                return Ok((runs, false));
            }
        }
        Ok((runs, true))
    }
}

/// How many runs of a batch one call gives at most.
const MOST: u32 = 1000;

/// After how many bytes of journals a call gives no more of them.
const MOST_BYTES: usize = 64 << 20;

/// Adds a batch.
pub(crate) async fn add(tx: &mut Tx, project: &Kebab, row: BatchRow) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO batches (id, project, flow, version, key_id, total, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(blob(&row.id))
    .bind(project.as_str())
    .bind(row.flow.as_str())
    .bind(row.version)
    .bind(optional_blob(row.key.as_ref()))
    .bind(row.total)
    .bind(row.created_at)
    .execute(&mut tx.connection)
    .await
    .map_err(taken(|| format!("batch {}", row.id)))?;
    Ok(())
}
