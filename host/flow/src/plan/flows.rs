//! Flows that run as nodes: found, planned once however many nodes run them, and turned into ports.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use lockgate_model::{Json, Kebab, NodeCatalog, Port, Ports, ValueKind};
use serde_json::Value as Tree;

use super::shape;
use super::wire::{Root, WireSource};
use super::{Plan, PlanWire};
use crate::document::FlowDocument;
use crate::excerpt::quoted;
use crate::fault::{Code, Faults};

/// How deep flows run flows: a flow that runs one that runs none is 1 deep.
pub const MAX_FLOW_DEPTH: usize = 8;

/// Where a flow finds the flows that it runs as nodes.
pub trait FlowCatalog: Send + Sync {
    /// The flow of this name: its document, or None where there is none.
    ///
    /// # Errors
    ///
    /// Where there is one, and its text is no document.
    fn find(&self, name: &Kebab) -> Result<Option<Arc<FlowDocument>>, Faults>;

    /// The plan of a flow where it is there already, so that all who run the flow share it. None: the flow is found and
    /// planned here. What it gives must not run a flow that is being planned.
    fn planned(&self, name: &Kebab) -> Option<Arc<Plan>> {
        let _ = name;
        None
    }

    /// The names of all flows, for advice.
    fn names(&self) -> Vec<Kebab>;
}

/// A catalog without flows.
#[derive(Debug, Clone, Copy)]
pub struct NoFlows;

impl FlowCatalog for NoFlows {
    fn find(&self, _: &Kebab) -> Result<Option<Arc<FlowDocument>>, Faults> {
        Ok(None)
    }

    fn names(&self) -> Vec<Kebab> {
        Vec::new()
    }
}

/// What plans a flow and those that it runs.
pub(super) struct Planner<'c> {
    pub(super) nodes: &'c dyn NodeCatalog,
    pub(super) flows: &'c dyn FlowCatalog,
    /// The flows that are being planned, each run by the one before it.
    pub(super) open: Vec<Kebab>,
    planned: HashMap<Kebab, Result<Arc<Plan>, NotPlanned>>,
}

/// Why a flow cannot be a node here.
#[derive(Debug, Clone)]
pub(super) struct NotPlanned {
    /// As a sentence without its full stop.
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl<'c> Planner<'c> {
    pub(super) fn new(nodes: &'c dyn NodeCatalog, flows: &'c dyn FlowCatalog) -> Self {
        Self {
            nodes,
            flows,
            open: Vec::new(),
            planned: HashMap::new(),
        }
    }

    /// The plan of a flow that runs as a node. Boxed, because flows nest.
    pub(super) fn plan_flow<'s>(
        &'s mut self,
        name: &'s Kebab,
    ) -> BoxFuture<'s, Result<Arc<Plan>, NotPlanned>> {
        Box::pin(async move {
            if let Some(at) = self.open.iter().position(|open| open == name) {
                return Err(self.recursion(at, name));
            }
            if let Some(planned) = self.planned.get(name) {
                return planned.clone();
            }
            let planned = self.plan_new(name).await;
            self.planned.insert(name.clone(), planned.clone());
            planned
        })
    }

    async fn plan_new(&mut self, name: &Kebab) -> Result<Arc<Plan>, NotPlanned> {
        let plan = match self.flows.planned(name) {
            Some(plan) => plan,
            None => Arc::new(self.plan_found(name).await?),
        };
        if plan.depth >= MAX_FLOW_DEPTH {
            return Err(NotPlanned {
                message: format!(
                    "flows that run flows are nested more than {MAX_FLOW_DEPTH} deep here"
                ),
                help: Some("put the nodes of an inner flow into the one that runs it".to_owned()),
            });
        }
        Ok(plan)
    }

    async fn plan_found(&mut self, name: &Kebab) -> Result<Plan, NotPlanned> {
        let document = match self.flows.find(name) {
            Ok(Some(document)) => document,
            Ok(None) => return Err(self.unknown(name)),
            Err(faults) => return Err(faulty(name, &faults)),
        };
        let plan = super::plan_in(&document, self, &[]).await;
        plan.map_err(|faults| faulty(name, &faults))
    }

    fn recursion(&self, at: usize, name: &Kebab) -> NotPlanned {
        let way = self.open[at..].iter().chain([name]);
        let way: Vec<_> = way.map(Kebab::as_str).collect();
        NotPlanned {
            message: format!("the flow `{name}` runs itself: {}", way.join(" → ")),
            help: Some("go through a list with `each` instead".to_owned()),
        }
    }

    fn unknown(&self, name: &Kebab) -> NotPlanned {
        let names = self.flows.names();
        let findings = crate::fault::Findings::default();
        let near = findings.did_you_mean(name.as_str(), names.iter().map(Kebab::as_str));
        let help = near.unwrap_or_else(|| match names.len() {
            0 => "no other flows are there: `lockgate run` and `check` look for them beside the flow's file".to_owned(),
            _ => format!("the flows are {}", super::references::list(names.iter().map(Kebab::as_str))),
        });
        NotPlanned {
            message: format!("there is no flow `{name}`"),
            help: Some(help),
        }
    }
}

