//! The service as a whole: started, asked, drained.

use std::sync::Arc;
use std::time::Duration;

use lockgate_flow::Engine;
use lockgate_store::{Store, StoreError};
use lockgate_telemetry::alerts::Alerts;
use lockgate_telemetry::trace::{TraceContext, Tracer};

use crate::batches::Batches;
use crate::queue::{QueueConfig, QueuedRuns, Worker};
use crate::runs::conduct::{Conductor, Watchers};
use crate::runs::live::StopReason;
use crate::runs::{Runs, RunsConfig};
use crate::stats::{Counting, Stats};
use crate::traces::{self, Traces};
use crate::webhooks::Webhooks;
use crate::{
    Audit, Flows, GuestThreads, Keys, Mask, MaskConfig, MaskError, PluginLoader, Plugins, Registry,
    RegistryConfig, ServiceError,
};

/// How often the store is put in order.
const UPKEEP: Duration = Duration::from_secs(60);

/// How long, and how often, what was told to end is waited for.
const DRAIN_TURN: Duration = Duration::from_millis(250);
const DRAIN_TURNS: u32 = 40;

/// How long the spans of the last runs may take to be made.
const FLUSH: Duration = Duration::from_secs(2);

/// How much a host does at once, and for how long it keeps what it does.
#[derive(Debug, Clone, Default)]
pub struct ServiceConfig {
    /// Of plugins and flows.
    pub registry: RegistryConfig,
    /// Of runs that somebody waits for or follows.
    pub runs: RunsConfig,
    /// Of queued runs.
    pub queue: QueueConfig,
    /// Of what is masked in all that is kept of runs.
    pub mask: MaskConfig,
    /// Which runs are traced, and where their spans go. Default: none.
    pub tracer: Tracer,
    /// What counts runs, so that statistics have the last of them. None: they have what is stored.
    pub counting: Option<Counting>,
    /// Rules that look at runs as they end. None: there are none.
    pub alerts: Option<Arc<Alerts>>,
}

/// Why a service does not start.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is in force could not be brought up.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// What is to be masked is said in a way that cannot be.
    #[error(transparent)]
    Mask(#[from] MaskError),
}

/// What a host of flows does, whoever asks. Dropping it ends everything that goes on, at once: queued runs are found again
/// by the next, others are lost.
#[derive(Debug)]
pub struct Service {
    registry: Arc<Registry>,
    plugins: Plugins,
    flows: Flows,
    runs: Runs,
    queue: QueuedRuns,
    batches: Batches,
    webhooks: Webhooks,
    keys: Keys,
    audit: Audit,
    stats: Stats,
    worker: Arc<Worker>,
    conductor: Arc<Conductor>,
}

impl Service {
    /// Brings up what is in force, takes back the queued runs of an earlier process, and begins with them. It has to be
    /// called within a tokio runtime. Whoever calls it owns the store's folder ([`Store::own`]).
    ///
    /// # Errors
    ///
    /// The store cannot be read, or a pattern of what is masked cannot be.
    pub async fn start(
        store: Store,
        loader: Arc<dyn PluginLoader>,
        threads: Arc<dyn GuestThreads>,
        engine: Arc<Engine>,
        config: ServiceConfig,
    ) -> Result<Arc<Self>, StartError> {
        let mask = Mask::new(&config.mask)?;
        let registry = Arc::new(Registry::open(store.clone(), loader, config.registry).await?);
        let traces = Traces::new(config.tracer);
        let conductor = Conductor::new(
            store.clone(),
            Arc::clone(&registry),
            engine,
            threads,
            Watchers {
                mask,
                traces,
                alerts: config.alerts,
            },
        );
        let worker = Worker::new(Arc::clone(&conductor), config.queue);
        worker.recover(conductor.now_ms()).await?;
        let queue = QueuedRuns::new(Arc::clone(&worker));
        let service = Arc::new(Self {
            plugins: Plugins::new(Arc::clone(&registry)),
            flows: Flows::new(Arc::clone(&registry)),
            runs: Runs::new(Arc::clone(&conductor), config.runs),
            batches: Batches::new(Arc::clone(&worker)),
            webhooks: Webhooks::new(store.clone(), queue.clone()),
            queue,
            keys: Keys::new(store.clone()),
            audit: Audit::new(store),
            stats: Stats::new(Arc::clone(&conductor), config.counting.clone()),
            registry,
            worker: Arc::clone(&worker),
            conductor: Arc::clone(&conductor),
        });
        conductor.spawn(Arc::clone(&worker).work());
        conductor.spawn(worker.keep());
        conductor.spawn(upkeep(Arc::clone(&conductor)));
        if let Some(counting) = config.counting {
            conductor.spawn(counting.rollups.work());
        }
        Ok(service)
    }

