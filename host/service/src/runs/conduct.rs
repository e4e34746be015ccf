//! What all runs share, and the beginning of each.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lockgate_flow::{Engine, Plan, RunError, RunRequest};
use lockgate_model::Clock;
use lockgate_store::Store;
use lockgate_telemetry::alerts::Alerts;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::drive::Drive;
use super::ending::Ending;
use super::idempotency::InFlight;
use super::live::{Birth, Live, LiveRuns, StopReason};
use super::recorder::Recorder;
use crate::queue::Queue;
use crate::traces::Traces;
use crate::{GuestThreads, Mask, Moment, Registry, SchemaFaultView, ServiceError};

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
    pub(crate) mask: Arc<Mask>,
    /// Rules that look at runs as they end.
    pub(crate) alerts: Option<Arc<Alerts>>,
    pub(crate) traces: Traces,
    pub(crate) live: LiveRuns,
    pub(crate) in_flight: InFlight,
    draining: AtomicBool,
    /// Whether the last run that ended could not be stored.
    broken: AtomicBool,
    /// Becomes true when the service is dropped.
    gone: watch::Sender<bool>,
    /// Where everything goes on that runs no guest.
    tasks: Handle,
}

/// What looks at all that runs write and do.
pub(crate) struct Watchers {
    pub(crate) mask: Mask,
    pub(crate) traces: Traces,
    pub(crate) alerts: Option<Arc<Alerts>>,
}

/// What a run occupies until it has ended; dropped then.
pub(crate) type Room = Box<dyn Any + Send + Sync>;

impl Conductor {
    /// It has to be called within a tokio runtime.
    pub(crate) fn new(
        store: Store,
        registry: Arc<Registry>,
        engine: Arc<Engine>,
        threads: Arc<dyn GuestThreads>,
        watchers: Watchers,
    ) -> Arc<Self> {
        Arc::new(Self {
            queue: Arc::new(store.clone()),
            store,
            owner: uuid::Uuid::now_v7().to_string(),
            registry,
            engine,
            threads,
            mask: Arc::new(watchers.mask),
            traces: watchers.traces,
            alerts: watchers.alerts,
            live: LiveRuns::default(),
            in_flight: InFlight::default(),
            draining: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            gone: watch::Sender::new(false),
            tasks: Handle::current(),
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
        for live in self.live.all() {
            live.stop.tell(StopReason::Lost);
        }
    }

    /// Does something beside, and not on the guest threads; it ends when the service is dropped.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut gone = self.gone.subscribe();
        self.tasks.spawn(async move {
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
        let live = Live::new(birth, &clock);
        if !self.live.add(&live) {
            return None;
        }
        if *self.gone.borrow() {
            live.stop.tell(StopReason::Lost);
        }
        let recorder = self.recorder(&live, clock);
        let ending = Ending::new(self, &live, room);
        let drive = Drive::new(recorder, ending);
        self.threads.spawn(Box::pin(drive.go(plan, request)));
        Some(live)
    }

    /// Stores a run that cannot begin, and why.
    pub(crate) async fn fail(self: &Arc<Self>, birth: Birth, reason: &str, room: Room) {
        let clock = self.engine.clock();
        let live = Live::new(birth, &clock);
        if self.live.add(&live) {
            let recorder = self.recorder(&live, clock);
            recorder.refuse(reason, &self.engine);
            let ending = Ending::new(self, &live, room);
            ending.store(&recorder).await;
        }
    }

    fn recorder(&self, live: &Arc<Live>, clock: Arc<dyn Clock>) -> Arc<Recorder> {
        Recorder::new(Arc::clone(live), clock, Arc::clone(&self.mask))
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
