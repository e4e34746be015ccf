//! Who takes runs from the queue: as many at once as it may, at once when one comes, and keeps its leases.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lockgate_store::ClaimedRun;
use tokio::sync::Notify;

use super::QueueConfig;
use super::accept::request;
use super::pace::Pace;
use crate::runs::conduct::Conductor;
use crate::runs::live::{Birth, StopReason};
use crate::traces::RunTrace;
use crate::{Resolved, ServiceError};

/// The most runs that are taken at once: their inputs are in memory from then on.
const MOST_AT_ONCE: usize = 64;

/// How long the worker leaves a queue alone that cannot be read.
const PAUSE: Duration = Duration::from_secs(1);

/// How often a lease is renewed before it would be over.
const RENEWALS: u32 = 3;

/// Takes runs from the queue.
pub(crate) struct Worker {
    conductor: Arc<Conductor>,
    config: QueueConfig,
    /// Runs that were taken and have not ended.
    busy: AtomicUsize,
    /// There is something to take, or room for it.
    wake: Notify,
    /// A run that was taken ended.
    idle: Notify,
    pace: Mutex<Pace>,
}

/// The room of one run that was taken; free again when it is dropped.
struct Slot(Arc<Worker>);

impl Drop for Slot {
    fn drop(&mut self) {
        let worker = &self.0;
        worker.busy.fetch_sub(1, Ordering::AcqRel);
        let now = worker.conductor.engine.clock().now();
        let mut pace = worker.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.ended(now);
        drop(pace);
        worker.wake.notify_one();
        worker.idle.notify_waiters();
    }
}

impl Worker {
    pub(crate) fn new(conductor: Arc<Conductor>, config: QueueConfig) -> Arc<Self> {
        Arc::new(Self {
            conductor,
            config,
            busy: AtomicUsize::new(0),
            wake: Notify::new(),
            idle: Notify::new(),
            pace: Mutex::default(),
        })
    }

    pub(crate) fn conductor(&self) -> &Arc<Conductor> {
        &self.conductor
    }

    pub(crate) fn config(&self) -> &QueueConfig {
        &self.config
    }

    /// There is something to take.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Whether nothing that was taken goes on.
    pub(crate) fn is_idle(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 0
    }

