//! One run from its beginning to its row: driven on the guest threads, watched from outside of them, stored.
//!
//! Whatever becomes of the run's own task, the one that watches it stores how it ended.

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use lockgate_flow::{Engine, Plan, RunError, RunJournal, RunRequest};
use lockgate_model::{Clock, Journal, RunOutcome};
use lockgate_store::{FinishedRun, Store};
use tokio::sync::{oneshot, watch};

use super::idempotency::InFlight;
use super::lines::{self, Lines};
use super::live::{Birth, Ended, Live, LiveRuns, StopReason};
use super::receipts::Receipts;
use super::recorder::{Recorder, Seen};
use super::{RunErrorView, RunState, RunSummary, RunView};
use crate::queue::Queue;
use crate::{Doc, GuestThreads, Moment, Registry, SchemaFaultView, ServiceError};

/// The longest short reason that a row has beside its journal, in bytes.
const MAX_REASON_BYTES: usize = 500;

/// When whoever comes while the host is about to stop is told to come back.
const BACK_AFTER_STOP: Duration = Duration::from_secs(5);

/// What all runs of a service share.
pub(crate) struct Conductor {
    pub(crate) store: Store,
    pub(crate) queue: Arc<dyn Queue>,
    /// Who leases runs of the queue: this service.
    pub(crate) owner: String,
    pub(crate) registry: Arc<Registry>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) threads: Arc<dyn GuestThreads>,
    pub(crate) live: LiveRuns,
    pub(crate) in_flight: InFlight,
    draining: AtomicBool,
    /// Whether the last run that ended could not be stored.
    broken: AtomicBool,
    /// Becomes true when the service is dropped.
    gone: watch::Sender<bool>,
}

/// What a run occupies until it has ended; dropped then.
pub(crate) type Room = Box<dyn Any + Send>;

impl Conductor {
    pub(crate) fn new(
        store: Store,
        registry: Arc<Registry>,
        engine: Arc<Engine>,
        threads: Arc<dyn GuestThreads>,
    ) -> Arc<Self> {
        Arc::new(Self {
            queue: Arc::new(store.clone()),
            store,
            owner: uuid::Uuid::now_v7().to_string(),
            registry,
            engine,
            threads,
            live: LiveRuns::default(),
            in_flight: InFlight::default(),
            draining: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            gone: watch::Sender::new(false),
        })
    }

