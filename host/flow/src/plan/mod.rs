//! A document becomes a plan: checked against the nodes that are there, configured, connected, ordered.

mod cache;
mod chat;
mod configure;
mod connect;
mod each;
mod examine;
mod flows;
mod graph;
mod kinds;
mod node;
mod order;
mod references;
mod shape;
mod text;
mod units;
mod wire;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use lockgate_model::{
    CountedFlow, CountedNode, FlowOrigin, FlowSeries, Ident, Kebab, Node, NodeCatalog, SchemaFault,
    Telemetry,
};
use serde_json::{Map, Value as Tree};
use sha2::{Digest as _, Sha256};

use crate::document::{Detour, FlowDocument, Overridable, Override};
use crate::fault::{Code, Faults, Findings};
use crate::schema::InputSchema;
use crate::source::Source;

pub use chat::ChatTakes;
use chat::PlanChat;
use examine::Watch;
pub use examine::{
    EdgeFrom, EdgeSource, EdgeTarget, EdgeTo, Examination, ExaminedEdge, ExaminedFault,
    ExaminedNode, ExaminedPlace, ExaminedPlugin, ExaminedPort, ExaminedType, examine,
};
use flows::Planner;
pub use flows::{FlowCatalog, MAX_FLOW_DEPTH, NoFlows};
pub use node::PlanNode;
pub(crate) use node::{Each, FlowWork, NodeWork, Work};
pub(crate) use units::Units;
pub(crate) use wire::{Origin, PlanExpr, PlanWire, Root, WireSource};

/// A flow that is ready to run. It does not change; any number of runs share it.
pub struct Plan {
    pub(crate) name: Kebab,
    origin: Option<FlowOrigin>,
    /// What its runs are counted in, from the first one on.
    series: OnceLock<Arc<dyn FlowSeries>>,
    /// The document, for the places of expressions that fail.
    pub(crate) source: Source,
    pub(crate) input: Option<Arc<InputSchema>>,
    /// What the variables are where an operator sets nothing else.
    pub(crate) vars: Map<String, Tree>,
    pub(crate) labels: Box<[PlanWire]>,
    description: Option<String>,
    chat: Option<PlanChat>,
    overridable: Overridable,
    /// Neither it nor a flow that it runs reads variables that its document does not leave open.
    leaves_vars_open: bool,
    /// Each after those that it needs; in the document's order where that leaves a choice.
    pub(crate) nodes: Box<[PlanNode]>,
    pub(crate) outputs: Box<[PlanWire]>,
    /// The nodes whose outputs the flow gives.
    pub(crate) read_at_end: BTreeSet<u32>,
    /// Of each node, how many other nodes and outputs read from it.
    pub(crate) readers: Box<[u32]>,
    /// Which nodes start together.
    pub(crate) units: Units,
    /// How deep it runs other flows.
    pub(crate) depth: usize,
    /// Over its document, and all plugins and flows that it resolved to.
    pub(crate) digest: [u8; 32],
}

impl Plan {
    /// The flow's name.
    pub fn name(&self) -> &Kebab {
        &self.name
    }

    /// Where its document is kept; None where it came with a request or a command.
    pub fn origin(&self) -> Option<&FlowOrigin> {
        self.origin.as_ref()
    }

    /// What the flow is for, in its author's words. Escape it before a terminal or a page shows it.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// SHA-256 over what its document means, and over all plugins and flows that it resolved to.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The JSON Schema of a run's input, if the flow has one.
    pub fn input_schema(&self) -> Option<&Tree> {
        self.input.as_ref().map(|schema| &schema.document)
    }

    /// Whether a run may have this input.
    ///
    /// # Errors
    ///
    /// Each place where it does not meet the flow's schema.
    pub fn check_input(&self, input: &Tree) -> Result<(), Vec<SchemaFault>> {
        match &self.input {
            Some(schema) => schema.check(input),
            None => Ok(()),
        }
    }

    /// Its own variables, and what they are where an operator sets nothing else.
    pub fn vars(&self) -> &Map<String, Tree> {
        &self.vars
    }

