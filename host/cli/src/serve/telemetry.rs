//! What is counted, and whom it is told: the collector with its exporters, from the first run to the last flush.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lockgate_runtime::Runtime;
use lockgate_store::Store;
use lockgate_telemetry::cms::{CmsExporter, Mode, RawCalls};
use lockgate_telemetry::{Bounds, Collector, Counts, Exporter, GaugeSource, Gauges, Own};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::cms;
use crate::config::Config;

/// What counts, before anything runs.
pub(super) struct Telemetry {
    /// None where nothing is to be counted.
    pub(super) counts: Option<Arc<Counts>>,
    pub(super) collector: Arc<Collector>,
    interval: Duration,
    flush_time: Duration,
}

/// What counts, while things run.
pub(super) struct Collecting {
    collector: Arc<Collector>,
    flush_time: Duration,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Telemetry {
    /// Everything that the configuration asks for. `instance` tells this host from others.
    pub(super) async fn new(config: &Config, instance: &str) -> anyhow::Result<Self> {
        let own = Own::default();
        let mut exporters: Vec<Arc<dyn Exporter>> = Vec::new();
        let mut raw = None;
        let table = &config.telemetry;
        let setup = cms::Setup::of(config, instance)?;
        if let Some(setup) = setup.filter(|_| table.enabled) {
            raw = match setup.report.mode {
                Mode::Raw { sample } => Some(Arc::new(RawCalls::new(sample))),
                Mode::Aggregated => None,
            };
            let sender = setup.sender().await?;
            let report = setup.report.clone();
            let exporter = CmsExporter::new(report, setup.names, raw.clone(), own.clone(), sender);
            exporters.push(Arc::new(exporter));
        }
        let bounds = Bounds {
            flows: table.flows.many(),
            nodes: table.nodes.many(),
        };
        let counts = Arc::new(Counts::new(bounds, own.clone()).with_raw(raw));
        let now = SystemTime::now();
        let collector = Collector::new(Arc::clone(&counts), own, exporters, now);
        Ok(Self {
            counts: table.enabled.then_some(counts),
            collector: Arc::new(collector),
            interval: table.interval.get(),
            flush_time: table.flush_time.get(),
        })
    }

    /// Collects from now on.
    pub(super) fn start(self, store: Store, runtime: Runtime) -> Collecting {
        let (stop, stopped) = oneshot::channel::<()>();
        let (collector, interval) = (Arc::clone(&self.collector), self.interval);
        let gauges = gauges(store, runtime);
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await; // dropping the sender stops it too
            };
            collector.run(interval, gauges, stopped).await;
        });
        Collecting {
            collector: self.collector,
            flush_time: self.flush_time,
            stop,
            task,
        }
    }
}

impl Collecting {
    /// Collects a last time, and sends what is open.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(()); // it ended by itself only if it panicked
        let _ = self.task.await;
        self.collector.close(self.flush_time).await;
    }
}

/// What is at this moment: asked for at each collection.
fn gauges(store: Store, runtime: Runtime) -> GaugeSource {
    Arc::new(move || {
        let (store, runtime) = (store.clone(), runtime.clone());
        Box::pin(async move {
            let queue = store.queue(None).await.unwrap_or_default();
            let age = queue.oldest_at.and_then(|at| u64::try_from(at).ok());
            let age = age.map(|at| SystemTime::UNIX_EPOCH + Duration::from_millis(at));
            let age = age.and_then(|at| SystemTime::now().duration_since(at).ok());
            Gauges {
                queue_depth: queue.waiting,
                queue_age_s: age.unwrap_or_default().as_secs_f64(),
                sandbox_active: runtime.places_in_use(),
            }
        })
    })
}