    /// Resolves when a run that was taken ends after this was called.
    pub(crate) fn idle(&self) -> tokio::sync::futures::Notified<'_> {
        self.idle.notified()
    }

    /// There is no room in the queue.
    pub(crate) fn full(&self, depth: u64) -> ServiceError {
        let now = self.conductor.engine.clock().now();
        let pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        ServiceError::QueueFull {
            retry_after: pace.retry_after(depth, now),
        }
    }

    /// Takes back what an earlier process had, and what this one has had for too long at `now`.
    pub(crate) async fn recover(&self, now: i64) -> Result<(), ServiceError> {
        let conductor = &self.conductor;
        let owner = &conductor.owner;
        let most = self.config.max_attempts;
        let recovered = conductor.queue.recover(owner, now, most).await?;
        for (project, run) in &recovered.dead {
            tracing::error!(%project, %run, "a queued run was given up: it was lost too often");
            conductor.live.poke(run);
        }
        if recovered.requeued > 0 {
            tracing::warn!(runs = recovered.requeued, "runs were lost, and wait again");
            self.wake();
        }
        Ok(())
    }

    /// Takes runs for as long as the service lives and does not drain.
    pub(crate) async fn work(self: Arc<Self>) {
        while !self.conductor.is_draining() {
            let room = self.room();
            if room == 0 {
                self.wake.notified().await;
                continue;
            }
            match self.claim(room).await {
                Ok(0) => self.wake.notified().await,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "the queue cannot be read");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Keeps the leases of what goes on, and finds those that are over.
    pub(crate) async fn keep(self: Arc<Self>) {
        let mut turns = tokio::time::interval(self.config.lease / RENEWALS);
        turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        turns.tick().await;
        loop {
            turns.tick().await;
            // As of before the renewal, so that nothing that goes on is taken away from itself, however long that takes.
            let now = self.conductor.now_ms();
            let kept = match self.renew().await {
                Ok(()) => self.recover(now).await,
                error => error,
            };
            if let Err(error) = kept {
                tracing::error!(%error, "leases of queued runs could not be kept");
            }
        }
    }

    async fn renew(&self) -> Result<(), ServiceError> {
        let conductor = &self.conductor;
        let queued = conductor.live.all().into_iter();
        let queued: Vec<_> = queued.filter(|live| live.birth.queued).collect();
        let ids = queued.iter().map(|live| live.birth.id).collect();
        let queue = &conductor.queue;
        let lost = queue.renew(&conductor.owner, ids, self.lease()).await?;
        for live in queued.iter().filter(|live| lost.contains(&live.birth.id)) {
            // One that ended meanwhile is not leased either, and does not hear this any more.
            live.stop.tell(StopReason::Lost);
        }
        Ok(())
    }

    fn room(&self) -> usize {
        let busy = self.busy.load(Ordering::Acquire);
        self.config.at_once.saturating_sub(busy).min(MOST_AT_ONCE)
    }

    fn lease(&self) -> i64 {
        let lease = i64::try_from(self.config.lease.as_millis()).unwrap_or(i64::MAX);
        self.conductor.now_ms().saturating_add(lease)
    }

    /// Takes as many runs as there is room for, and begins with them. How many it were.
    async fn claim(self: &Arc<Self>, room: usize) -> Result<usize, ServiceError> {
        let conductor = &self.conductor;
        let most = u32::try_from(room).unwrap_or(u32::MAX);
        let claimed = conductor
            .queue
            .claim(&conductor.owner, most, self.lease())
            .await?;
        let count = claimed.len();
        for run in claimed {
            self.busy.fetch_add(1, Ordering::AcqRel);
            let slot = Slot(Arc::clone(self));
            let conductor = Arc::clone(&self.conductor);
            // Beside, because an older version may have to be planned first.
            self.conductor.spawn(begin(conductor, run, slot));
        }
        Ok(count)
    }
}

/// Begins with a run that was taken; stores why it cannot begin otherwise.
async fn begin(conductor: Arc<Conductor>, claimed: ClaimedRun, slot: Slot) {
    let trace = RunTrace::of_row(&conductor.traces.tracer, claimed.trace.as_ref());
    let mut birth = birth(&claimed, trace);
    let Some(flow) = claimed.flow.clone() else {
        return conductor
            .fail(birth, "it is a run of no flow", Box::new(slot))
            .await;
    };
    let request = match request(&claimed) {
        Ok(request) => request,
        Err(error) => {
            let reason = format!("what it needs to begin cannot be read: {error}");
            return conductor.fail(birth, &reason, Box::new(slot)).await;
        }
    };
    let registry = &conductor.registry;
    match registry
        .resolve(&claimed.project, &flow, claimed.version)
        .await
    {
        Ok(Resolved {
            plan,
            version,
            revision,
            ..
        }) => {
            birth.version = Some(version);
            birth.revision = Some(revision);
            if conductor.is_draining() {
                return give_back(&conductor, &claimed).await;
            }
            // None where its lease was over and it goes on all the same: then it ends by itself.
            let _ = conductor.conduct(birth, plan, request, Box::new(slot));
        }
        Err(ServiceError::Store(_) | ServiceError::Busy { .. } | ServiceError::Draining { .. }) => {
            give_back(&conductor, &claimed).await;
            tokio::time::sleep(PAUSE).await; // it holds its slot, so that it is not taken again at once
        }
        Err(error) => {
            let reason = format!("the flow `{flow}` does not run: {error}");
            conductor.fail(birth, &reason, Box::new(slot)).await;
        }
    }
}

async fn give_back(conductor: &Conductor, claimed: &ClaimedRun) {
    let released = conductor.queue.release(&conductor.owner, vec![claimed.id]);
    if let Err(error) = released.await {
        // Its lease ends, and it is found again.
        let trace = claimed.trace.as_ref();
        let trace = trace.map(|trace| tracing::field::display(trace.id));
        tracing::error!(%error, run = %claimed.id, trace, "a queued run could not be given back");
    }
}

fn birth(claimed: &ClaimedRun, trace: RunTrace) -> Birth {
    Birth {
        project: claimed.project.clone(),
        id: claimed.id,
        flow: claimed.flow.clone(),
        version: claimed.version,
        revision: claimed.revision,
        trigger: claimed.trigger.clone().into(),
        key: claimed.key,
        session: claimed.session.clone(),
        parent: claimed.parent,
        batch: claimed.batch,
        created_at: claimed.created_at,
        trace,
        lost_attempts: claimed.attempts,
        queued: true,
        idempotency: None,
        parts: None,
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("busy", &self.busy)
            .finish_non_exhaustive()
    }
}