    /// What a request may ask for without the right to deploy. Variables reach the flows that it runs as nodes, so they are
    /// open only where each flow among those that reads any leaves them open too; everything else concerns this flow's own
    /// nodes, and it alone decides.
    pub fn overridable(&self) -> Overridable {
        self.overridable
    }

    /// The names of its variables, and of those of all flows that it runs.
    pub fn all_vars(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        // A flow that many nodes run is looked at once.
        let mut seen = BTreeSet::from([&self.name]);
        let mut open = vec![self];
        while let Some(plan) = open.pop() {
            names.extend(plan.vars.keys().map(String::as_str));
            let inner = plan.nodes.iter().filter_map(|node| node.flow());
            open.extend(
                inner
                    .map(|flow| &**flow)
                    .filter(|flow| seen.insert(&flow.name)),
            );
        }
        names
    }

    /// The nodes, each after those that it needs.
    pub fn nodes(&self) -> &[PlanNode] {
        &self.nodes
    }

    /// The names of the flow's outputs, in the document's order.
    pub fn outputs(&self) -> impl Iterator<Item = &Ident> {
        self.outputs.iter().map(|wire| &wire.name)
    }

    /// The property of the input that takes a chat's messages, and the output that is the answer, where the flow is one
    /// that chat clients can talk to.
    pub fn chat(&self) -> Option<(&Ident, &Ident)> {
        let chat = self.chat.as_ref()?;
        Some((&chat.message, &chat.answer))
    }

    /// What the property that takes a chat's messages is given, where the flow is one that chat clients can talk to.
    pub fn chat_takes(&self) -> Option<ChatTakes> {
        Some(self.chat.as_ref()?.takes)
    }

    /// The node and the output of it whose parts, in the journal and not within another node, are the answer to a chat as
    /// it is written. None where the answer comes whole: if it is anything but a reference alone to a streaming text output
    /// of a node that runs once, and runs no flow.
    ///
    /// It can be that no part comes, if outputs are reused or pinned, so what was not sent when the run ends is to be sent then.
    pub fn chat_stream(&self) -> Option<(&Ident, &Ident)> {
        let (node, port) = self.chat.as_ref()?.parts?;
        let node = &self.nodes[node as usize];
        Some((&node.name, &node.outputs[port as usize].name))
    }

