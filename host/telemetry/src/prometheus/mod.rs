//! What a scrape of Prometheus is told of runs.
//!
//! Belongs here: which families there are, and how totals become their samples. Does not belong here: HTTP, and what others
//! count (the queue, requests).
//!
//! The library writes all text, so it escapes all labels. Series are taken from the totals a page at a time: nobody waits
//! long for their lock, and a scrape holds a page, however many series there are.

mod classic;
mod families;

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector as Source;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use crate::collector::Collector;
use crate::names::{FlowId, OTHER};

/// The two forms that a scrape is told in. They differ in what counters are called, which is all that readers of the one
/// stumble over in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// OpenMetrics 1.0: the family of `runs_total` is called `runs`.
    OpenMetrics,
    /// Prometheus' own text: the family of `runs_total` is called `runs_total`.
    Text,
}

/// What one reader may see. Series that stand for many have no names in them, and are shown to everybody; so are sums of runs, of
/// the whole project.
#[derive(Debug, Clone)]
pub struct View {
    /// The project whose series they see.
    pub project: Arc<str>,
    /// The flows that they are limited to. None: all of the project.
    pub flows: Option<Vec<Arc<str>>>,
}

/// What is told in one scrape; register it with a registry that has no prefix.
#[derive(Debug)]
pub struct Scrape {
    collector: Arc<Collector>,
    view: View,
    form: Form,
}

impl Form {
    /// Writes a family of counters, whose name is without `_total`: the labels and the value of each.
    pub fn counters<const N: usize>(
        self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        counters: impl IntoIterator<Item = ([(&'static str, String); N], u64)>,
    ) -> fmt::Result {
        let total = format!("{name}_total");
        let name = match self {
            Self::OpenMetrics => name,
            Self::Text => &total,
        };
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in counters {
            let mut sample = family.encode_family(&labels)?;
            match self {
                Self::OpenMetrics => {
                    sample.encode_counter::<prometheus_client::encoding::NoLabelSet, _, f64>(
                        &value, None,
                    )?;
                }
                // A name, labels and a value: it is what a gauge looks like.
                Self::Text => sample.encode_gauge(&value)?,
            }
        }
        Ok(())
    }
}

impl View {
    fn sees_project(&self, project: &str) -> bool {
        project == OTHER || *project == *self.project
    }

    fn sees(&self, flow: &FlowId) -> bool {
        let listed = |flows: &Vec<Arc<str>>| flows.contains(&flow.flow);
        flow.is_other() || *flow.project == *self.project && self.flows.as_ref().is_none_or(listed)
    }
}

impl Scrape {
    /// What the collector's totals say at the time of the scrape.
    pub fn new(collector: Arc<Collector>, view: View, form: Form) -> Self {
        Self {
            collector,
            view,
            form,
        }
    }
}

impl Source for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        self.runs(encoder)?;
        self.flows(encoder)?;
        self.nodes(encoder)?;
        self.models(encoder)?;
        self.host(encoder)
    }
}