    /// The time of the day, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        Moment::of(self.engine.clock().wall()).0
    }

    /// Starts nothing new from now on.
    pub(crate) fn begin_to_drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// An error if nothing new is to start.
    pub(crate) fn check_draining(&self) -> Result<(), ServiceError> {
        if self.is_draining() {
            Err(draining())
        } else {
            Ok(())
        }
    }

    /// Whether what ends can be stored, as far as is known.
    pub(crate) fn can_store(&self) -> bool {
        !self.broken.load(Ordering::Relaxed)
    }

    /// Notes whether something could be stored.
    pub(crate) fn stored(&self, done: bool) {
        if self.can_store() != done {
            self.broken.store(!done, Ordering::Relaxed);
        }
    }

    /// Ends everything that goes on, at once and without a word: the service was dropped.
    pub(crate) fn go(&self) {
        self.draining.store(true, Ordering::Release);
        self.gone.send_replace(true);
    }

    /// Does something beside; it ends when the service is dropped.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut gone = self.gone.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                _ = gone.wait_for(|gone| *gone) => {}
                () = work => {}
            }
        });
    }

    /// Starts a run. It goes on by itself; `room` is dropped when it has ended. None if a run of this id goes on already.
    pub(crate) fn conduct(
        self: &Arc<Self>,
        birth: Birth,
        plan: Arc<Plan>,
        request: RunRequest,
        room: Room,
    ) -> Option<Arc<Live>> {
        let clock = self.engine.clock();
        let journal = RunJournal::new(Arc::clone(&request.id), Arc::clone(&clock));
        let live = Live::new(birth, journal);
        if !self.live.add(&live) {
            return None;
        }
        let recorder = Recorder::new(Arc::clone(&live), clock);
        let (conductor, watched) = (Arc::clone(self), Arc::clone(&live));
        self.spawn(async move {
            let refused = conductor.drive(&watched, &recorder, plan, request).await;
            conductor.finish(&watched, &recorder, refused).await;
            drop(room);
        });
        Some(live)
    }

    /// Stores a run that cannot begin, and why.
    pub(crate) async fn fail(self: &Arc<Self>, birth: Birth, reason: &str) {
        let clock = self.engine.clock();
        let journal = RunJournal::new(birth.id.to_string(), Arc::clone(&clock));
        let live = Live::new(birth, journal);
        if self.live.add(&live) {
            let recorder = Recorder::new(Arc::clone(&live), clock);
            recorder.refuse(reason);
            self.finish(&live, &recorder, None).await;
        }
    }

    /// Drives a run to its end, or to where nothing of it goes on any more. Gives why it never began.
    async fn drive(
        &self,
        live: &Live,
        recorder: &Arc<Recorder>,
        plan: Arc<Plan>,
        request: RunRequest,
    ) -> Option<RunError> {
        let (tell, mut told) = oneshot::channel();
        let engine = Arc::clone(&self.engine);
        let journal: Arc<dyn Journal> = Arc::clone(recorder) as _;
        let work = async move {
            let refused = match engine.run(plan, request, journal).await {
                Err(error @ (RunError::Input(_) | RunError::Request(_))) => Some(error),
                _ => None, // the recorder heard of it
            };
            let _ = tell.send(refused); // nobody hears it where the service was dropped
        };
        let work = AssertUnwindSafe(self.threads.spawn(Box::pin(work)));
        let mut work = Box::pin(work.catch_unwind());
        tokio::select! {
            biased;
            refused = &mut told => return refused.ok().flatten(),
            () = live.stop.told() => {}
            done = &mut work => {
                if done.is_err() {
                    tracing::error!(run = %live.birth.id, "the task of a run panicked");
                }
            }
        }
        drop(work);
        // What was driven is gone when its end of the channel is: then nothing more is written to the journal.
        told.await.ok().flatten()
    }

    /// Stores how a run ended, and tells those who wait.
    async fn finish(&self, live: &Arc<Live>, recorder: &Recorder, refused: Option<RunError>) {
        let ended = match refused {
            Some(error) if !live.birth.queued => Err(refusal(error)),
            Some(error) => {
                recorder.refuse(&error.to_string());
                self.keep(live, recorder).await
            }
            None => {
                recorder.close();
                self.keep(live, recorder).await
            }
        };
        live.ended.send_replace(Some(ended));
        self.live.remove(&live.birth.id);
        if let Some(row) = &live.birth.idempotency {
            self.in_flight.remove(&live.birth.project, row);
        }
    }

    async fn keep(&self, live: &Arc<Live>, recorder: &Recorder) -> Ended {
        let seen = std::mem::take(&mut *recorder.seen());
        let reason = live.stop.reason();
        let is_cancelled = matches!(seen.outcome, Some(RunOutcome::Cancelled) | None);
        if is_cancelled && reason > StopReason::Cancelled {
            if reason == StopReason::Requeued {
                let run = vec![live.birth.id];
                self.queue.release(&self.owner, run).await.map_err(fault)?;
            }
            return Err(draining());
        }
        let mut receipts = Receipts::default();
        let lines = lines::write(&live.journal, &mut receipts).await;
        let clock = self.engine.clock();
        let row = row(&live.birth, &seen, lines, &*clock);
        let view = view(&live.birth, seen, &row, receipts);
        let stored = self.store.finish_run(row).await;
        self.stored(stored.is_ok());
        stored.map_err(fault)?;
        Ok(Arc::new(view))
    }
}

impl fmt::Debug for Conductor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conductor")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

/// The host is about to stop.
pub(crate) fn draining() -> ServiceError {
    ServiceError::Draining {
        retry_after: BACK_AFTER_STOP,
    }
}

/// Why a run never began, for whoever asked for it.
pub(crate) fn refusal(error: RunError) -> ServiceError {
    match error {
        RunError::Input(faults) => {
            ServiceError::InvalidInput(faults.iter().map(SchemaFaultView::from).collect())
        }
        error => ServiceError::InvalidRequest(error.to_string()),
    }
}

