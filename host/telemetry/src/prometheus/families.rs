//! The families that a scrape is told, one function for each thing that is counted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::Scrape;
use super::classic::Bounds;
use crate::histogram::Sketch;
use crate::names::{FlowId, GEN_AI_OPERATION, NodeId, OTHER, Outcome, TrapReason};
use crate::snapshot::{ByOutcome, ModelId, NodeCounts};
use crate::totals::{ModelCounts, Total, Totals, page};
use crate::{CMS_REFUSED, CMS_RETRIED, CMS_SENT, DROPPED};

/// How many series are held at once.
const PAGE: usize = 200;

/// Nodes take microseconds, and a minute at most as a rule.
const NODE_SECONDS: Bounds = Bounds::seconds(-17, 6);

/// Runs take longer: a millisecond, and an hour.
const FLOW_SECONDS: Bounds = Bounds::seconds(-10, 12);

/// So do model services.
const MODEL_SECONDS: Bounds = Bounds::seconds(-7, 10);

/// From some hundred instructions to some minutes.
const FUEL: Bounds = Bounds::numbers(8, 38);

/// From one page of WebAssembly to all that a memory can have.
const BYTES: Bounds = Bounds::numbers(16, 32);

/// As the GenAI conventions advise.
const TOKENS: Bounds = Bounds::numbers(0, 26);

