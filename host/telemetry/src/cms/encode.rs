//! What a period came to, as CMS takes it.
//!
//! Each series comes twice: without a version, so that dashboards and alarm rules outlive a deployment; and with one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use lockgate_cms::{Datum, DatumError, Dimensions, Statistic};

use super::CmsConfig;
use super::names::MetricNames;
use super::window::Window;
use crate::histogram::Sketch;
use crate::own::{DROPPED, Own};
use crate::snapshot::{ByOutcome, ModelId, NodeCounts};
use crate::totals::ModelCounts;
use crate::{FlowId, NodeId, Outcome, TICKS_PER_SECOND};

/// The reason of what is counted as dropped here: there should be none.
pub(super) const NO_DATUM: &str = "cms: no datum can be made";

/// The percentiles that are reported of a histogram.
const PERCENTILES: [(Statistic, f64); 4] = [
    (Statistic::P50, 0.50),
    (Statistic::P90, 0.90),
    (Statistic::P95, 0.95),
    (Statistic::P99, 0.99),
];

/// Seconds.
const SECONDS: f64 = 1.0 / TICKS_PER_SECOND as f64;

/// The data of a period, made one series after another as somebody takes them: a host may have hundreds of thousands. First those that
/// dashboards and alarms are about.
pub(super) struct Encoder {
    names: Arc<MetricNames>,
    config: Arc<CmsConfig>,
    own: Own,
    window: Window,
    time_ms: u64,
    /// Whether durations, fuel and memory are reported by call.
    raw: bool,
    /// None until the first is asked for.
    todo: Option<VecDeque<Series>>,
    made: VecDeque<Datum>,
}

/// What is encoded at once.
enum Series {
    Host,
    /// All versions of a flow, and of a node.
    Flow(Vec<Arc<FlowId>>),
    Node(Vec<Arc<NodeId>>),
    Model(Arc<ModelId>),
    FlowVersion(Arc<FlowId>),
    NodeVersion(Arc<NodeId>),
}

impl Iterator for Encoder {
    type Item = Datum;

    fn next(&mut self) -> Option<Datum> {
        loop {
            if let Some(datum) = self.made.pop_front() {
                return Some(datum);
            }
            let window = &self.window;
            let todo = self.todo.get_or_insert_with(|| all(window));
            let series = todo.pop_front()?;
            self.series(series);
        }
    }
}

/// The series of a period, in their order.
fn all(window: &Window) -> VecDeque<Series> {
    let mut flows: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for id in window.flows.keys() {
        let key = (&id.project, &id.flow);
        flows.entry(key).or_default().push(Arc::clone(id));
    }
    let mut nodes: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for id in window.nodes.keys() {
        let key = (&id.flow.project, &id.flow.flow, &id.node);
        nodes.entry(key).or_default().push(Arc::clone(id));
    }
    let models = window.models.keys().map(Arc::clone);
    let flow_versions = window.flows.keys().map(Arc::clone);
    let node_versions = window.nodes.keys().map(Arc::clone);
    std::iter::once(Series::Host)
        .chain(flows.into_values().map(Series::Flow))
        .chain(nodes.into_values().map(Series::Node))
        .chain(models.map(Series::Model))
        .chain(flow_versions.map(Series::FlowVersion))
        .chain(node_versions.map(Series::NodeVersion))
        .collect()
}

impl Encoder {
    pub(super) fn new(
        names: Arc<MetricNames>,
        config: Arc<CmsConfig>,
        own: Own,
        window: Window,
        time_ms: u64,
    ) -> Self {
        Self {
            raw: matches!(config.mode, super::Mode::Raw { .. }),
            names,
            config,
            own,
            window,
            time_ms,
            todo: None,
            made: VecDeque::new(),
        }
    }

