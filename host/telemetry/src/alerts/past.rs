//! What rules are asked about: the counts of each minute of a series, and runs as they ended.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use lockgate_model::Kebab;
use uuid::Uuid;

use super::condition::Subject;
use super::moment::{Minute, Moment};
use crate::{FlowId, Gauges, NodeCounts, NodeId, Outcome, Snapshot};

/// What is looked at, of which project.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Series {
    /// The project.
    pub project: Kebab,
    /// What of it.
    pub subject: Subject,
}

/// A run that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnded {
    /// Its id.
    pub run: Uuid,
    /// The project that it belongs to.
    pub project: Arc<str>,
    /// The flow.
    pub flow: Arc<str>,
    /// The flow's version.
    pub version: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
    /// When it ended.
    pub at: Moment,
    /// The node that ended it badly, if it was one.
    pub failed_node: Option<Arc<str>>,
}

/// What was counted before now.
pub trait Past: Send + Sync {
    /// What was counted of a series in each minute of a span: of all versions and nodes that [`Series::has_flow`] and
    /// [`Series::has_node`] say are in it, added up as [`Series::add`] and [`Series::add_row`] do. Minutes in which nothing was counted may be
    /// missing.
    fn minutes<'a>(&'a self, of: &'a Series, span: Range<Minute>) -> Answer<'a, Minutes>;

    /// What was at the end of each minute of a span. A minute is in it if the host was counting, even if all numbers are
    /// 0: that is how a flow that stopped is told apart from a host that did.
    fn gauges(&self, span: Range<Minute>) -> Answer<'_, BTreeMap<Minute, Gauges>>;

    /// The last so many runs of a flow of a project, or of all its flows, that ended in a span.
    fn runs<'a>(
        &'a self,
        project: &'a Kebab,
        flow: Option<&'a Kebab>,
        span: Range<Moment>,
        most: usize,
    ) -> Answer<'a, Ended>;

    /// Since when there is a past: what is older was removed, or never was.
    fn known_since(&self) -> Answer<'_, KnownSince>;
}

/// Runs of a span.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// In the order of their ends.
    pub runs: Vec<RunEnded>,
    /// Whether these are all that ended in the span.
    pub is_all: bool,
}

/// Since when there is a past.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KnownSince {
    /// The first minute of which is known what was counted; None where nothing is.
    pub minutes: Option<Minute>,
    /// When the first run ended that is known; None where none is.
    pub runs: Option<Moment>,
}

/// What was counted in each minute.
pub type Minutes = BTreeMap<Minute, NodeCounts>;

/// An answer about the past.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, PastError>>;

/// The past cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("what was counted cannot be read: {0}")]
pub struct PastError(pub String);

impl Series {
    /// Whether the runs of this version of a flow are in it.
    pub fn has_flow(&self, id: &FlowId) -> bool {
        self.subject.node().is_none() && self.is_in_flow(&id.project, &id.flow, id.version)
    }

    /// Whether this node is in it. Of a flow, all of its nodes are. Of all flows, nodes that run a flow are not: what
    /// that flow's nodes used is counted of them.
    pub fn has_node(&self, id: &NodeId) -> bool {
        let flow = &*id.flow;
        let is_flow = self.is_in_flow(&flow.project, &flow.flow, flow.version);
        is_flow
            && match &self.subject {
                Subject::All => !id.plugin.is_empty(),
                Subject::Flow(..) => true,
                Subject::Node(_, _, node) => node.as_str() == &*id.node,
            }
    }

    /// Whether a run is one of those that it counts, or that its node is in.
    pub fn has_run(&self, run: &RunEnded) -> bool {
        self.is_in_flow(&run.project, &run.flow, run.version)
    }

    /// Adds what a snapshot has of it. Of flows, durations are those of runs; all else is the sum of their nodes.
    pub fn add(&self, snapshot: &Snapshot, to: &mut NodeCounts) {
        for point in &snapshot.flows {
            if self.has_flow(&point.id) {
                to.durations.add(&point.durations);
            }
        }
        let is_node = self.subject.node().is_some();
        for point in &snapshot.nodes {
            if self.has_node(&point.id) {
                add_node(&point.counts, is_node, to);
            }
        }
    }

    /// Adds a row of rollups: what was counted of a node in a minute, or of a flow's version where the node is empty.
    pub fn add_row(&self, id: &NodeId, counts: &NodeCounts, to: &mut NodeCounts) {
        if id.node.is_empty() {
            if self.has_flow(&id.flow) {
                to.durations.add(&counts.durations);
            }
        } else if self.has_node(id) {
            add_node(counts, self.subject.node().is_some(), to);
        }
    }

