//! Batches: many inputs for one flow that are accepted together, each a queued run.

mod lines;
mod results;
mod view;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use futures::stream::{BoxStream, StreamExt as _};
use lockgate_model::Kebab;
use lockgate_store::{Accept, Accepted, BatchRow, BatchState, RunFilter, RunState as Stored};
use lockgate_telemetry::trace::RequestSpan;
use serde_json::{Map, Value as Tree, json};
use uuid::Uuid;

pub use view::{BadLineView, BatchCancelled, BatchView};

use crate::queue::{Worker, check_priority};
use crate::runs::conduct::Conductor;
use crate::runs::live::StopReason;
use crate::runs::{RunState, Trigger, access, detours, idempotency};
use crate::{Caller, Moment, Scope, ServiceError, traces};

/// The most bad lines that an answer names.
pub const MAX_BAD_LINES_SHOWN: usize = 100;

/// A batch that somebody asks for.
#[derive(Debug, Clone)]
pub struct BatchAsk {
    /// The flow.
    pub flow: Kebab,
    /// Which version; None: the active one when each run begins.
    pub version: Option<u32>,
    /// The inputs: JSON lines. Empty lines are left out.
    pub lines: String,
    /// As in [`crate::runs::RunAsk`], for all lines.
    pub vars: Map<String, Tree>,
    /// As in [`crate::runs::RunAsk`], for all lines.
    pub until: Option<String>,
    /// As in [`crate::runs::RunAsk`], for all lines.
    pub session: Option<String>,
    /// -10 to 10, higher first.
    pub priority: i32,
    /// As in [`crate::runs::RunAsk`].
    pub idempotency: Option<String>,
    /// As in [`crate::runs::RunAsk`]: the trace of all lines.
    pub trace: Option<Arc<RequestSpan>>,
}

/// The results of a batch as lines of JSON without their line breaks, in the order of its inputs.
pub struct BatchResults(BoxStream<'static, Result<String, ServiceError>>);

impl Stream for BatchResults {
    type Item = Result<String, ServiceError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl std::fmt::Debug for BatchResults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BatchResults")
    }
}

/// Batches, as callers ask for them.
#[derive(Debug, Clone)]
pub struct Batches {
    worker: Arc<Worker>,
}

impl Batches {
    pub(crate) fn new(worker: Arc<Worker>) -> Self {
        Self { worker }
    }

    /// Accepts a batch: every line, or none. When this returns, it outlives a loss of power.
    ///
    /// # Errors
    ///
    /// [`ServiceError::BadLines`] names the lines that are no input of the flow; and as [`crate::QueuedRuns::enqueue`].
    pub async fn accept(&self, caller: &Caller, ask: BatchAsk) -> Result<BatchView, ServiceError> {
        let conductor = self.conductor();
        conductor.check_draining()?;
        check_priority(ask.priority)?;
        caller.may_with(Scope::Run, &ask.flow)?;
        let resolved = conductor
            .registry
            .resolve(&caller.project, &ask.flow, ask.version);
        let plan = resolved.await?.plan;
        let none = Map::new();
        access::may_detour(
            caller,
            &plan,
            detours(&ask.vars, ask.until.as_deref(), &none),
        )?;
        crate::runs::check_vars(&plan, &ask.vars)?;
        crate::runs::check_session(&self.worker.conductor().mask, ask.session.as_deref())?;
        let row = BatchRow {
            id: Uuid::now_v7(),
            flow: ask.flow.clone(),
            version: ask.version,
            key: caller.key,
            total: 0,
            created_at: conductor.now_ms(),
        };
        let known = ask.idempotency.as_deref().map(|key| {
            let asked = json!({
                "version": ask.version, "lines": ask.lines, "vars": ask.vars, "until": ask.until,
                "session": ask.session, "priority": ask.priority,
            });
            let route = format!("batches {}", ask.flow);
            idempotency::row(caller, key, route, &asked, row.id, row.created_at)
        });
        let idempotency = known.transpose()?;
        let most = self.worker.config().batch_lines;
        let trace = traces::row(&conductor.traces.tracer, ask.trace.as_ref());
        let mut runs = lines::checked(caller, &plan, &ask, row.created_at, most).await?;
        for run in &mut runs {
            run.trace = Some(trace.clone());
        }
        let total = u32::try_from(runs.len()).unwrap_or(u32::MAX);
        let accept = Accept {
            project: caller.project.clone(),
            runs,
            batch: Some(BatchRow {
                total,
                ..row.clone()
            }),
            idempotency,
            bound: self.worker.config().length,
        };
        match conductor.queue.accept(accept).await? {
            Accepted::Accepted { ahead } => {
                self.worker.wake();
                Ok(BatchView {
                    batch: row.id,
                    flow: row.flow,
                    version: row.version,
                    state: RunState::Queued,
                    total: total.into(),
                    waiting: total.into(),
                    running: 0,
                    finished: 0,
                    outcomes: std::collections::BTreeMap::new(),
                    created_at: Moment(row.created_at),
                    ahead: Some(ahead),
                    replayed: false,
                })
            }
            Accepted::Known(known) => Ok(BatchView {
                replayed: true,
                ..self.get(caller, known.subject).await?
            }),
            Accepted::Mismatch(_) => Err(ServiceError::IdempotencyMismatch),
            Accepted::Full { depth } => Err(self.worker.full(depth)),
        }
    }