    /// The nodes that depend on the one of this name, directly or not: what a rerun from it runs beside it. None if there
    /// is no such node.
    pub fn dependents_of(&self, node: &str) -> Option<BTreeSet<&Ident>> {
        let is_it = |of: &PlanNode| of.name.as_str() == node;
        let start = self.nodes.iter().position(is_it)?;
        let mut found = BTreeSet::new();
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            for &dependent in &self.nodes[at].dependents {
                let dependent = dependent as usize;
                if found.insert(&self.nodes[dependent].name) {
                    open.push(dependent);
                }
            }
        }
        Some(found)
    }

    /// What its runs are counted in: asked for once, because one host has one who counts.
    pub(crate) fn series(&self, telemetry: &dyn Telemetry) -> &Arc<dyn FlowSeries> {
        self.series.get_or_init(|| {
            let nodes = self.nodes.iter().map(|node| CountedNode {
                name: &node.name,
                plugin: node.plugin(),
            });
            telemetry.series(&CountedFlow {
                origin: self.origin.as_ref(),
                name: &self.name,
                nodes: nodes.collect(),
            })
        })
    }

    /// Whether an expression of the flow reads this output of this node, both by index.
    pub(crate) fn is_read(&self, node: u32, port: u32) -> bool {
        let at_end = self.outputs.iter().map(|wire| &wire.expr);
        let exprs = self.nodes.iter().flat_map(PlanNode::exprs).chain(at_end);
        let mut origins = exprs.flat_map(|expr| expr.from.origins());
        origins.any(|origin| origin.root == Root::Output { node, port })
    }

    /// A reference as the document writes it.
    pub(crate) fn written(&self, origin: &Origin) -> String {
        let node = |node: u32| &self.nodes[node as usize];
        let mut text = match origin.root {
            Root::Input => "input".to_owned(),
            Root::Vars => "vars".to_owned(),
            Root::Item => "item".to_owned(),
            Root::Index => "index".to_owned(),
            Root::Failure { node: of } => format!("{}.failure", node(of).name),
            Root::Output { node: of, port } => {
                format!("{}.{}", node(of).name, node(of).outputs[port as usize].name)
            }
        };
        // Writing to a String does not fail.
        let _ = crate::expression::write_path(&origin.path, &mut text);
        text
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

/// Checks a document against the nodes and flows that are there, configures them, and puts them in order. `overrides`
/// replace settings under `with` before anything is checked.
///
/// Nodes that use the same node with equal settings and limits share one configuration.
///
/// # Errors
///
/// Every fault of the document, whether reading it found it or the nodes did.
pub async fn plan(
    document: &FlowDocument,
    nodes: &dyn NodeCatalog,
    flows: &dyn FlowCatalog,
    overrides: &[Override],
) -> Result<Plan, Faults> {
    plan_in(document, &mut Planner::new(nodes, flows), overrides).await
}

async fn plan_in(
    document: &FlowDocument,
    planner: &mut Planner<'_>,
    overrides: &[Override],
) -> Result<Plan, Faults> {
    let checked = check(document, planner, overrides, None).await;
    finish(document, checked)
}

/// A document that was held against what is there.
struct Checked {
    /// By the document's indices, as all of it.
    found: Vec<Option<Arc<dyn Node>>>,
    configured: Vec<Option<configure::Configured>>,
    connections: connect::Connections,
    takes: Option<ChatTakes>,
    order: Vec<usize>,
    findings: Findings,
}

async fn check(
    document: &FlowDocument,
    planner: &mut Planner<'_>,
    overrides: &[Override],
    watch: Option<&mut Watch<'_>>,
) -> Checked {
    let mut findings = document.findings.clone();
    planner.open.extend(document.name.clone());
    let nodes = configure::configure(document, planner, overrides, &mut findings).await;
    let configure::Nodes { found, configured } = nodes;
    if document.name.is_some() {
        planner.open.pop();
    }
    let indices: HashMap<&str, usize> = document
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| (&*node.key, index))
        .collect();
    let connections = connect::connect(document, &configured, &indices, watch, &mut findings);
    let takes = chat::takes(document, &mut findings);
    let order = order::order(document, &connections.needs, &mut findings);
    Checked {
        found,
        configured,
        connections,
        takes,
        order,
        findings,
    }
}

/// The plan, or every fault that was found.
fn finish(document: &FlowDocument, checked: Checked) -> Result<Plan, Faults> {
    let Checked {
        configured,
        connections,
        takes,
        order,
        findings,
        ..
    } = checked;
    findings.into_result(&document.source)?;
    let (Some(name), Some(nodes)) = (
        document.name.clone(),
        configured.into_iter().collect::<Option<Vec<_>>>(),
    ) else {
        // Each of these is missing only where a fault says so.
        let mut findings = Findings::default();
        findings.add_outside(Code::MissingKey, "the document is incomplete");
        return Err(findings.into_faults(&document.source));
    };
    Ok(assemble(name, document, nodes, connections, takes, &order))
}

