//! A document becomes a plan: checked against the nodes that are there, configured, ordered.

mod configure;
mod connect;
mod kinds;
mod order;

use std::collections::HashMap;
use std::sync::Arc;

use lockgate_model::{
    Ident, Kebab, Limits, NodeCatalog, NodeRef, NodeRunner, PluginId, Ports, Value, ValueKind,
};

use crate::document::{FlowDocument, Override};
use crate::expression::{Expression, Segment};
use crate::fault::Faults;
use crate::schema::InputSchema;
use crate::source::Source;

/// A flow that is ready to run. It does not change; any number of runs share it.
pub struct Plan {
    pub(crate) name: Kebab,
    /// The document, for the places of expressions that fail.
    pub(crate) source: Source,
    pub(crate) input: Option<Arc<InputSchema>>,
    /// Each after those that it needs; in the document's order where that leaves a choice.
    pub(crate) nodes: Box<[PlanNode]>,
    pub(crate) outputs: Box<[PlanWire]>,
    /// Of each node, how many other nodes and outputs read from it.
    pub(crate) readers: Box<[u32]>,
}

/// One node of a plan.
pub struct PlanNode {
    pub(crate) name: Ident,
    pub(crate) reference: NodeRef,
    pub(crate) plugin: PluginId,
    pub(crate) limits: Limits,
    pub(crate) runner: Arc<dyn NodeRunner>,
    pub(crate) wires: Box<[PlanWire]>,
    /// The nodes that it needs, each once.
    pub(crate) needs: Box<[u32]>,
    /// The nodes that need it, each once.
    pub(crate) dependents: Box<[u32]>,
}

/// An input of a node, or an output of the flow, and where its value comes from.
#[derive(Debug)]
pub(crate) struct PlanWire {
    pub(crate) name: Ident,
    pub(crate) kind: ValueKind,
    pub(crate) required: bool,
    pub(crate) from: WireSource,
    /// The byte in the document where the expression stands.
    pub(crate) at: usize,
}

/// Where a value comes from.
#[derive(Debug)]
pub(crate) enum WireSource {
    /// It is always the same.
    Constant(Value),
    /// It is handed over.
    Lone(Origin),
    /// It is computed from these, in the order of the expression's references.
    Computed(Arc<Expression>, Box<[Origin]>),
}

/// What a reference refers to.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) root: Root,
    /// The way into the document there.
    pub(crate) path: Box<[Segment]>,
}

/// What a reference begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    /// The run's input.
    Input,
    /// An output of a node, both by index: the node's in the plan, the output's in its ports.
    Output { node: u32, port: u32 },
}

impl Plan {
    /// The flow's name.
    pub fn name(&self) -> &Kebab {
        &self.name
    }

    /// The JSON Schema of a run's input, if the flow has one.
    pub fn input_schema(&self) -> Option<&serde_json::Value> {
        self.input.as_ref().map(|schema| &schema.document)
    }

    /// The nodes, each after those that it needs.
    pub fn nodes(&self) -> &[PlanNode] {
        &self.nodes
    }

    /// The names of the flow's outputs, in the document's order.
    pub fn outputs(&self) -> impl Iterator<Item = &Ident> {
        self.outputs.iter().map(|wire| &wire.name)
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("name", &self.name)
            .field("nodes", &self.nodes.len())
            .finish_non_exhaustive()
    }
}

impl PlanNode {
    /// Its name in the flow.
    pub fn name(&self) -> &Ident {
        &self.name
    }

    /// What its `use` says.
    pub fn reference(&self) -> &NodeRef {
        &self.reference
    }

    /// The plugin that the reference was resolved to.
    pub fn plugin(&self) -> &PluginId {
        &self.plugin
    }

    /// What each of its calls may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Its ports under its configuration.
    pub fn ports(&self) -> &Ports {
        self.runner.ports()
    }

    /// The indices in the plan of the nodes that it needs.
    pub fn needs(&self) -> &[u32] {
        &self.needs
    }
}