/// What begins the advice about a flow that has faults.
const FIRST: &str = "the first is at";

fn faulty(name: &Kebab, faults: &Faults) -> NotPlanned {
    let first = faults.iter().next();
    let help = first.map(|fault| match &fault.help {
        // What is wrong with it is what is wrong with a flow that it runs.
        Some(inner) if fault.code == Code::SubFlow && inner.starts_with(FIRST) => inner.clone(),
        _ => {
            let place = fault.place;
            let place = place.map(|place| format!(":{}:{}", place.line, place.column));
            let place = place.unwrap_or_default();
            let file = quoted(faults.name());
            format!("{FIRST} {file}{place}: {}", quoted(&fault.message))
        }
    });
    NotPlanned {
        message: format!("the flow `{name}` cannot run: {faults}"),
        help,
    }
}

/// The ports of a flow as a node: the properties of its input's schema, and its outputs.
pub(super) fn ports(plan: &Plan) -> Ports {
    Ports {
        inputs: inputs(plan),
        outputs: plan.outputs.iter().map(|wire| output(plan, wire)).collect(),
    }
}

fn inputs(plan: &Plan) -> Vec<Port> {
    let Some(schema) = plan.input_schema() else {
        return Vec::new();
    };
    let required = |name: &str| {
        let required = schema.get("required").and_then(Tree::as_array);
        required.is_some_and(|required| required.iter().any(|required| required == name))
    };
    let properties = schema.get("properties").and_then(Tree::as_object);
    let properties = properties.into_iter().flatten();
    properties
        .filter_map(|(name, property)| {
            let is_text = property.get("type") == Some(&Tree::from("string"));
            Some(Port {
                // A property that is no name cannot be wired, and the flow's own schema says if it is missed.
                name: name.parse().ok()?,
                summary: summary(property),
                kind: if is_text {
                    ValueKind::Text
                } else {
                    ValueKind::Json
                },
                required: required(name),
                streaming: false,
                schema: (!is_text && !shape::has_reference(property)).then(|| Json::from(property)),
            })
        })
        .collect()
}

fn summary(property: &Tree) -> String {
    let text = property.get("description").and_then(Tree::as_str);
    text.unwrap_or_default().to_owned()
}

/// An output. It is left out where nothing is there for it, so it is never required.
fn output(plan: &Plan, wire: &PlanWire) -> Port {
    let from = match &wire.expr.from {
        WireSource::Lone(origin) if origin.path.is_empty() => match origin.root {
            Root::Output { node, port } => plan.nodes[node as usize].outputs.get(port as usize),
            _ => None,
        },
        _ => None,
    };
    Port {
        name: wire.name.clone(),
        summary: from.map(|port| port.summary.clone()).unwrap_or_default(),
        kind: from.map_or(ValueKind::Any, |port| port.kind),
        required: false,
        streaming: false,
        schema: from.and_then(|port| port.schema.clone()),
    }
}
