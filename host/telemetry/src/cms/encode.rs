//! What a period came to, as CMS takes it.
//!
//! Each series comes twice: without a version, so that dashboards and alarm rules outlive a deployment; and with one.

use std::collections::BTreeMap;
use std::sync::Arc;

use lockgate_cms::{Datum, DatumError, Dimensions, Statistic};

use super::CmsConfig;
use super::names::MetricNames;
use super::window::Window;
use crate::histogram::Sketch;
use crate::snapshot::{ByOutcome, NodeCounts};
use crate::{NodeId, Outcome, TICKS_PER_SECOND};

/// The percentiles that are reported of a histogram.
const PERCENTILES: [(Statistic, f64); 4] = [
    (Statistic::P50, 0.50),
    (Statistic::P90, 0.90),
    (Statistic::P95, 0.95),
    (Statistic::P99, 0.99),
];

/// Seconds.
const SECONDS: f64 = 1.0 / TICKS_PER_SECOND as f64;

/// The data of a period.
pub(super) struct Encoder<'a> {
    names: &'a MetricNames,
    config: &'a CmsConfig,
    window: &'a Window,
    time_ms: u64,
    /// Whether durations, fuel and memory are reported by call.
    raw: bool,
    data: Vec<Datum>,
    refused: u64,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(
        names: &'a MetricNames,
        config: &'a CmsConfig,
        window: &'a Window,
        time_ms: u64,
    ) -> Self {
        Self {
            names,
            config,
            window,
            time_ms,
            raw: matches!(config.mode, super::Mode::Raw { .. }),
            data: Vec::new(),
            refused: 0,
        }
    }

    /// The data, and how many could not be made: there should be none.
    pub(super) fn encode(mut self) -> (Vec<Datum>, u64) {
        self.flows();
        self.nodes();
        self.models();
        self.gauges();
        (self.data, self.refused)
    }

    fn flows(&mut self) {
        let window = self.window;
        let mut lasting: BTreeMap<(&str, &str), ByOutcome> = BTreeMap::new();
        for (id, durations) in &window.flows {
            let key = (&*id.project, &*id.flow);
            lasting.entry(key).or_default().add(durations);
            let version = id.version.to_string();
            let labels = [
                ("project", &*id.project),
                ("flow", &*id.flow),
                ("version", &version),
            ];
            self.outcomes("flow", &labels, durations);
        }
        for ((project, flow), durations) in lasting {
            self.outcomes("flow", &[("project", project), ("flow", flow)], &durations);
        }
    }

    fn nodes(&mut self) {
        let window = self.window;
        let mut lasting: BTreeMap<(&str, &str, &str), NodeCounts> = BTreeMap::new();
        for (id, counts) in &window.nodes {
            let key = (&*id.flow.project, &*id.flow.flow, &*id.node);
            lasting.entry(key).or_default().add(counts);
            let version = id.flow.version.to_string();
            self.node(&versioned(id, &version), counts);
        }
        for ((project, flow, node), counts) in lasting {
            self.node(
                &[("project", project), ("flow", flow), ("node", node)],
                &counts,
            );
        }
    }

    fn node(&mut self, labels: &[(&str, &str)], counts: &NodeCounts) {
        self.outcomes("node", labels, &counts.durations);
        if !self.raw {
            self.histogram("node", "fuel", labels, &counts.fuel, 1.0);
            self.histogram("node", "memory", labels, &counts.memory, 1.0);
        }
        for (metric, count) in [
            ("retries", counts.retries),
            ("cache_hits", counts.cache_hits),
            ("input_tokens", counts.tokens.input),
            ("output_tokens", counts.tokens.output),
        ] {
            if count > 0 {
                self.count("node", metric, labels, count);
            }
        }
    }

    fn models(&mut self) {
        let window = self.window;
        for (id, counts) in &window.models {
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
    }

    fn gauges(&mut self) {
        let window = self.window;
        let gauges = &window.gauges;
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
        self.count("telemetry", "dropped", &[], window.dropped);
    }

    /// Durations of all outcomes together, and how many ended in each way. Errors are told also where there are none: an alarm
    /// ends by that.
    fn outcomes(
        &mut self,
        component: &'static str,
        labels: &[(&str, &str)],
        durations: &ByOutcome,
    ) {
        if !self.raw {
            self.histogram(component, "duration", labels, &durations.all(), SECONDS);
        }
        let mut errors = 0;
        for (outcome, sketch) in durations.iter() {
            errors += if outcome.is_error() {
                sketch.count()
            } else {
                0
            };
            self.count(component, outcome.word(), labels, sketch.count());
        }
        if Outcome::ALL.iter().any(|&one| durations.count(one) > 0) {
            self.count(component, "errors", labels, errors);
        }
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
            Some(Ok(datum)) => self.data.push(datum.in_group(self.config.group_id)),
            Some(Err(error)) => {
                tracing::error!(component, metric, %error, "a metric cannot be told to CMS");
                self.refused += 1;
            }
            None => self.refused += 1,
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

/// What tells a version of a node apart.
pub(super) fn versioned<'i>(id: &'i Arc<NodeId>, version: &'i str) -> Vec<(&'static str, &'i str)> {
    let mut labels = vec![
        ("project", &*id.flow.project),
        ("flow", &*id.flow.flow),
        ("node", &*id.node),
        ("version", version),
    ];
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