/// Checks a document against the nodes that are there, configures them, and puts them in order. `overrides` replace
/// settings under `with` before anything is checked.
///
/// Nodes that use the same node with equal settings and limits share one configuration.
///
/// # Errors
///
/// Every fault of the document, whether reading it found it or the nodes did.
pub async fn plan(
    document: &FlowDocument,
    catalog: &dyn NodeCatalog,
    overrides: &[Override],
) -> Result<Plan, Faults> {
    let mut findings = document.findings.clone();
    let configured = configure::configure(document, catalog, overrides, &mut findings).await;
    let indices: HashMap<&str, usize> = document
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| (&*node.key, index))
        .collect();
    let connections = connect::connect(document, &configured, &indices, &mut findings);
    let order = order::order(document, &connections.needs, &mut findings);
    findings.into_result(&document.source)?;
    let (Some(name), Some(nodes)) = (
        document.name.clone(),
        configured.into_iter().collect::<Option<Vec<_>>>(),
    ) else {
        // Each of these is missing only where a fault says so.
        let mut findings = crate::fault::Findings::default();
        findings.add_outside(crate::fault::Code::MissingKey, "the document is incomplete");
        return Err(findings.into_faults(&document.source));
    };
    Ok(assemble(name, document, nodes, connections, &order))
}

/// Puts the parts together, with the indices of the document replaced by those of the plan.
fn assemble(
    name: Kebab,
    document: &FlowDocument,
    configured: Vec<configure::Configured>,
    connections: connect::Connections,
    order: &[usize],
) -> Plan {
    let mut position = vec![0_u32; order.len()];
    for (new, &old) in (0..).zip(order) {
        position[old] = new;
    }
    let moved = |wires: Vec<PlanWire>| {
        wires
            .into_iter()
            .map(|wire| wire.with_nodes(&position))
            .collect::<Box<[_]>>()
    };
    let mut parts: Vec<_> = configured
        .into_iter()
        .zip(connections.wires)
        .map(Some)
        .collect();
    let mut nodes = Vec::with_capacity(order.len());
    for &old in order {
        let entry = &document.nodes[old];
        let (Some((configured, wires)), Some(name)) = (parts[old].take(), entry.name.clone())
        else {
            continue;
        };
        nodes.push(PlanNode {
            name,
            reference: configured.reference,
            plugin: configured.plugin,
            limits: configured.limits,
            runner: configured.runner,
            wires: moved(wires),
            needs: connections.needs[old]
                .iter()
                .map(|&need| position[need])
                .collect(),
            dependents: Box::default(),
        });
    }
    let outputs = moved(connections.outputs);
    let mut dependents = vec![Vec::new(); nodes.len()];
    for (index, node) in (0..).zip(&nodes) {
        node.needs
            .iter()
            .for_each(|&need| dependents[need as usize].push(index));
    }
    let mut readers: Box<[u32]> = dependents.iter().map(|list| list.len() as u32).collect();
    for node in read_by(&outputs) {
        readers[node as usize] += 1;
    }
    for (node, dependents) in nodes.iter_mut().zip(dependents) {
        node.dependents = dependents.into();
    }
    Plan {
        name,
        source: document.source.clone(),
        input: document.input.clone(),
        nodes: nodes.into(),
        outputs,
        readers,
    }
}

/// The nodes that the flow's outputs read, each once.
fn read_by(outputs: &[PlanWire]) -> std::collections::BTreeSet<u32> {
    let origins = outputs.iter().flat_map(PlanWire::origins);
    origins
        .filter_map(|origin| match origin.root {
            Root::Input => None,
            Root::Output { node, .. } => Some(node),
        })
        .collect()
}

impl PlanWire {
    /// What its value comes from.
    pub(crate) fn origins(&self) -> &[Origin] {
        match &self.from {
            WireSource::Constant(_) => &[],
            WireSource::Lone(origin) => std::slice::from_ref(origin),
            WireSource::Computed(_, origins) => origins,
        }
    }

    fn with_nodes(mut self, position: &[u32]) -> Self {
        let origins = match &mut self.from {
            WireSource::Constant(_) => &mut [],
            WireSource::Lone(origin) => std::slice::from_mut(origin),
            WireSource::Computed(_, origins) => &mut **origins,
        };
        for origin in origins {
            if let Root::Output { node, .. } = &mut origin.root {
                *node = position[*node as usize];
            }
        }
        self
    }
}
