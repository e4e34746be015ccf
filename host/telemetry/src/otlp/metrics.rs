//! Totals as requests: of the host, and a page of series each.

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};

use super::Shared;
use super::attributes::{self, nanoseconds, text};
use super::client::Request;
use super::points::{Counters, Histograms, Period, Unit, gauge};
use crate::collector::Collector;
use crate::names::{FlowId, NodeId, TrapReason};
use crate::own::{CMS_REFUSED, CMS_RETRIED, CMS_SENT, DROPPED};
use crate::snapshot::{ByOutcome, ModelId, NodeCounts};
use crate::totals::{ModelCounts, Total, Totals, page};

/// How many series are one request. With all of their buckets in use it has about 3 MiB, and receivers read 4.
const PAGE: usize = 200;

/// The requests of one export, in their order; what they tell is read when they are asked for.
#[derive(Clone)]
pub(super) struct Export {
    collector: Arc<Collector>,
    shared: Arc<Shared>,
    next: Next,
}

/// What comes next: of which kind, and after which series.
#[derive(Clone)]
enum Next {
    Host,
    Flows(Option<Arc<FlowId>>),
    Nodes(Option<Arc<NodeId>>),
    Models(Option<Arc<ModelId>>),
    End,
}

/// Series of one kind, since when each counts, and as of when all do.
struct Page<I, T> {
    at: SystemTime,
    series: Vec<(Arc<I>, (SystemTime, T))>,
}

type Told = Vec<Option<(Metric, u64)>>;

impl Export {
    pub(super) fn new(collector: Arc<Collector>, shared: Arc<Shared>) -> Self {
        Self {
            collector,
            shared,
            next: Next::Host,
        }
    }

    fn request(&self, told: Told) -> Option<(Request, u64)> {
        let (metrics, counts): (Vec<_>, Vec<_>) = told.into_iter().flatten().unzip();
        let request = Request::Metrics(ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(attributes::sender(&self.shared.config.resource)),
                scope_metrics: vec![ScopeMetrics {
                    scope: Some(attributes::scope()),
                    metrics,
                    schema_url: String::new(),
                }],
                schema_url: String::new(),
            }],
        });
        let count: u64 = counts.iter().sum();
        (count > 0).then_some((request, count))
    }
}

/// Each with the number of its points.
impl Iterator for Export {
    type Item = (Request, u64);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let told = match &self.next {
                Next::Host => {
                    self.next = Next::Flows(None);
                    self.collector.with_totals(host)
                }
                Next::Flows(last) => {
                    let page = Page::read(&self.collector, last, |totals| &totals.flows);
                    self.next = page
                        .last()
                        .map_or(Next::Nodes(None), |last| Next::Flows(Some(last)));
                    flows(&page)
                }
                Next::Nodes(last) => {
                    let page = Page::read(&self.collector, last, |totals| &totals.nodes);
                    self.next = page
                        .last()
                        .map_or(Next::Models(None), |last| Next::Nodes(Some(last)));
                    nodes(&page)
                }
                Next::Models(last) => {
                    let page = Page::read(&self.collector, last, |totals| &totals.models);
                    self.next = page
                        .last()
                        .map_or(Next::End, |last| Next::Models(Some(last)));
                    models(&page)
                }
                Next::End => return None,
            };
            if let Some(request) = self.request(told) {
                return Some(request);
            }
        }
    }
}

impl<I: Ord, T: Clone> Page<I, T> {
    fn read(
        collector: &Collector,
        last: &Option<Arc<I>>,
        of: impl Fn(&Totals) -> &std::collections::BTreeMap<Arc<I>, Total<T>>,
    ) -> Self {
        collector.with_totals(|totals| Self {
            at: totals.at,
            series: page(of(totals), last.as_ref(), PAGE, |_, total| {
                Some((total.since, total.counts.clone()))
            }),
        })
    }

    fn last(&self) -> Option<Arc<I>> {
        self.series.last().map(|(id, _)| Arc::clone(id))
    }

    fn each(&self, mut tell: impl FnMut(&I, Period, &T)) {
        let to = nanoseconds(self.at);
        for (id, (since, counts)) in &self.series {
            let from = nanoseconds(*since);
            tell(id, Period { from, to }, counts);
        }
    }
}

