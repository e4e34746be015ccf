//! What is counted and traced, and whom it is told: the collector with its exporters, from the first run to the last flush.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use futures::FutureExt as _;
use lockgate_api::Alerting;
use lockgate_flow::HostClock;
use lockgate_runtime::Runtime;
use lockgate_service::Mask;
use lockgate_service::alerts::{HostMinutes, StorePast};
use lockgate_service::stats::{Counting, RollupStore};
use lockgate_store::Store;
use lockgate_telemetry::alerts::config::AlertsConfig;
use lockgate_telemetry::alerts::{Alerts, FileState, receivers};
use lockgate_telemetry::cms::{CmsExporter, Mode, RawCalls};
use lockgate_telemetry::otlp::{Otlp, OtlpConfig, Protocol, Resource};
use lockgate_telemetry::trace::{SpanSink, TraceConfig, Tracer};
use lockgate_telemetry::{Bounds, Collector, Counts, Exporter, GaugeSource, Gauges, Own, Rollups};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::cms;
use crate::config::{Config, OtlpProtocol};
use crate::exit::Failed;

/// How often rules are looked at.
const LOOK_AT_RULES: Duration = Duration::from_secs(2);

/// How far rules look back.
const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 3_600);

/// What counts, before anything runs.
pub(super) struct Telemetry {
    /// None where nothing is to be counted.
    pub(super) counts: Option<Arc<Counts>>,
    pub(super) counting: Counting,
    pub(super) tracer: Tracer,
    /// What looks at rules, where there are any.
    pub(super) alerts: Option<Arc<Alerts>>,
    pub(super) alerting: Alerting,
    interval: Duration,
    flush_time: Duration,
}

/// What counts, while things run.
pub(super) struct Collecting {
    collector: Arc<Collector>,
    flush_time: Duration,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    alerts: Option<Arc<Alerts>>,
}

impl Telemetry {
    /// Everything that the configuration asks for. `instance` tells this host from others.
    pub(super) async fn new(
        config: &Config,
        instance: &str,
        store: &Store,
    ) -> Result<Self, Failed> {
        let (own, table) = (Own::default(), &config.telemetry);
        let rollups = Rollups::new(RollupStore::new(store.clone()), own.clone());
        let mut exporters: Vec<Arc<dyn Exporter>> = vec![rollups.clone()];
        // A minute that is kept says that the host counted in it.
        if table.enabled {
            exporters.push(HostMinutes::new(store.clone(), own.clone()));
        }
        let (alerts, alerting) = alerting(config, store, &own).await?;
        exporters.extend(alerts.iter().map(|alerts| Arc::clone(alerts) as _));
        let cms = cms::Setup::of(config, instance)?.filter(|_| table.enabled);
        let mut raw = None;
        if let Some(setup) = cms {
            raw = match setup.report.mode {
                Mode::Raw { sample } => Some(Arc::new(RawCalls::new(sample))),
                Mode::Aggregated => None,
            };
            let sender = setup.sender().await?;
            let (report, names) = (setup.report, setup.names);
            let exporter = CmsExporter::new(report, names, raw.clone(), own.clone(), sender);
            exporters.push(Arc::new(exporter));
        }
        let otlp = otlp(config, instance, &own)?.filter(|_| table.enabled);
        if let Some(otlp) = &otlp {
            exporters.push(Arc::clone(otlp) as _);
        }
        let bounds = Bounds {
            flows: table.flows.many(),
            nodes: table.nodes.many(),
        };
        let mask = Mask::new(&config.mask.config()).context("`[mask]`")?;
        let counts = Counts::new(bounds, own.clone()).with_raw(raw);
        // Nodes say which models they used, and may say anything.
        let counts = Arc::new(counts.with_secrets(move |name| mask.finds(name)));
        let now = SystemTime::now();
        let collector = Collector::new(Arc::clone(&counts), own.clone(), exporters, now);
        let collector = Arc::new(collector);
        let sink = otlp.as_ref().filter(|_| config.otlp.traces);
        let tracer = match sink {
            Some(otlp) => Tracer::new(traces(config), Arc::clone(otlp) as Arc<dyn SpanSink>, own),
            None => Tracer::default(),
        };
        if let Some(otlp) = otlp {
            otlp.start(&collector);
        }
        Ok(Self {
            counts: table.enabled.then_some(counts),
            counting: Counting { collector, rollups },
            tracer,
            alerts,
            alerting,
            interval: table.interval.get(),
            flush_time: table.flush_time.get(),
        })
    }

    /// Collects from now on.
    pub(super) fn start(self, store: Store, runtime: Runtime) -> Collecting {
        let (stop, stopped) = oneshot::channel::<()>();
        let collector = self.counting.collector;
        let (collecting, interval) = (Arc::clone(&collector), self.interval);
        let gauges = gauges(store, runtime);
        let alerts = self.alerts;
        let looking = alerts.clone();
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await; // dropping the sender stops it too
            };
            let stopped = stopped.shared();
            let rules = async {
                if let Some(alerts) = looking {
                    alerts.run(LOOK_AT_RULES, stopped.clone()).await;
                }
            };
            let collect = collecting.run(interval, gauges, stopped.clone());
            futures::join!(collect, rules);
        });
        Collecting {
            collector,
            flush_time: self.flush_time,
            stop,
            task,
            alerts,
        }
    }
}

