//! The port through which runs are counted: `flow` calls it, `telemetry` implements it.

use std::sync::Arc;
use std::time::Duration;

use crate::{Ident, Kebab, NodeOutcome, NodeReceipt, PluginId, RunOutcome};

/// Who counts. It may lose what it is told, and takes no time: no run waits for it.
pub trait Telemetry: Send + Sync {
    /// What the runs of a plan are counted in. It is asked once for each plan, which holds the answer, so that nothing is
    /// looked up while runs go on.
    fn series(&self, flow: &CountedFlow<'_>) -> Arc<dyn FlowSeries>;
}

/// What the runs of one plan are counted in. Its methods are called at the end of each node, on the thread that ran it.
pub trait FlowSeries: Send + Sync {
    /// A node, or an element of one, came to its end.
    fn node_finished(&self, node: &NodeFinished<'_>);

    /// A run of the plan came to its end. For a plan that another one runs, its node there is what ends.
    fn run_finished(&self, outcome: &RunOutcome, took: Duration);
}

/// A plan, as far as its series are named after it.
#[derive(Debug)]
pub struct CountedFlow<'a> {
    /// Whose it is, and which version; None where it is kept nowhere.
    pub origin: Option<&'a FlowOrigin>,
    /// The flow's name.
    pub name: &'a Kebab,
    /// Its nodes, in the order of their indices.
    pub nodes: Vec<CountedNode<'a>>,
}

/// Where the document of a flow is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FlowOrigin {
    /// The project that it belongs to.
    pub project: Kebab,
    /// The number of its version.
    pub version: u32,
}

/// A node of a plan, as far as its series are named after it.
#[derive(Debug)]
pub struct CountedNode<'a> {
    /// Its name in the flow.
    pub name: &'a Ident,
    /// The plugin that it comes from; None for a sub-flow.
    pub plugin: Option<&'a PluginId>,
}

/// What is counted of a node, or of an element of one, that came to its end.
#[derive(Debug)]
pub struct NodeFinished<'a> {
    /// Its index in the plan.
    pub node: u32,
    /// How it ended.
    pub outcome: &'a NodeOutcome,
    /// What it used.
    pub receipt: &'a NodeReceipt,
    /// From its beginning to its end, with all attempts and the pauses between them.
    pub took: Duration,
    /// The same of its last attempt.
    pub last_took: Duration,
}