    /// What is in force.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Plugins.
    pub fn plugins(&self) -> &Plugins {
        &self.plugins
    }

    /// Flows.
    pub fn flows(&self) -> &Flows {
        &self.flows
    }

    /// Runs.
    pub fn runs(&self) -> &Runs {
        &self.runs
    }

    /// Queued runs.
    pub fn queue(&self) -> &QueuedRuns {
        &self.queue
    }

    /// Batches of queued runs.
    pub fn batches(&self) -> &Batches {
        &self.batches
    }

    /// Webhooks.
    pub fn webhooks(&self) -> &Webhooks {
        &self.webhooks
    }

    /// Keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Which runs are traced: what requests that start some are traced with too.
    pub fn tracer(&self) -> &Tracer {
        &self.conductor.traces.tracer
    }

    /// Where a request's trace goes on, but for what is masked elsewhere in what its client wants to be told again: that is
    /// kept with runs that wait, and sent with spans.
    pub fn without_secrets(&self, came: TraceContext) -> TraceContext {
        traces::without_secrets(&self.conductor.mask, came)
    }

    /// The audit log.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// What runs did, in numbers.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether it takes new runs: not while it drains, and not while what ends cannot be stored.
    pub fn is_ready(&self) -> bool {
        !self.conductor.is_draining() && self.conductor.can_store()
    }

    /// Starts nothing new, lets what goes on end within `timeout`, and then ends it: queued runs go back to the queue, and
    /// that counts as no attempt; others are cancelled and kept as that. Called again, it waits for the same end.
    ///
    /// What does not end after it was told to is left alone after ten seconds more.
    pub async fn drain(&self, timeout: Duration) {
        self.conductor.begin_to_drain();
        self.runs.places().close();
        self.worker.wake();
        if tokio::time::timeout(timeout, self.quiet()).await.is_err() {
            self.end_all().await;
        }
        // The spans of what just ended; in a time that nobody notices, or not at all.
        let _ = tokio::time::timeout(FLUSH, self.conductor.traces.flush()).await;
    }

    /// Ends what goes on.
    async fn end_all(&self) {
        // Again and again, because one that was just taken from the queue may begin a moment later.
        for _ in 0..DRAIN_TURNS {
            for live in self.conductor.live.all() {
                live.stop.tell(match live.birth.queued {
                    true => StopReason::Requeued,
                    false => StopReason::Cancelled,
                });
            }
            if tokio::time::timeout(DRAIN_TURN, self.quiet()).await.is_ok() {
                return;
            }
        }
        tracing::error!("runs did not end when they were told to");
    }

    /// Resolves when nothing goes on.
    async fn quiet(&self) {
        loop {
            let mut left = std::pin::pin!(self.conductor.live.left());
            let mut idle = std::pin::pin!(self.worker.idle());
            left.as_mut().enable();
            idle.as_mut().enable();
            if self.conductor.live.is_empty() && self.worker.is_idle() {
                return;
            }
            tokio::select! {
                () = left => {}
                () = idle => {}
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.conductor.go();
    }
}

/// Has the store put in order each minute.
async fn upkeep(conductor: Arc<Conductor>) {
    let mut turns = tokio::time::interval(UPKEEP);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let done = conductor.store.upkeep(conductor.now_ms()).await;
        match &done {
            Ok(done) => tracing::debug!(?done, "the store was put in order"),
            Err(error) => tracing::error!(%error, "the store could not be put in order"),
        }
        conductor.stored(done.is_ok());
    }
}