impl Collecting {
    /// Collects a last time, and sends what is open.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(()); // it ended by itself only if it panicked
        let _ = self.task.await;
        self.collector.close(self.flush_time).await;
        if let Some(alerts) = self.alerts {
            alerts.save().await;
        }
    }
}

/// What is at this moment: asked for at each collection.
fn gauges(store: Store, runtime: Runtime) -> GaugeSource {
    Arc::new(move || {
        let (store, runtime) = (store.clone(), runtime.clone());
        Box::pin(async move {
            // A queue that cannot be read is not an empty one.
            let queue = match store.queue(None).await {
                Ok(queue) => queue,
                Err(error) => {
                    tracing::warn!(%error, "the queue could not be counted");
                    return None;
                }
            };
            let age = queue.oldest_at.and_then(|at| u64::try_from(at).ok());
            let age = age.map(|at| SystemTime::UNIX_EPOCH + Duration::from_millis(at));
            let age = age.and_then(|at| SystemTime::now().duration_since(at).ok());
            Some(Gauges {
                queue_depth: queue.waiting,
                queue_age_s: age.unwrap_or_default().as_secs_f64(),
                sandbox_active: runtime.places_in_use(),
            })
        })
    })
}

/// What rules of alerts need of the rest of the configuration.
fn check_alerts(config: &Config) -> anyhow::Result<()> {
    if !config.telemetry.enabled {
        bail!("`alerts.file` is set and `telemetry.enabled` is not: rules look at what is counted");
    }
    if config.rollups.minutes.get() < LONGEST_WINDOW {
        bail!(
            "`rollups.minutes` has to be `1 d` or more where `alerts.file` is set: rules look back for a day"
        );
    }
    Ok(())
}

/// The rules of the file that the configuration names, if it does, and the past that others can be tried on, too.
async fn alerting(
    config: &Config,
    store: &Store,
    own: &Own,
) -> Result<(Option<Arc<Alerts>>, Alerting), Failed> {
    let past = StorePast::new(store.clone());
    let alerting = Alerting::new(past.clone());
    let file = &config.alerts.file;
    if file.as_os_str().is_empty() {
        return Ok((None, alerting));
    }
    check_alerts(config)?;
    let read = AlertsConfig::read(file).and_then(|alerts| {
        let receivers = alerts.receivers(&receivers::client, &|name| std::env::var(name).ok())?;
        Ok((alerts.rules, receivers))
    });
    let (rules, receivers) = read.map_err(|faults| {
        for fault in faults {
            eprintln!("error: {}", lockgate_model::escaped_lines(&fault));
        }
        Failed::Shown
    })?;
    let state = FileState::new(config.data.folder.join("alerts.json"));
    let clock = Arc::new(HostClock::start());
    let alerts = Alerts::new(
        rules.clone(),
        receivers,
        Arc::new(state),
        clock,
        own.clone(),
    );
    if let Err(error) = alerts.start(&*past).await {
        tracing::warn!(%error, "rules of alerts begin with nothing");
    }
    let alerts = Arc::new(alerts);
    let alerting = alerting.with_rules(Arc::clone(&alerts), rules);
    Ok((Some(alerts), alerting))
}

/// Who is told in OpenTelemetry's protocol; None where nobody is.
fn otlp(config: &Config, instance: &str, own: &Own) -> anyhow::Result<Option<Arc<Otlp>>> {
    let table = &config.otlp;
    if table.endpoint.is_empty() {
        return Ok(None);
    }
    let protocol = match table.protocol {
        OtlpProtocol::Grpc => Protocol::Grpc,
        OtlpProtocol::Http => Protocol::Http,
    };
    let certificate = &table.certificate;
    let authorities = match certificate.as_os_str().is_empty() {
        true => None,
        false => {
            let read = std::fs::read(certificate);
            let shown = || format!("`otlp.certificate`: {}", certificate.display());
            Some(read.with_context(shown)?)
        }
    };
    let otlp = OtlpConfig {
        authorities,
        headers: table.headers(),
        gzip: table.gzip,
        timeout: table.timeout.get(),
        interval: table.interval.get(),
        metrics: table.metrics,
        resource: Resource {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instance: instance.to_owned(),
            environment: config.environment.as_str().to_owned(),
            attributes: Vec::new(),
        },
        ..OtlpConfig::new(&table.endpoint, protocol)
    };
    let otlp = Otlp::new(otlp, own.clone()).context("`[otlp]`")?;
    Ok(Some(Arc::new(otlp)))
}

fn traces(config: &Config) -> TraceConfig {
    let table = &config.traces;
    TraceConfig {
        sample: table.sample.get(),
        parent: table.parent,
        keep_failed: table.keep_failed,
        content: table.content,
        ..TraceConfig::default()
    }
}
