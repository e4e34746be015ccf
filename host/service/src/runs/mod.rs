//! Runs: started, followed, read, cancelled, repeated.
//!
//! A run that goes on is in memory, with its journal; once it ended and its row is committed, the store has it. Whoever reads
//! looks into memory first and then into the store, so that a run is always in one of them.
//!
//! Belongs here: what may be asked of runs, and what is told of them. Does not belong here: how a flow runs
//! (`lockgate-flow`), and runs that wait for their turn (`queue`).

pub(crate) mod access;
mod ask;
pub(crate) mod conduct;
mod config;
mod course;
mod drive;
mod ending;
mod events;
mod handle;
pub(crate) mod idempotency;
pub(crate) mod lines;
mod list;
pub(crate) mod live;
mod receipts;
mod recorder;
mod rerun;
pub(crate) mod start;
pub(crate) mod stored;
mod view;

use std::sync::Arc;

use lockgate_store::RunState as Stored;
use uuid::Uuid;

pub use ask::{
    MAX_IDEMPOTENCY_KEY_BYTES, MAX_SESSION_BYTES, NodeAsk, RerunAsk, RunAsk, RunsQuery, Target,
    Trigger,
};
pub use config::RunsConfig;
pub use events::{EventLine, RunEvents};
pub use handle::{AnswerParts, RunHandle};
pub(crate) use start::{check_session, check_vars, detours};
pub use view::{
    AttemptView, Cancelled, CourseView, ElementView, LogView, NodeView, ReceiptDoc, ReceiptView,
    RunErrorView, RunState, RunSummary, RunView,
};

use conduct::Conductor;
use course::{Collect, Way};
use live::StopReason;
use start::Places;

use crate::{Caller, Page, ServiceError, page};

/// How many receipts the answer for a run has at most.
pub const MAX_RECEIPTS: usize = 1_000;

/// How many attempts at a node, or at an element of it, are told at most.
pub const MAX_ATTEMPTS: usize = 20;

/// How many log lines of an attempt are told at most.
pub const MAX_LOG_LINES: usize = 1_000;

/// Runs, as callers ask for them.
#[derive(Debug, Clone)]
pub struct Runs {
    conductor: Arc<Conductor>,
    places: Places,
}

impl Runs {
    pub(crate) fn new(conductor: Arc<Conductor>, config: RunsConfig) -> Self {
        Self {
            conductor,
            places: Places::new(config),
        }
    }

    /// Starts a run, and returns when it has begun. It goes on whatever becomes of the handle; until it begins, dropping
    /// the future ends it.
    ///
    /// # Errors
    ///
    /// The caller may not, there is no such flow, the request or the input does not fit it, the host is busy or about to
    /// stop.
    pub async fn start(&self, caller: &Caller, ask: RunAsk) -> Result<RunHandle, ServiceError> {
        let handle = self.launch(caller, ask).await?;
        start::begun(&handle).await?;
        Ok(handle)
    }

    /// Starts a run and waits for its end. It goes on if the future is dropped after it began.
    ///
    /// # Errors
    ///
    /// As [`Runs::start`]. That a run fails is no error: the answer says it.
    pub async fn run(&self, caller: &Caller, ask: RunAsk) -> Result<Arc<RunView>, ServiceError> {
        self.launch(caller, ask).await?.ended().await
    }

    /// Runs of the caller's project, the newest first. Those that go on are among them.
    ///
    /// # Errors
    ///
    /// The caller may not read, or a part of the query is none.
    pub async fn list(
        &self,
        caller: &Caller,
        query: RunsQuery,
    ) -> Result<Page<RunSummary>, ServiceError> {
        list::list(&self.conductor, caller, query).await
    }

    /// A run, however far it is.
    ///
    /// # Errors
    ///
    /// There is none that the caller may read.
    pub async fn get(&self, caller: &Caller, run: Uuid) -> Result<Arc<RunView>, ServiceError> {
        match self.find(caller, run).await? {
            // Who has seen its last event finds it ended: that it is not stored yet is the host's business. What is read is
            // what was kept; the answer is for whoever asked for the run.
            Found::Live(live) if live.journal.is_over() => {
                live.ended().await?;
                let row = self.conductor.store.run(&caller.project, &run).await?;
                let row = row.ok_or_else(|| ServiceError::not_found("run", run))?;
                Ok(Arc::new(stored::view(row)))
            }
            Found::Live(live) => Ok(Arc::new(start::view_so_far(&live))),
            Found::Stored(row) => {
                let waits = row.summary.state == Stored::Queued;
                let mut view = stored::view(*row);
                if waits {
                    view.ahead = self.conductor.queue.place(&run).await?;
                }
                Ok(Arc::new(view))
            }
        }
    }