/// Puts the parts together, with the indices of the document replaced by those of the plan.
fn assemble(
    name: Kebab,
    document: &FlowDocument,
    configured: Vec<configure::Configured>,
    connections: connect::Connections,
    takes: Option<ChatTakes>,
    order: &[usize],
) -> Plan {
    let mut position = vec![0_u32; order.len()];
    for (new, &old) in (0..).zip(order) {
        position[old] = new;
    }
    let mut parts: Vec<_> = configured
        .into_iter()
        .zip(connections.nodes)
        .map(Some)
        .collect();
    let mut nodes = Vec::with_capacity(order.len());
    for &old in order {
        let entry = &document.nodes[old];
        let (Some((configured, mut connected)), Some(name)) =
            (parts[old].take(), entry.name.clone())
        else {
            continue;
        };
        connected.move_nodes(&position);
        let needs = connections.needs[old].iter();
        nodes.push(PlanNode {
            name,
            work: configured.work,
            outputs: configured.outputs.into(),
            when: connected.when,
            each: connected.each,
            wires: connected.wires.into(),
            on_failure: entry.on_failure,
            retry: entry.retry.clone(),
            cache: configured.cache,
            needs: needs.map(|&need| position[need]).collect(),
            dependents: Box::default(),
        });
    }
    let mut outputs = connections.outputs;
    for wire in &mut outputs {
        wire.expr.from.move_nodes(&position);
    }
    let read_at_end = read_by(&outputs);
    let readers = tie(&mut nodes, &read_at_end);
    let units = units::lay_pipes(&mut nodes);
    let chat = document.chat.as_ref().zip(takes);
    let chat = chat.map(|(chat, takes)| PlanChat::new(chat, takes, &nodes, &outputs));
    let mut overridable = document.overridable();
    let inner_open = nodes
        .iter()
        .all(|node| node.flow().is_none_or(|flow| flow.leaves_vars_open));
    let leaves_vars_open =
        inner_open && (overridable.has(Detour::Vars) || !reads_vars(&nodes, &outputs));
    if !inner_open {
        overridable = overridable.without(Detour::Vars);
    }
    let deepest = nodes.iter().filter_map(|node| Some(node.flow()?.depth + 1));
    Plan {
        name,
        origin: document.origin.clone(),
        series: OnceLock::new(),
        source: document.source.clone(),
        input: document.input.clone(),
        vars: document
            .vars
            .iter()
            .map(|var| (var.name.to_string(), var.value.clone()))
            .collect(),
        labels: connections.labels.into(),
        description: document.description().map(str::to_owned),
        chat,
        overridable,
        leaves_vars_open,
        depth: deepest.max().unwrap_or(0),
        digest: digest(document, &nodes),
        nodes: nodes.into(),
        outputs: outputs.into(),
        read_at_end,
        readers,
        units,
    }
}

/// Whether anything that decides what a flow does and gives is over variables.
fn reads_vars(nodes: &[PlanNode], outputs: &[PlanWire]) -> bool {
    let at_end = outputs.iter().map(|wire| &wire.expr);
    let exprs = nodes.iter().flat_map(PlanNode::exprs).chain(at_end);
    let mut origins = exprs.flat_map(|expr| expr.from.origins());
    origins.any(|origin| origin.root == Root::Vars)
}

/// Tells each node who needs it, and gives how many do.
fn tie(nodes: &mut [PlanNode], read_at_end: &BTreeSet<u32>) -> Box<[u32]> {
    let mut dependents = vec![Vec::new(); nodes.len()];
    for (index, node) in (0..).zip(&*nodes) {
        for &need in &node.needs {
            dependents[need as usize].push(index);
        }
    }
    let mut readers: Box<[u32]> = dependents.iter().map(|list| list.len() as u32).collect();
    for &node in read_at_end {
        readers[node as usize] += 1;
    }
    for (node, dependents) in nodes.iter_mut().zip(dependents) {
        node.dependents = dependents.into();
    }
    readers
}

/// The nodes that the flow's outputs read, each once.
fn read_by(outputs: &[PlanWire]) -> BTreeSet<u32> {
    let origins = outputs.iter().flat_map(|wire| wire.expr.from.origins());
    origins.filter_map(|origin| origin.root.node()).collect()
}

/// Over everything that decides what a run of it does.
fn digest(document: &FlowDocument, nodes: &[PlanNode]) -> [u8; 32] {
    let mut digest = Sha256::new();
    cache::add(&mut digest, b"flow");
    cache::add(&mut digest, &document.digest());
    for node in nodes {
        cache::add(&mut digest, node.name.as_str().as_bytes());
        match (node.plugin(), node.flow()) {
            (Some(plugin), _) => cache::add(&mut digest, plugin.digest.as_bytes()),
            (None, Some(flow)) => cache::add(&mut digest, &flow.digest),
            (None, None) => {}
        }
    }
    digest.finalize().into()
}