    /// How far a batch is.
    ///
    /// # Errors
    ///
    /// There is none that the caller may read.
    pub async fn get(&self, caller: &Caller, batch: Uuid) -> Result<BatchView, ServiceError> {
        Ok(self.find(caller, batch).await?.into())
    }

    /// What came of each line until now: `{line, run, state, outcome?, output?, error?}`, the lines of runs that are not
    /// finished included. `line` counts inputs, from 0.
    ///
    /// # Errors
    ///
    /// There is no batch that the caller may read.
    pub async fn results(
        &self,
        caller: &Caller,
        batch: Uuid,
    ) -> Result<BatchResults, ServiceError> {
        self.find(caller, batch).await?;
        let store = self.conductor().store.clone();
        let lines = results::lines(store, caller.project.clone(), batch);
        Ok(BatchResults(lines.boxed()))
    }

    /// Ends all runs of a batch that are not finished.
    ///
    /// # Errors
    ///
    /// There is no batch that the caller may read, or they may not cancel it.
    pub async fn cancel(
        &self,
        caller: &Caller,
        batch: Uuid,
    ) -> Result<BatchCancelled, ServiceError> {
        let state = self.find(caller, batch).await?;
        access::may_cancel(caller, state.row.key)?;
        let mut told = BatchCancelled {
            batch,
            cancelled: 0,
            ending: 0,
        };
        // A run that waits may begin meanwhile: then it is told among those that go on.
        for _ in 0..CANCEL_LOOKS {
            told.cancelled += self.cancel_waiting(caller, batch).await?;
            let running = self.runs_of(caller, batch, Stored::Running, None).await?;
            let mut is_complete = true;
            for run in running {
                match self.conductor().live.get(&caller.project, &run) {
                    Some(live) if live.stop.reason() == StopReason::None => {
                        live.stop.tell(StopReason::Cancelled);
                        told.ending += 1;
                    }
                    Some(_) => {}
                    None => is_complete = false, // about to begin, or just over
                }
            }
            if is_complete {
                break;
            }
            tokio::task::yield_now().await;
        }
        Ok(told)
    }

    /// Ends the runs of a batch that wait; several at once, because each is a small transaction of its own.
    async fn cancel_waiting(&self, caller: &Caller, batch: Uuid) -> Result<u64, ServiceError> {
        let mut cancelled = 0;
        let mut before = None;
        loop {
            let runs = self.runs_of(caller, batch, Stored::Queued, before).await?;
            let Some(last) = runs.last().copied() else {
                return Ok(cancelled);
            };
            before = Some(last);
            let conductor = self.conductor();
            let at = conductor.now_ms();
            let cancels = runs.into_iter().map(|run| async move {
                let queue = &conductor.queue;
                let done = queue.cancel_waiting(&caller.project, &run, at).await;
                conductor.live.poke(&run);
                done
            });
            let mut cancels = futures::stream::iter(cancels).buffer_unordered(CANCELS_AT_ONCE);
            while let Some(done) = cancels.next().await {
                cancelled += u64::from(done?);
            }
        }
    }

    /// Runs of a batch that are this far, and older than `before`; none if there are no more.
    async fn runs_of(
        &self,
        caller: &Caller,
        batch: Uuid,
        state: Stored,
        mut before: Option<Uuid>,
    ) -> Result<Vec<Uuid>, ServiceError> {
        loop {
            let filter = RunFilter {
                batch: Some(batch),
                state: Some(state),
                before,
                limit: RUNS_AT_ONCE,
                ..RunFilter::default()
            };
            let page = self
                .conductor()
                .store
                .runs(&caller.project, &filter)
                .await?;
            if page.runs.is_empty() && page.next.is_some() {
                before = page.next;
                continue;
            }
            return Ok(page.runs.iter().map(|run| run.id).collect());
        }
    }

    async fn find(&self, caller: &Caller, batch: Uuid) -> Result<BatchState, ServiceError> {
        access::may_read_some(caller)?;
        let state = self
            .conductor()
            .store
            .batch(&caller.project, &batch)
            .await?;
        let state =
            state.filter(|state| access::may_read(caller, Some(&state.row.flow), state.row.key));
        state.ok_or_else(|| ServiceError::not_found("batch", batch))
    }

    fn conductor(&self) -> &Arc<Conductor> {
        self.worker.conductor()
    }
}

/// How often a batch is looked at before a cancel is content with what it told.
const CANCEL_LOOKS: u32 = 100;

/// How many runs that wait are ended at once.
const CANCELS_AT_ONCE: usize = 32;

/// How many runs of a batch are looked at together.
const RUNS_AT_ONCE: u32 = 1_000;