fn host(totals: &Totals) -> Told {
    let period = Period {
        from: nanoseconds(totals.since),
        to: nanoseconds(totals.at),
    };
    let whole = |number: u64| Value::AsInt(i64::try_from(number).unwrap_or(i64::MAX));
    let gauges = &totals.gauges;
    let mut told = vec![
        Some(gauge(
            "lockgate.queue.depth",
            "Runs that wait in the queue",
            "{run}",
            period,
            whole(gauges.queue_depth),
        )),
        Some(gauge(
            "lockgate.queue.age",
            "For how long the oldest of them has waited",
            "s",
            period,
            Value::AsDouble(gauges.queue_age_s),
        )),
        Some(gauge(
            "lockgate.sandbox.active",
            "Places of the sandbox that calls have",
            "{call}",
            period,
            whole(gauges.sandbox_active),
        )),
    ];
    for (name, description, unit) in [
        (DROPPED, "What telemetry had to let go", "{item}"),
        (CMS_SENT, "Entries that CMS took", "{entry}"),
        (CMS_REFUSED, "Entries that CMS refused", "{entry}"),
        (
            CMS_RETRIED,
            "Requests to CMS that were made again",
            "{request}",
        ),
    ] {
        let mut counters = Counters::new(name, description, unit);
        for count in totals.own.iter().filter(|count| count.name == name) {
            let reason = Some(&count.reason).filter(|reason| !reason.is_empty());
            let attributes = reason.map(|reason| text("reason", reason));
            counters.add(attributes.into_iter().collect(), period, count.total);
        }
        told.push(counters.end());
    }
    told
}

fn flows(page: &Page<FlowId, ByOutcome>) -> Told {
    let mut durations = Histograms::new(
        "lockgate.flow.duration",
        "How long runs took",
        Unit::Seconds,
    );
    page.each(|id, period, counts| {
        for (outcome, sketch) in counts.iter() {
            let mut attributes = attributes::flow(id);
            attributes.push(text("outcome", outcome.word()));
            durations.add(attributes, period, sketch);
        }
    });
    vec![durations.end()]
}

fn nodes(page: &Page<NodeId, NodeCounts>) -> Told {
    let mut durations = Histograms::new(
        "lockgate.node.duration",
        "How long nodes took",
        Unit::Seconds,
    );
    let mut fuel = Histograms::new(
        "lockgate.node.fuel",
        "Fuel that calls of nodes used",
        Unit::Numbers("{fuel}"),
    );
    let mut memory = Histograms::new(
        "lockgate.node.memory",
        "The most memory that calls of nodes had",
        Unit::Numbers("By"),
    );
    let mut retries = Counters::new(
        "lockgate.node.retries",
        "Attempts of nodes after the first",
        "{attempt}",
    );
    let mut hits = Counters::new(
        "lockgate.node.cache_hits",
        "Times that a node's outputs were reused",
        "{hit}",
    );
    let mut traps = Counters::new(
        "lockgate.node.traps",
        "Calls of nodes that the sandbox ended",
        "{call}",
    );
    page.each(|id, period, counts| {
        let plain = || attributes::node(id);
        let with = |name: &str, value: &str| {
            let mut attributes = plain();
            attributes.push(text(name, value));
            attributes
        };
        for (outcome, sketch) in counts.durations.iter() {
            durations.add(with("outcome", outcome.word()), period, sketch);
        }
        fuel.add(plain(), period, &counts.fuel);
        memory.add(plain(), period, &counts.memory);
        retries.add(plain(), period, counts.retries);
        hits.add(plain(), period, counts.cache_hits);
        for (reason, count) in TrapReason::ALL.into_iter().zip(counts.traps) {
            traps.add(with("reason", reason.word()), period, count);
        }
    });
    vec![
        durations.end(),
        fuel.end(),
        memory.end(),
        retries.end(),
        hits.end(),
        traps.end(),
    ]
}

/// As OpenTelemetry's conventions for GenAI have them.
fn models(page: &Page<ModelId, ModelCounts>) -> Told {
    let mut durations = Histograms::new(
        "gen_ai.client.operation.duration",
        "GenAI operation duration.",
        Unit::Seconds,
    );
    let mut tokens = Histograms::new(
        "gen_ai.client.token.usage",
        "Number of input and output tokens used.",
        Unit::Numbers("{token}"),
    );
    page.each(|id, period, counts| {
        durations.add(attributes::model(id), period, &counts.duration);
        for (kind, sketch) in &counts.failed {
            let mut attributes = attributes::model(id);
            attributes.push(text("error.type", kind));
            durations.add(attributes, period, sketch);
        }
        for (kind, sketch) in [
            ("input", &counts.input_tokens),
            ("output", &counts.output_tokens),
        ] {
            let mut attributes = attributes::model(id);
            attributes.push(text("gen_ai.token.type", kind));
            tokens.add(attributes, period, sketch);
        }
    });
    vec![durations.end(), tokens.end()]
}
