//! Runs as they end.

use std::borrow::Cow;

use lockgate_model::{Kebab, TraceId};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::BatchPlace;
use crate::writer::FinishRow;
use crate::{IdempotencyRow, Result, Store, StoreError, journal};

/// A run that ended, as it is given to the store.
#[derive(Debug, Clone)]
pub struct FinishedRun {
    /// Its project.
    pub project: Kebab,
    /// Its id, a UUID v7.
    pub id: Uuid,
    /// The flow. None for a document that came with the request.
    pub flow: Option<Kebab>,
    /// The flow's version.
    pub version: Option<u32>,
    /// The revision of that version's lock.
    pub revision: Option<u32>,
    /// How it ended: `ok`, `failed`, …
    pub outcome: &'static str,
    /// What started it: `api`, `webhook`, …
    pub trigger: Cow<'static, str>,
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
    /// When it began to run.
    pub started_at: Option<i64>,
    /// When it ended.
    pub finished_at: i64,
    /// How long it ran, in microseconds.
    pub duration_us: u64,
    /// What happened, as JSON lines, not compressed. At most [`MAX_JOURNAL_BYTES`](crate::MAX_JOURNAL_BYTES).
    pub events: Vec<u8>,
    /// Whether a value of it was cut.
    pub cut: bool,
    /// Whether a value of it was masked.
    pub masked: bool,
    /// Why it failed, in short.
    pub error: Option<String>,
    /// Whether it came from the queue: then it leaves that, and its sealed input is dropped.
    pub queued: bool,
    /// The trace that it belongs to.
    pub trace_id: Option<TraceId>,
    /// What an idempotency key is to remember of it, if one came with a request that waited.
    pub idempotency: Option<Box<IdempotencyRow>>,
}

impl Store {
    /// Stores a run that ended; returns when it is committed.
    ///
    /// A run ends once: if it has ended already (it was cancelled, or given up and buried), that end stays.
    pub async fn finish_run(&self, run: FinishedRun) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        // Nobody may wait any more: it is stored all the same.
        let done = |stored| drop(answer.send(stored));
        self.finish_run_then(run, done).await;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// As [`Self::finish_run`], but returns when the run is handed over. `done` is called once, by the writer, which waits
    /// for it: with whether the run is committed. It is dropped without being called where the store is closed meanwhile.
    pub async fn finish_run_then(
        &self,
        run: FinishedRun,
        done: impl FnOnce(Result<()>) + Send + 'static,
    ) {
        let journal = match journal::compressed(run.events, &self.0.file).await {
            Ok(journal) => journal,
            Err(error) => return done(Err(error)),
        };
        let row = FinishRow {
            project: run.project,
            id: run.id,
            flow: run.flow,
            version: run.version,
            revision: run.revision,
            outcome: run.outcome,
            started_by: run.trigger,
            key: run.key,
            session: run.session,
            parent: run.parent,
            batch: run.batch,
            labels: run.labels,
            created_at: run.created_at,
            started_at: run.started_at,
            finished_at: run.finished_at,
            duration_us: run.duration_us,
            cut: run.cut,
            masked: run.masked,
            error: run.error,
            trace_id: run.trace_id,
            journal,
            queued: run.queued,
            idempotency: run.idempotency,
        };
        self.0.writer.finish(Box::new(row), Box::new(done)).await;
    }
}
