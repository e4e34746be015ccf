//! Runs that go on, and how they are told to end.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lockgate_flow::RunJournal;
use lockgate_model::{Clock, Ident, Journal as _, Kebab, RunEvent};
use lockgate_store::{BatchPlace, IdempotencyRow};
use tokio::sync::{Notify, SetOnce};
use uuid::Uuid;

use super::RunView;
use crate::ServiceError;
use crate::traces::RunTrace;

/// How a run that was started ended, for whoever waits: its view once it is stored, or why there is none.
pub(crate) type Ended = Result<Arc<RunView>, ServiceError>;

/// What is known of a run before it begins.
#[derive(Debug, Clone)]
pub(crate) struct Birth {
    pub(crate) project: Kebab,
    pub(crate) id: Uuid,
    /// None for a document.
    pub(crate) flow: Option<Kebab>,
    pub(crate) version: Option<u32>,
    pub(crate) revision: Option<u32>,
    pub(crate) trigger: Cow<'static, str>,
    pub(crate) key: Option<Uuid>,
    pub(crate) session: Option<String>,
    pub(crate) parent: Option<Uuid>,
    pub(crate) batch: Option<BatchPlace>,
    pub(crate) created_at: i64,
    pub(crate) trace: RunTrace,
    pub(crate) lost_attempts: u32,
    /// Whether it came from the queue.
    pub(crate) queued: bool,
    pub(crate) idempotency: Option<Box<IdempotencyRow>>,
    /// The node and the output whose parts somebody wants as they are.
    pub(crate) parts: Option<(Ident, Ident)>,
}

/// A run that goes on.
pub(crate) struct Live {
    pub(crate) birth: Birth,
    /// What may be kept of it: what is masked is masked here.
    pub(crate) journal: Arc<RunJournal>,
    /// Parts of its answer as they are, for whoever waits for that; nothing else reads it, and it goes with the run.
    pub(crate) answer: Option<Arc<RunJournal>>,
    /// Whether something was masked.
    masked: AtomicBool,
    pub(crate) stop: Stop,
    pub(crate) ended: SetOnce<Ended>,
}

/// Why a run is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum StopReason {
    /// Nobody told it.
    None = 0,
    /// Somebody cancelled it.
    Cancelled = 1,
    /// The host is about to stop, and the run goes back to the queue.
    Requeued = 2,
    /// The run is another worker's now.
    Lost = 3,
}

/// Tells one run to end, once and for ever.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    reason: AtomicU8,
    told: Notify,
}

impl Stop {
    /// Tells it. The first reason stays.
    pub(crate) fn tell(&self, reason: StopReason) {
        let none = StopReason::None as u8;
        let told =
            self.reason
                .compare_exchange(none, reason as u8, Ordering::AcqRel, Ordering::Acquire);
        if told.is_ok() {
            self.told.notify_one(); // kept for the one that waits, if it does not wait yet
        }
    }

    pub(crate) fn reason(&self) -> StopReason {
        match self.reason.load(Ordering::Acquire) {
            0 => StopReason::None,
            1 => StopReason::Cancelled,
            2 => StopReason::Requeued,
            _ => StopReason::Lost,
        }
    }

    /// Resolves when it is told. For one that waits.
    pub(crate) async fn told(&self) {
        self.told.notified().await;
    }
}

impl Live {
    pub(crate) fn new(birth: Birth, clock: &Arc<dyn Clock>) -> Arc<Self> {
        let journal = || RunJournal::new(birth.id.to_string(), Arc::clone(clock));
        Arc::new(Self {
            journal: journal(),
            answer: birth.parts.is_some().then(journal),
            masked: AtomicBool::new(false),
            birth,
            stop: Stop::default(),
            ended: SetOnce::new(),
        })
    }

    /// Keeps parts of the answer beside the journal, if somebody wants them.
    pub(crate) fn hear(&self, event: &RunEvent) {
        let (Some(answer), Some((node, output))) = (&self.answer, &self.birth.parts) else {
            return;
        };
        let wanted = match event {
            RunEvent::NodePart { at, port, .. } => {
                at.within.is_empty() && at.node == *node && port == output
            }
            RunEvent::RunFinished { .. } => true,
            _ => false,
        };
        if wanted {
            answer.record(event.clone());
        }
    }

    /// Notes that something was masked, if it was.
    pub(crate) fn masked(&self, masked: bool) {
        if masked {
            self.masked.store(true, Ordering::Release);
        }
    }

    pub(crate) fn is_masked(&self) -> bool {
        self.masked.load(Ordering::Acquire)
    }

    /// How it ended, once that is stored.
    pub(crate) async fn ended(&self) -> Ended {
        self.ended.wait().await.clone()
    }

    /// Resolves if it ends without having a row.
    pub(crate) async fn broken_off(&self) {
        if self.ended.wait().await.is_ok() {
            std::future::pending().await
        }
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("birth", &self.birth)
            .finish_non_exhaustive()
    }
}

/// All runs that go on.
#[derive(Debug, Default)]
pub(crate) struct LiveRuns {
    runs: Mutex<HashMap<Uuid, Arc<Live>>>,
    /// Queued runs that somebody follows before they begin.
    awaited: Mutex<HashMap<Uuid, Arc<Notify>>>,
    /// A run ended.
    left: Notify,
}

impl LiveRuns {
    /// Adds a run. False if it goes on already.
    pub(crate) fn add(&self, run: &Arc<Live>) -> bool {
        let mut runs = self.runs();
        let id = run.birth.id;
        if runs.contains_key(&id) {
            return false;
        }
        runs.insert(id, Arc::clone(run));
        drop(runs);
        if run.birth.queued {
            self.poke(&id);
        }
        true
    }

    pub(crate) fn remove(&self, id: &Uuid) {
        self.runs().remove(id);
        self.left.notify_waiters();
    }

    /// The run, if it is one of this project.
    pub(crate) fn get(&self, project: &Kebab, id: &Uuid) -> Option<Arc<Live>> {
        let runs = self.runs();
        let run = runs.get(id).filter(|run| run.birth.project == *project)?;
        Some(Arc::clone(run))
    }

    pub(crate) fn all(&self) -> Vec<Arc<Live>> {
        self.runs().values().cloned().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs().is_empty()
    }

    /// Resolves when a run ends after this was called.
    pub(crate) fn left(&self) -> tokio::sync::futures::Notified<'_> {
        self.left.notified()
    }

    /// Tells those who follow a run that waits that it does not wait any more.
    pub(crate) fn poke(&self, id: &Uuid) {
        let awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(notify) = awaited.get(id) {
            notify.notify_waiters();
        }
    }

    /// What is notified when a run that waits does not any more. To be given back with [`LiveRuns::forget`].
    pub(crate) fn await_one(&self, id: &Uuid) -> Arc<Notify> {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(awaited.entry(*id).or_default())
    }

    /// Nobody else follows the run: nothing more is kept for it.
    pub(crate) fn forget(&self, id: &Uuid, notify: Arc<Notify>) {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        drop(notify);
        if awaited
            .get(id)
            .is_some_and(|one| Arc::strong_count(one) == 1)
        {
            awaited.remove(id);
        }
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Live>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