    fn series(&mut self, series: Series) {
        match series {
            Series::Host => self.host(),
            Series::Flow(ids) => {
                let mut all = ByOutcome::default();
                for durations in ids.iter().filter_map(|id| self.window.flows.get(id)) {
                    all.add(durations);
                }
                if let Some(id) = ids.first() {
                    let labels = [("project", &*id.project), ("flow", &*id.flow)];
                    self.outcomes("flow", &labels, &all);
                }
            }
            Series::Node(ids) => {
                let mut all = NodeCounts::default();
                for counts in ids.iter().filter_map(|id| self.window.nodes.get(id)) {
                    all.add(counts);
                }
                if let Some(id) = ids.first() {
                    self.node(&lasting(id), &all);
                }
            }
            Series::Model(id) => {
                if let Some(counts) = self.window.models.remove(&id) {
                    self.model(&id, &counts);
                }
            }
            // It was told without a version before, so it is not needed any more.
            Series::FlowVersion(id) => {
                if let Some(durations) = self.window.flows.remove(&id) {
                    let version = id.version.to_string();
                    let labels = [
                        ("project", &*id.project),
                        ("flow", &*id.flow),
                        ("version", &*version),
                    ];
                    self.outcomes("flow", &labels, &durations);
                }
            }
            Series::NodeVersion(id) => {
                if let Some(counts) = self.window.nodes.remove(&id) {
                    let version = id.flow.version.to_string();
                    self.node(&versioned(&id, &version), &counts);
                }
            }
        }
    }

    fn node(&mut self, labels: &[(&str, &str)], counts: &NodeCounts) {
        self.outcomes("node", labels, &counts.durations);
        if !self.raw {
            self.histogram("node", "fuel", labels, &counts.fuel, 1.0);
            self.histogram("node", "memory", labels, &counts.memory, 1.0);
        }
        // Also where there were none: an alarm ends by that.
        self.count("node", "retries", labels, counts.retries);
        for (metric, count) in [
            ("cache_hits", counts.cache_hits),
            ("input_tokens", counts.tokens.input),
            ("output_tokens", counts.tokens.output),
        ] {
            if count > 0 {
                self.count("node", metric, labels, count);
            }
        }
    }

    fn model(&mut self, id: &ModelId, counts: &ModelCounts) {
        let labels = [
            ("project", &*id.project),
            ("provider", &*id.provider),
            ("model", &*id.model),
        ];
        self.histogram("model", "duration", &labels, &counts.duration, SECONDS);
        for (metric, tokens) in [
            ("input_tokens", &counts.input_tokens),
            ("output_tokens", &counts.output_tokens),
        ] {
            self.histogram("model", metric, &labels, tokens, 1.0);
        }
    }

    fn host(&mut self) {
        let gauges = std::mem::take(&mut self.window.gauges);
        let values = |read: fn(&crate::Gauges) -> f64| gauges.iter().map(read).collect::<Vec<_>>();
        self.gauge(
            "queue",
            "depth",
            &values(|gauges| gauges.queue_depth as f64),
        );
        self.gauge("queue", "age", &values(|gauges| gauges.queue_age_s));
        self.gauge(
            "sandbox",
            "active",
            &values(|gauges| gauges.sandbox_active as f64),
        );
        self.count("telemetry", "dropped", &[], self.window.dropped);
    }

    /// Durations of all outcomes together, and how many ended in each way. Errors and traps are told also where there are none: an
    /// alarm ends by that.
    fn outcomes(
        &mut self,
        component: &'static str,
        labels: &[(&str, &str)],
        durations: &ByOutcome,
    ) {
        if !self.raw {
            self.histogram(component, "duration", labels, &durations.all(), SECONDS);
        }
        if durations.is_empty() {
            return;
        }
        for outcome in Outcome::ALL {
            let count = durations.count(outcome);
            if count > 0 || outcome == Outcome::Trapped {
                self.count(component, outcome.word(), labels, count);
            }
        }
        self.count(component, "errors", labels, durations.errors());
    }

