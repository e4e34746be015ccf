//! Runs that ended, written many at a time. The path that every run takes: few statements, few turns between threads.

use std::borrow::Cow;
use std::sync::Arc;

use lockgate_model::{Kebab, TraceId};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Row as _};
use uuid::Uuid;

use super::{Finish, Tx};
use crate::columns::{blob, ids, optional_blob, signed};
use crate::fault::Fault;
use crate::idempotency;
use crate::{BatchPlace, IdempotencyRow};

/// A run that ended, with its journal compressed.
pub(crate) struct FinishRow {
    pub(crate) project: Kebab,
    pub(crate) id: Uuid,
    pub(crate) flow: Option<Kebab>,
    pub(crate) version: Option<u32>,
    pub(crate) revision: Option<u32>,
    pub(crate) outcome: &'static str,
    pub(crate) started_by: Cow<'static, str>,
    pub(crate) key: Option<Uuid>,
    pub(crate) session: Option<String>,
    pub(crate) parent: Option<Uuid>,
    pub(crate) batch: Option<BatchPlace>,
    pub(crate) labels: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) started_at: Option<i64>,
    pub(crate) finished_at: i64,
    pub(crate) duration_us: u64,
    pub(crate) cut: bool,
    pub(crate) masked: bool,
    pub(crate) error: Option<String>,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) journal: Vec<u8>,
    pub(crate) queued: bool,
    pub(crate) idempotency: Option<Box<IdempotencyRow>>,
}

const COLUMNS: &str = "id, project, flow, version, revision, outcome, started_by, key_id, session, parent, batch, \
                       batch_index, labels, created_at, started_at, finished_at, duration_us, cut, masked, error, trace_id, \
                       journal";

/// How many of them.
const WIDTH: usize = 22;

impl FinishRow {
    /// In the order of [`COLUMNS`].
    fn bind(&mut self, arguments: &mut SqliteArguments) -> Result<(), sqlx::error::BoxDynError> {
        arguments.add(blob(&self.id))?;
        arguments.add(self.project.as_str())?;
        arguments.add(self.flow.as_ref().map(Kebab::as_str))?;
        arguments.add(self.version)?;
        arguments.add(self.revision)?;
        arguments.add(self.outcome)?;
        arguments.add(&*self.started_by)?;
        arguments.add(optional_blob(self.key.as_ref()))?;
        arguments.add(self.session.take())?;
        arguments.add(optional_blob(self.parent.as_ref()))?;
        arguments.add(optional_blob(self.batch.as_ref().map(|place| &place.batch)))?;
        arguments.add(self.batch.map(|place| place.index))?;
        arguments.add(self.labels.take())?;
        arguments.add(self.created_at)?;
        arguments.add(self.started_at)?;
        arguments.add(self.finished_at)?;
        arguments.add(signed(self.duration_us))?;
        arguments.add(self.cut)?;
        arguments.add(self.masked)?;
        arguments.add(self.error.take())?;
        arguments.add(self.trace_id.map(|trace| trace.0.to_vec()))?;
        arguments.add(std::mem::take(&mut self.journal))
    }
}

/// Groups of up to this many rows have a statement of their own; larger ones are made of these.
const EXACT: usize = 16;
const LARGE: [usize; 2] = [64, 32];

/// How many rows the next statement of a group of this many takes.
fn piece(rows: usize) -> usize {
    LARGE
        .into_iter()
        .find(|large| *large <= rows)
        .unwrap_or(rows.min(EXACT))
}

/// The statements that write runs, by their number of rows, so that each is prepared once.
pub(super) struct FinishStatements {
    pieces: [Option<Arc<str>>; LARGE[0] + 1],
    whole: [Option<Arc<str>>; LARGE[0] + 1],
}

/// A run ends once: the end that is stored stays.
fn insert(rows: usize) -> String {
    let row = format!("({})", vec!["?"; WIDTH].join(","));
    format!(
        "INSERT INTO runs ({COLUMNS}) VALUES {} ON CONFLICT DO NOTHING",
        vec![row; rows].join(",")
    )
}

impl FinishStatements {
    pub(super) fn new() -> Self {
        Self {
            pieces: [const { None }; LARGE[0] + 1],
            whole: [const { None }; LARGE[0] + 1],
        }
    }

    /// Writes a group as a transaction of its own, in one turn to the connection's thread, if it is a group for which that
    /// can be done. Whether it was.
    pub(super) async fn whole(
        &mut self,
        tx: &mut Tx,
        finishes: &mut [Finish],
    ) -> Result<bool, Fault> {
        let rows = finishes.len();
        let more = |finish: &Finish| finish.row.queued || finish.row.idempotency.is_some();
        if piece(rows) != rows || finishes.iter().any(more) {
            return Ok(false);
        }
        let statement = self.whole[rows]
            .get_or_insert_with(|| format!("BEGIN IMMEDIATE; {}; COMMIT", insert(rows)).into());
        write(tx, statement.clone(), finishes).await?;
        Ok(true)
    }

    /// Writes a group within a transaction.
    pub(super) async fn pieces(
        &mut self,
        tx: &mut Tx,
        mut finishes: &mut [Finish],
    ) -> Result<(), Fault> {
        let queued = ids(finishes
            .iter()
            .filter(|finish| finish.row.queued)
            .map(|finish| &finish.row.id));
        // Mutable, because what is called when they are done is not shared between threads.
        for finish in finishes.iter_mut() {
            if let Some(row) = &finish.row.idempotency {
                idempotency::put(tx, &finish.row.project, row).await?;
            }
        }
        while !finishes.is_empty() {
            let rows = piece(finishes.len());
            let (now, rest) = finishes.split_at_mut(rows);
            let statement = self.pieces[rows].get_or_insert_with(|| insert(rows).into());
            write(tx, statement.clone(), now).await?;
            finishes = rest;
        }
        if queued.len() > "[]".len() {
            leave_queue(tx, queued).await?;
        }
        Ok(())
    }
}

async fn write(tx: &mut Tx, statement: Arc<str>, finishes: &mut [Finish]) -> Result<(), Fault> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(finishes.len() * WIDTH, 0);
    for finish in finishes {
        tx.wrote(finish.row.journal.len());
        finish
            .row
            .bind(&mut arguments)
            .map_err(sqlx::Error::Encode)?;
    }
    sqlx::query_with(AssertSqlSafe(statement), arguments)
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

/// Takes runs that ended out of the queue, and notes how often they were lost before. Dead letters stay.
async fn leave_queue(tx: &mut Tx, ids: String) -> Result<(), Fault> {
    let left = sqlx::query(
        "UPDATE runs SET attempts = queue.attempts FROM queue \
         WHERE queue.id IN (SELECT unhex(value) FROM json_each(?1)) AND queue.attempts > 0 AND queue.state < 2 \
           AND runs.project = queue.project AND runs.id = queue.id; \
         DELETE FROM queue WHERE id IN (SELECT unhex(value) FROM json_each(?1)) AND state < 2 RETURNING state",
    )
    .bind(ids)
    .fetch_all(&mut tx.connection)
    .await?;
    for row in left {
        // One whose lease was over may wait again.
        if row.try_get::<i64, _>("state")? == 0 {
            tx.forget();
        }
    }
    Ok(())
}