    /// The course of one node in a run.
    ///
    /// # Errors
    ///
    /// There is no such run, or nothing happened at such a node.
    pub async fn node(
        &self,
        caller: &Caller,
        run: Uuid,
        ask: NodeAsk,
    ) -> Result<NodeView, ServiceError> {
        let limit = page::limit(ask.limit)?;
        let way = Way::read(&ask.node);
        let events = match self.find(caller, run).await? {
            Found::Live(live) => lines::so_far(&live.journal, |event| way.is_at(event)),
            Found::Stored(row) => row.events,
        };
        let mut collect = Collect::new(way, ask.after, limit);
        lines::read(&events).for_each(|line| collect.read(&line));
        let node = ask.node.clone();
        let gone = || ServiceError::not_found("node of the run", &ask.node);
        collect.finish(run, node).ok_or_else(gone)
    }

    /// The events of a run after the one with this number, from the first on if it is 0: those that were, and then those
    /// that come, until the run's last. Of a run that waits, once it begins.
    ///
    /// A queued run that was lost with its host begins anew, and its numbers with it: after a number that it does not have
    /// yet, they come from the first on.
    ///
    /// # Errors
    ///
    /// There is no run that the caller may read.
    pub async fn events(
        &self,
        caller: &Caller,
        run: Uuid,
        after: u64,
    ) -> Result<RunEvents, ServiceError> {
        match self.find(caller, run).await? {
            Found::Live(live) => Ok(RunEvents::of_live(live, after)),
            Found::Stored(row) if row.summary.state == Stored::Finished => {
                Ok(RunEvents::of_stored(row.events, after))
            }
            Found::Stored(_) => {
                let conductor = Arc::clone(&self.conductor);
                RunEvents::of(conductor, caller.project.clone(), run, after).await
            }
        }
    }

    /// Ends a run: one that waits at once, one that goes on in a moment.
    ///
    /// # Errors
    ///
    /// There is none that the caller may read, they may not cancel it, or it is finished.
    pub async fn cancel(&self, caller: &Caller, run: Uuid) -> Result<Cancelled, ServiceError> {
        // A run that waits may begin meanwhile: then it is looked for once more, among those that go on.
        for _ in 0..CANCEL_LOOKS {
            match self.find(caller, run).await? {
                Found::Live(live) => {
                    access::may_cancel(caller, live.birth.key)?;
                    live.stop.tell(StopReason::Cancelled);
                    let state = RunState::Running;
                    return Ok(Cancelled { run, state });
                }
                Found::Stored(row) if row.summary.state == Stored::Finished => {
                    access::may_cancel(caller, row.summary.key)?;
                    return Err(ServiceError::Finished);
                }
                Found::Stored(row) => {
                    access::may_cancel(caller, row.summary.key)?;
                    let at = self.conductor.now_ms();
                    let queue = &self.conductor.queue;
                    if queue.cancel_waiting(&caller.project, &run, at).await? {
                        self.conductor.live.poke(&run);
                        let state = RunState::Queued;
                        return Ok(Cancelled { run, state });
                    }
                }
            }
            tokio::task::yield_now().await;
        }
        Err(ServiceError::Busy {
            what: "the run is about to begin",
            retry_after: self.places.retry_after(),
        })
    }

    /// Repeats a finished run from one of its nodes on. It returns when the new run has begun.
    ///
    /// # Errors
    ///
    /// There is no such run, the caller may not, it is not finished, was cut or masked, or the flow's version has no such
    /// node; and as [`Runs::start`].
    pub async fn rerun(
        &self,
        caller: &Caller,
        run: Uuid,
        ask: RerunAsk,
    ) -> Result<RunHandle, ServiceError> {
        let Found::Stored(row) = self.find(caller, run).await? else {
            return Err(ServiceError::NotFinished);
        };
        let demand = rerun::demand(&self.conductor, caller, *row, &ask).await?;
        let handle = self
            .admit(caller, demand, ask.idempotency.as_deref())
            .await?;
        start::begun(&handle).await?;
        Ok(handle)
    }

    /// A run that the caller may read.
    async fn find(&self, caller: &Caller, run: Uuid) -> Result<Found, ServiceError> {
        access::may_read_some(caller)?;
        let gone = || ServiceError::not_found("run", run);
        if let Some(live) = self.conductor.live.get(&caller.project, &run) {
            let birth = &live.birth;
            let may = access::may_read(caller, birth.flow.as_ref(), birth.key);
            return may.then(|| Found::Live(Arc::clone(&live))).ok_or_else(gone);
        }
        let row = self.conductor.store.run(&caller.project, &run).await?;
        let row =
            row.filter(|row| access::may_read(caller, row.summary.flow.as_ref(), row.summary.key));
        row.map(|row| Found::Stored(Box::new(row))).ok_or_else(gone)
    }
}

/// How often a run that waits is looked at before a cancel gives up: it is between the queue and its beginning for a moment.
const CANCEL_LOOKS: u32 = 100;

/// Where a run is.
enum Found {
    Live(Arc<live::Live>),
    Stored(Box<lockgate_store::RunRow>),
}
