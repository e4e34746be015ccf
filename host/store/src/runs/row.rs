//! A run as it is read.

use lockgate_model::{Kebab, TraceId};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use crate::columns::{blob, id as id_of, optional_id, optional_name};
use crate::traces::trace_id;
use crate::{Result, Store, journal};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunState {
    /// It waits in the queue.
    Queued,
    /// It was taken from the queue and goes on.
    Running,
    /// It ended.
    Finished,
}

impl RunState {
    /// `queued`, `running` or `finished`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished => "finished",
        }
    }
}

/// Which line of which batch a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BatchPlace {
    /// The batch.
    pub batch: Uuid,
    /// The line, from 0.
    pub index: u32,
}

/// A run without its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// Its id, a UUID v7.
    pub id: Uuid,
    /// How far it is.
    pub state: RunState,
    /// The flow. None for a document that came with the request.
    pub flow: Option<Kebab>,
    /// The flow's version.
    pub version: Option<u32>,
    /// The revision of that version's lock.
    pub revision: Option<u32>,
    /// How it ended: `ok`, `failed`, … None while it has not.
    pub outcome: Option<String>,
    /// What started it: `api`, `webhook`, …
    pub trigger: String,
    /// The key that started it.
    pub key: Option<Uuid>,
    /// The session that it belongs to.
    pub session: Option<String>,
    /// The run that it is a rerun of, or was started by.
    pub parent: Option<Uuid>,
    /// Its line in a batch.
    pub batch: Option<BatchPlace>,
    /// Labels, as a JSON object.
    pub labels: Option<String>,
    /// When it was asked for, in milliseconds since 1970.
    pub created_at: i64,
    /// When it began to run. None while it waits, or if it never did.
    pub started_at: Option<i64>,
    /// When it ended.
    pub finished_at: Option<i64>,
    /// How long it ran, in microseconds.
    pub duration_us: Option<u64>,
    /// Why it failed, in short.
    pub error: Option<String>,
    /// Whether a value of it was cut.
    pub cut: bool,
    /// Whether a value of it was masked.
    pub masked: bool,
    /// How often it was taken from the queue and lost, before. 0 for runs that were never queued.
    pub attempts: u32,
    /// The trace that it belongs to. None for runs from before there were traces.
    pub trace_id: Option<TraceId>,
}

/// A run with its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// All but the journal.
    pub summary: RunSummary,
    /// The events, as JSON lines. Empty while it has not ended, and for a run that never began.
    pub events: Vec<u8>,
}

impl Store {
    /// A run. One that is in the queue has no events yet.
    pub async fn run(&self, project: &Kebab, id: &Uuid) -> Result<Option<RunRow>> {
        if let Some(run) = self.finished(project, id).await? {
            return Ok(Some(run));
        }
        let waiting =
            format!("SELECT {QUEUED} FROM queue WHERE project = ? AND id = ? AND state < 2");
        let found = sqlx::query(AssertSqlSafe(waiting))
            .bind(project.as_str())
            .bind(blob(id))
            .try_map(queued)
            .fetch_optional(&self.0.readers)
            .await
            .map_err(|error| self.fault(error))?;
        match found {
            Some(summary) => Ok(Some(RunRow {
                summary,
                events: Vec::new(),
            })),
            // It may have ended between the two looks.
            None => self.finished(project, id).await,
        }
    }

    async fn finished(&self, project: &Kebab, id: &Uuid) -> Result<Option<RunRow>> {
        let found = sqlx::query("SELECT * FROM runs WHERE project = ? AND id = ?")
            .bind(project.as_str())
            .bind(blob(id))
            .try_map(|row| {
                let journal: Vec<u8> = row.try_get("journal")?;
                Ok((finished(row)?, journal))
            })
            .fetch_optional(&self.0.readers)
            .await
            .map_err(|error| self.fault(error))?;
        match found {
            None => Ok(None),
            Some((summary, journal)) => Ok(Some(RunRow {
                summary,
                events: journal::decompressed(journal, &self.0.file).await?,
            })),
        }
    }
}

/// The columns of `runs` that [`finished`] reads: all that are small.
pub(crate) const FINISHED: &str = "id, flow, version, revision, outcome, started_by, key_id, session, parent, batch, \
                                   batch_index, labels, created_at, started_at, finished_at, duration_us, cut, masked, \
                                   attempts, error, trace_id";

/// The columns of `queue` that [`queued`] reads.
pub(crate) const QUEUED: &str = "id, flow, version, revision, started_by, key_id, session, parent, batch, batch_index, \
                                 labels, created_at, state, attempts, trace_id";

/// A row of `runs`.
pub(crate) fn finished(row: SqliteRow) -> sqlx::Result<RunSummary> {
    let duration_us: Option<i64> = row.try_get("duration_us")?;
    Ok(RunSummary {
        state: RunState::Finished,
        outcome: row.try_get("outcome")?,
        started_at: row.try_get("started_at")?,
        finished_at: row.try_get("finished_at")?,
        duration_us: duration_us.and_then(|us| us.try_into().ok()),
        error: row.try_get("error")?,
        cut: row.try_get("cut")?,
        masked: row.try_get("masked")?,
        ..common(&row)?
    })
}

/// A row of `queue`.
pub(crate) fn queued(row: SqliteRow) -> sqlx::Result<RunSummary> {
    let state: i64 = row.try_get("state")?;
    Ok(RunSummary {
        state: if state == 0 {
            RunState::Queued
        } else {
            RunState::Running
        },
        ..common(&row)?
    })
}

/// What both tables have.
fn common(row: &SqliteRow) -> sqlx::Result<RunSummary> {
    Ok(RunSummary {
        id: id_of(row, "id")?,
        state: RunState::Queued,
        flow: optional_name(row, "flow")?,
        version: row.try_get("version")?,
        revision: row.try_get("revision")?,
        outcome: None,
        trigger: row.try_get("started_by")?,
        key: optional_id(row, "key_id")?,
        session: row.try_get("session")?,
        parent: optional_id(row, "parent")?,
        batch: batch_place(row)?,
        labels: row.try_get("labels")?,
        created_at: row.try_get("created_at")?,
        started_at: None,
        finished_at: None,
        duration_us: None,
        error: None,
        cut: false,
        masked: false,
        attempts: row.try_get("attempts")?,
        trace_id: trace_id(row)?,
    })
}

pub(crate) fn batch_place(row: &SqliteRow) -> sqlx::Result<Option<BatchPlace>> {
    let (batch, index) = (optional_id(row, "batch")?, row.try_get("batch_index")?);
    Ok(match (batch, index) {
        (Some(batch), Some(index)) => Some(BatchPlace { batch, index }),
        _ => None,
    })
}