    fn histogram(
        &mut self,
        component: &'static str,
        metric: &'static str,
        labels: &[(&str, &str)],
        sketch: &Sketch,
        unit: f64,
    ) {
        if sketch.is_empty() {
            return;
        }
        let mut values = vec![
            (Statistic::SampleCount, sketch.count() as f64),
            (Statistic::Sum, sketch.sum() as f64 * unit),
            (Statistic::Average, sketch.mean() * unit),
            (Statistic::Maximum, sketch.max() as f64 * unit),
            (Statistic::Minimum, sketch.min() as f64 * unit),
        ];
        let percentile = |(statistic, q)| Some((statistic, sketch.quantile(q)? * unit));
        values.extend(PERCENTILES.into_iter().filter_map(percentile));
        self.push(component, metric, labels, values);
    }

    fn count(
        &mut self,
        component: &'static str,
        metric: &'static str,
        labels: &[(&str, &str)],
        count: u64,
    ) {
        let rate = count as f64 / self.window.period.seconds() as f64;
        let values = vec![
            (Statistic::Sum, count as f64),
            (Statistic::SumPerSecond, rate),
        ];
        self.push(component, metric, labels, values);
    }

    fn gauge(&mut self, component: &'static str, metric: &'static str, values: &[f64]) {
        let Some(&last) = values.last() else {
            return;
        };
        let sum: f64 = values.iter().sum();
        let extreme = |pick: fn(f64, f64) -> f64| values.iter().copied().fold(last, pick);
        let values = vec![
            (Statistic::LastValue, last),
            (Statistic::Average, sum / values.len() as f64),
            (Statistic::Maximum, extreme(f64::max)),
            (Statistic::Minimum, extreme(f64::min)),
        ];
        self.push(component, metric, &[], values);
    }

    fn push(
        &mut self,
        component: &'static str,
        metric: &'static str,
        labels: &[(&str, &str)],
        values: Vec<(Statistic, f64)>,
    ) {
        let made = self.datum(component, metric, labels, values);
        match made {
            Some(Ok(datum)) => self.made.push_back(datum.in_group(self.config.group_id)),
            Some(Err(error)) => {
                tracing::error!(component, metric, %error, "a metric cannot be told to CMS");
                self.own.add(DROPPED, NO_DATUM, 1);
            }
            None => self.own.add(DROPPED, NO_DATUM, 1),
        }
    }

    fn datum(
        &self,
        component: &'static str,
        metric: &'static str,
        labels: &[(&str, &str)],
        values: Vec<(Statistic, f64)>,
    ) -> Option<Result<Datum, DatumError>> {
        let name = self.names.get(component, metric)?.clone();
        let dimensions = dimensions(&self.config.instance, labels);
        Some(dimensions.and_then(|dimensions| {
            Datum::aggregated(name, dimensions, self.window.period, values, self.time_ms)
        }))
    }
}

/// What tells a node apart, whatever its version.
pub(super) fn lasting(id: &NodeId) -> [(&'static str, &str); 3] {
    [
        ("project", &*id.flow.project),
        ("flow", &*id.flow.flow),
        ("node", &*id.node),
    ]
}

/// What tells a version of a node apart.
pub(super) fn versioned<'i>(id: &'i NodeId, version: &'i str) -> Vec<(&'static str, &'i str)> {
    let mut labels = lasting(id).to_vec();
    labels.push(("version", version));
    // A sub-flow has no plugin, and CMS takes no empty value.
    if !id.plugin.is_empty() {
        labels.push(("plugin", &*id.plugin));
        labels.push(("plugin_version", &*id.plugin_version));
    }
    labels
}

/// The dimensions of a series. What CMS would change in them ends in a digest.
pub(super) fn dimensions(
    instance: &str,
    labels: &[(&str, &str)],
) -> Result<Dimensions, DatumError> {
    let all = labels.iter().copied().chain([("instance", instance)]);
    all.into_iter()
        .try_fold(Dimensions::new(), |dimensions, (key, value)| {
            dimensions.with_mangled(key, value)
        })
}