    fn is_in_flow(&self, project: &str, flow: &str, version: u32) -> bool {
        project == self.project.as_str()
            && self.subject.flow().is_none_or(|one| one.as_str() == flow)
            && self.subject.version().is_none_or(|one| one == version)
    }
}

/// Adds the counts of a node: to its own, or to those of its flow.
fn add_node(counts: &NodeCounts, is_node: bool, to: &mut NodeCounts) {
    if is_node {
        to.add(counts);
        return;
    }
    to.fuel.add(&counts.fuel);
    to.memory.add(&counts.memory);
    to.retries = to.retries.saturating_add(counts.retries);
    to.cache_hits = to.cache_hits.saturating_add(counts.cache_hits);
    for (mine, other) in to.traps.iter_mut().zip(counts.traps) {
        *mine = mine.saturating_add(other);
    }
    to.tokens.add(counts.tokens);
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.subject, self.project)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::{FlowPoint, NodePoint, Sketch, Tokens};

    fn flow(project: &str, flow: &str, version: u32) -> Arc<FlowId> {
        Arc::new(FlowId {
            project: project.into(),
            flow: flow.into(),
            version,
        })
    }

    fn node(flow: &Arc<FlowId>, node: &str, plugin: &str) -> Arc<NodeId> {
        Arc::new(NodeId {
            flow: Arc::clone(flow),
            node: node.into(),
            plugin: plugin.into(),
            plugin_version: "1.0.0".into(),
        })
    }

    /// A duration, and as many tokens.
    fn counts(value: u64) -> NodeCounts {
        let mut sketch = Sketch::new();
        sketch.record(value);
        let mut counts = NodeCounts::default();
        counts.durations.add_to(Outcome::Ok, &sketch);
        counts.tokens = Tokens {
            input: value,
            output: 0,
        };
        counts
    }

    /// The sum of durations, and of tokens, of a subject; the same from a snapshot and from rows.
    fn sums(subject: Subject) -> (u64, u64) {
        let flows = [
            flow("default", "poem", 1),
            flow("default", "poem", 2),
            flow("default", "story", 1),
            flow("other", "poem", 1),
        ];
        let nodes = [
            (node(&flows[0], "write", "lockgate:text"), 1),
            (node(&flows[1], "write", "lockgate:text"), 10),
            (node(&flows[1], "check", "lockgate:text"), 100),
            // It runs `poem`.
            (node(&flows[2], "write", ""), 1_000),
            (node(&flows[3], "write", "lockgate:text"), 10_000),
        ];
        let flows = flows.into_iter().zip([3, 30, 300, 3_000]);
        let flows: Vec<_> = flows.map(|(id, value)| (id, counts(value))).collect();
        let snapshot = Snapshot {
            from: SystemTime::UNIX_EPOCH,
            to: SystemTime::UNIX_EPOCH,
            flows: flows
                .iter()
                .map(|(id, counts)| FlowPoint {
                    id: Arc::clone(id),
                    durations: counts.durations.clone(),
                })
                .collect(),
            nodes: nodes
                .iter()
                .map(|(id, value)| NodePoint {
                    id: Arc::clone(id),
                    counts: counts(*value),
                })
                .collect(),
            models: Vec::new(),
            gauges: Gauges::default(),
            own: Vec::new(),
        };
        let series = Series {
            project: "default".parse().expect("a name"),
            subject,
        };
        let (mut live, mut kept) = (NodeCounts::default(), NodeCounts::default());
        series.add(&snapshot, &mut live);
        for (id, value) in &nodes {
            series.add_row(id, &counts(*value), &mut kept);
        }
        for (id, counts) in &flows {
            series.add_row(&node(id, "", ""), counts, &mut kept);
        }
        assert_eq!(live, kept);
        (live.durations.all().sum(), live.tokens.input)
    }

    #[test]
    fn a_series_has_what_it_is_about_and_nothing_twice() {
        let poem = || "poem".parse::<Kebab>().expect("a name");
        let write = || "write".parse().expect("a name");
        assert_eq!(sums(Subject::Flow(poem(), None)), (33, 111));
        assert_eq!(sums(Subject::Flow(poem(), Some(2))), (30, 110));
        assert_eq!(sums(Subject::Node(poem(), None, write())), (11, 11));
        assert_eq!(sums(Subject::Node(poem(), Some(1), write())), (1, 1));
        // The flow that runs a flow is not counted with what that used.
        assert_eq!(sums(Subject::All), (333, 111));
    }
}