fn fault(error: lockgate_store::StoreError) -> ServiceError {
    tracing::error!(%error, "a run that ended could not be stored");
    error.into()
}

fn row(birth: &Birth, seen: &Seen, lines: Lines, clock: &dyn Clock) -> FinishedRun {
    let outcome = seen.outcome.as_ref().unwrap_or(&RunOutcome::Cancelled);
    let started = seen.started;
    let took = started.map_or(Duration::ZERO, |started| {
        clock.now().saturating_sub(started.clock)
    });
    let labels = (!seen.labels.is_empty()).then(|| {
        let labels = seen
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value));
        serde_json::to_string(&labels.collect::<std::collections::BTreeMap<_, _>>())
    });
    FinishedRun {
        project: birth.project.clone(),
        id: birth.id,
        flow: birth.flow.clone(),
        version: birth.version,
        revision: birth.revision,
        outcome: outcome.word(),
        trigger: birth.trigger.clone(),
        key: birth.key,
        session: birth.session.clone(),
        parent: birth.parent,
        batch: birth.batch,
        labels: labels.and_then(Result::ok),
        created_at: birth.created_at,
        started_at: started.map(|started| started.at.0),
        finished_at: Moment::of(clock.wall()).0,
        duration_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        events: lines.bytes,
        cut: lines.cut,
        masked: false,
        error: reason(outcome),
        queued: birth.queued,
        idempotency: birth.idempotency.clone(),
    }
}

/// Why a run failed, in short.
fn reason(outcome: &RunOutcome) -> Option<String> {
    let mut reason = match outcome {
        RunOutcome::Failed { node, error } => format!("the node `{node}` failed: {error}"),
        RunOutcome::Broken { reason } => reason.to_string(),
        RunOutcome::Ok(_) | RunOutcome::Cancelled => return None,
    };
    reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
    Some(reason)
}

/// What a run that goes on is told as in a list.
pub(crate) fn summary(birth: &Birth) -> RunSummary {
    RunSummary {
        run: birth.id,
        flow: birth.flow.clone(),
        version: birth.version,
        revision: birth.revision,
        state: RunState::Running,
        outcome: None,
        trigger: birth.trigger.clone(),
        key: birth.key,
        session: birth.session.clone(),
        parent: birth.parent,
        batch: birth.batch.map(|place| place.batch),
        line: birth.batch.map(|place| place.index),
        labels: None,
        created_at: Moment(birth.created_at),
        started_at: None,
        finished_at: None,
        duration_us: None,
        lost_attempts: birth.lost_attempts,
        cut: false,
        masked: false,
        error: None,
    }
}

/// The answer for a run that just ended, from memory.
fn view(birth: &Birth, seen: Seen, row: &FinishedRun, receipts: Receipts) -> RunView {
    let (receipts, receipts_left_out) = receipts.finish();
    let (output, error) = match seen.outcome {
        Some(RunOutcome::Ok(output)) => (Some(Doc::Tree(output)), None),
        Some(RunOutcome::Failed { node, error }) => {
            let detail = error.failure().and_then(|failure| failure.detail.as_ref());
            let error = RunErrorView {
                node: Some(node.to_string()),
                kind: Some(error.kind().to_owned()),
                message: error.message(),
                detail: detail.and_then(Doc::of),
            };
            (None, Some(error))
        }
        Some(RunOutcome::Broken { reason }) => {
            let error = RunErrorView {
                node: None,
                kind: None,
                message: reason.to_string(),
                detail: None,
            };
            (None, Some(error))
        }
        Some(RunOutcome::Cancelled) | None => (None, None),
    };
    RunView {
        summary: RunSummary {
            state: RunState::Finished,
            outcome: Some(row.outcome.into()),
            labels: row.labels.as_deref().and_then(Doc::parse),
            started_at: row.started_at.map(Moment),
            finished_at: Some(Moment(row.finished_at)),
            duration_us: Some(row.duration_us),
            cut: row.cut,
            masked: row.masked,
            error: row.error.clone(),
            ..summary(birth)
        },
        output,
        error,
        receipts,
        receipts_left_out,
        ahead: None,
    }
}