type Labels<const N: usize> = [(&'static str, String); N];

impl Scrape {
    /// Runs of the whole project, which only grow: those of single flows end with a version that nobody runs.
    pub(super) fn runs(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let view = &self.view;
        let counts = self.collector.with_totals(|totals| {
            let projects = totals.runs.iter();
            let seen = projects.filter(|(project, _)| view.sees_project(project));
            seen.fold([0_u64; Outcome::ALL.len()], |mut sums, (_, counts)| {
                let pairs = sums.iter_mut().zip(counts);
                pairs.for_each(|(sum, count)| *sum = sum.saturating_add(*count));
                sums
            })
        });
        let counters = Outcome::ALL
            .into_iter()
            .zip(counts)
            .map(|(outcome, count)| ([("outcome", outcome.word().to_owned())], count));
        self.form
            .counters(encoder, "lockgate_runs", "Runs by outcome", counters)
    }

    pub(super) fn flows(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "lockgate_flow_duration",
            "How long runs took, by flow and outcome",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        self.each_flow(|id, durations| {
            durations.iter().try_for_each(|(outcome, sketch)| {
                let labels = (flow(id), [("outcome", outcome.word())]);
                FLOW_SECONDS.encode(family.encode_family(&labels)?, sketch)
            })
        })
    }

    pub(super) fn nodes(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "lockgate_node_duration",
            "How long nodes took, by outcome",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        let durations = |counts: &NodeCounts| counts.durations.clone();
        self.each_node(durations, |id, durations| {
            durations.iter().try_for_each(|(outcome, sketch)| {
                let labels = (node(id), [("outcome", outcome.word())]);
                NODE_SECONDS.encode(family.encode_family(&labels)?, sketch)
            })
        })?;
        self.node_histogram(
            encoder,
            ("lockgate_node_fuel", "Fuel that calls of nodes used", None),
            FUEL,
            |counts| counts.fuel.clone(),
        )?;
        self.node_histogram(
            encoder,
            (
                "lockgate_node_memory",
                "The most memory that calls of nodes had",
                Some(&Unit::Bytes),
            ),
            BYTES,
            |counts| counts.memory.clone(),
        )?;
        self.node_counters(encoder)
    }

    fn node_histogram(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        (name, help, unit): (&str, &str, Option<&Unit>),
        bounds: Bounds,
        pick: impl Fn(&NodeCounts) -> Sketch,
    ) -> fmt::Result {
        let mut family = encoder.encode_descriptor(name, help, unit, MetricType::Histogram)?;
        self.each_node(pick, |id, sketch| {
            if sketch.is_empty() {
                return Ok(());
            }
            bounds.encode(family.encode_family(&node(id))?, &sketch)
        })
    }

    fn node_counters(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let retries = self.node_pages(|counts| counts.retries);
        self.form.counters(
            encoder,
            "lockgate_node_retries",
            "Attempts of nodes after the first",
            retries.map(|(id, count)| (node(&id), count)),
        )?;
        let hits = self.node_pages(|counts| counts.cache_hits);
        self.form.counters(
            encoder,
            "lockgate_node_cache_hits",
            "Times that a node's outputs were reused",
            hits.map(|(id, count)| (node(&id), count)),
        )?;
        let traps = self.node_pages(|counts| counts.traps);
        let counters = traps.flat_map(|(id, counts)| {
            TrapReason::ALL
                .into_iter()
                .zip(counts)
                .map(move |(reason, count)| (with_reason(node(&id), reason.word()), count))
        });
        let help = "Calls of nodes that the sandbox ended, by reason";
        self.form
            .counters(encoder, "lockgate_node_traps", help, counters)
    }

    pub(super) fn models(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "gen_ai_client_operation_duration",
            "How long calls of nodes that used a model took",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for (id, counts) in self.model_pages() {
            let labels = model(&id);
            if !counts.duration.is_empty() {
                MODEL_SECONDS.encode(family.encode_family(&labels)?, &counts.duration)?;
            }
            for (kind, sketch) in &counts.failed {
                let labels = (model(&id), [("error_type", *kind)]);
                MODEL_SECONDS.encode(family.encode_family(&labels)?, sketch)?;
            }
        }
        let mut family = encoder.encode_descriptor(
            "gen_ai_client_token_usage",
            "Tokens of calls of models",
            None,
            MetricType::Histogram,
        )?;
        for (id, counts) in self.model_pages() {
            for (kind, sketch) in [
                ("input", &counts.input_tokens),
                ("output", &counts.output_tokens),
            ] {
                let labels = (model(&id), [("gen_ai_token_type", kind)]);
                TOKENS.encode(family.encode_family(&labels)?, sketch)?;
            }
        }
        Ok(())
    }

    /// What is counted of the host: it names nobody.
    pub(super) fn host(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (gauges, own) = self
            .collector
            .with_totals(|totals| (totals.gauges, totals.own.clone()));
        encoder
            .encode_descriptor(
                "lockgate_sandbox_active",
                "Places of the sandbox that calls have",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&gauges.sandbox_active)?;
        for (instrument, help) in [
            (DROPPED, "What telemetry had to let go, by reason"),
            (CMS_SENT, "Entries that CMS took"),
            (CMS_REFUSED, "Entries that CMS refused, by reason"),
            (CMS_RETRIED, "Requests to CMS that were made again"),
        ] {
            let counted = own.iter().filter(|count| count.name == instrument);
            let counters =
                counted.map(|count| ([("reason", count.reason.to_string())], count.total));
            let name = instrument.replace('.', "_");
            self.form.counters(encoder, &name, help, counters)?;
        }
        Ok(())
    }

    fn each_flow(&self, mut tell: impl FnMut(&FlowId, ByOutcome) -> fmt::Result) -> fmt::Result {
        let mut pages = self.pages(
            |totals| &totals.flows,
            |id, total| self.view.sees(id).then(|| total.counts.clone()),
        );
        pages.try_for_each(|(id, counts)| tell(&id, counts))
    }

    fn each_node<P>(
        &self,
        pick: impl Fn(&NodeCounts) -> P,
        mut tell: impl FnMut(&NodeId, P) -> fmt::Result,
    ) -> fmt::Result {
        let mut pages = self.node_pages(pick);
        pages.try_for_each(|(id, counts)| tell(&id, counts))
    }

    fn node_pages<P>(
        &self,
        pick: impl Fn(&NodeCounts) -> P,
    ) -> impl Iterator<Item = (Arc<NodeId>, P)> {
        self.pages(
            |totals| &totals.nodes,
            move |id, total| self.view.sees(&id.flow).then(|| pick(&total.counts)),
        )
    }

    fn model_pages(&self) -> impl Iterator<Item = (Arc<ModelId>, ModelCounts)> {
        self.pages(
            |totals| &totals.models,
            |id, total| {
                // A key for some flows sees no other flow's models, and no model says whose it is.
                let sees = match self.view.flows {
                    None => self.view.sees_project(&id.project),
                    Some(_) => *id.project == *OTHER,
                };
                sees.then(|| total.counts.clone())
            },
        )
    }

    /// Series in the order of their names, a page at a time.
    fn pages<I: Ord, T, P>(
        &self,
        of: impl Fn(&Totals) -> &BTreeMap<Arc<I>, Total<T>>,
        pick: impl Fn(&I, &Total<T>) -> Option<P>,
    ) -> impl Iterator<Item = (Arc<I>, P)> {
        let mut held = Vec::new().into_iter();
        let mut last: Option<Arc<I>> = None;
        std::iter::from_fn(move || {
            if held.len() == 0 {
                let next = self.collector.with_totals(|totals| {
                    page(of(totals), last.as_ref(), PAGE, |id, total| pick(id, total))
                });
                held = next.into_iter();
            }
            let (id, counts) = held.next()?;
            last = Some(Arc::clone(&id));
            Some((id, counts))
        })
    }
}

fn flow(id: &FlowId) -> Labels<3> {
    [
        ("project", id.project.to_string()),
        ("flow", id.flow.to_string()),
        ("flow_version", id.version.to_string()),
    ]
}

fn node(id: &NodeId) -> Labels<6> {
    let [project, name, version] = flow(&id.flow);
    [
        project,
        name,
        version,
        ("node", id.node.to_string()),
        ("plugin", id.plugin.to_string()),
        ("plugin_version", id.plugin_version.to_string()),
    ]
}

fn with_reason([a, b, c, d, e, f]: Labels<6>, reason: &str) -> Labels<7> {
    [a, b, c, d, e, f, ("reason", reason.to_owned())]
}

fn model(id: &ModelId) -> Labels<4> {
    [
        ("project", id.project.to_string()),
        ("gen_ai_provider_name", id.provider.to_string()),
        ("gen_ai_request_model", id.model.to_string()),
        ("gen_ai_operation_name", GEN_AI_OPERATION.to_owned()),
    ]
}
