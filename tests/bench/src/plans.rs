//! The flows that are measured, and what runs them.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use lockgate_flow::{FlowDocument, NoFlows, Plan, plan};
use lockgate_model::{Journal, Node, NodeCatalog, NodeRef, RunEvent, UnknownNode};
use lockgate_runtime::Plugin;

/// How the nodes of a flow stand to one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    InARow,
    SideBySide,
}

impl Shape {
    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::InARow => "in a row",
            Self::SideBySide => "side by side",
        }
    }
}

/// A flow of `nodes` nodes with a port `value` on each side.
pub(crate) fn flow(nodes: u32, use_: &str, shape: Shape) -> Result<FlowDocument> {
    let mut text = String::from("flow: bench\nnodes:\n");
    for node in 0..nodes {
        let from = match (shape, node.checked_sub(1)) {
            (Shape::InARow, Some(before)) => format!("n{before}"),
            _ => "input".to_owned(),
        };
        writeln!(
            text,
            "  n{node}: {{ use: {use_}, in: {{ value: {from}.value }} }}"
        )?;
    }
    writeln!(text, "output: {{ value: n{}.value }}", nodes - 1)?;
    parsed(&text)
}

/// A flow as its text says.
pub(crate) fn parsed(text: &str) -> Result<FlowDocument> {
    FlowDocument::parse("bench.yaml", text).map_err(faulty)
}

/// The plan of a flow.
pub(crate) async fn planned(flow: &FlowDocument, catalog: &dyn NodeCatalog) -> Result<Arc<Plan>> {
    let plan = plan(flow, catalog, &NoFlows, &[]).await.map_err(faulty)?;
    Ok(Arc::new(plan))
}

fn faulty(faults: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the flow is faulty: {faults}")
}

/// A journal that keeps nothing.
pub(crate) struct Unheard;

impl Journal for Unheard {
    fn record(&self, _: RunEvent) {}
}

/// A catalog of one plugin.
pub(crate) struct Single(pub(crate) Plugin);

impl NodeCatalog for Single {
    fn find(&self, reference: &NodeRef) -> Result<Arc<dyn Node>, UnknownNode> {
        self.0
            .node(reference.node.as_str())
            .ok_or_else(|| UnknownNode {
                reference: reference.clone(),
                versions: Vec::new(),
                plugin_known: true,
                inactive: false,
                nearest: Vec::new(),
            })
    }
}
