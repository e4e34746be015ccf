//! Finds each node, and asks it what it says to its configuration.

mod report;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::StreamExt as _;
use lockgate_model::{Json, Limits, Node, NodeCatalog, NodeRef, Port, Ports, UnknownNode};
use serde_json::{Map, Value as Tree};

use super::cache::CacheUse;
use super::each;
use super::flows::{self, Planner};
use super::node::{FlowWork, NodeWork, Work};
use super::references;
use super::shape::{self, Shape};
use crate::document::{FlowDocument, NodeEntry, Override, Uses, literal};
use crate::excerpt::quoted;
use crate::fault::{Code, Findings};

/// How many configurations are checked at the same time. Each is a call into a sandbox.
const MAX_CONFIGURING: usize = 8;

/// What a node runs, once that is there and accepts its configuration.
pub(super) struct Configured {
    pub(super) work: Work,
    /// Its outputs as others see them.
    pub(super) outputs: Vec<Port>,
    pub(super) cache: CacheUse,
    /// What is known of the outputs, once somebody asks.
    shapes: Vec<OnceLock<Option<Tree>>>,
}

impl Configured {
    fn new(work: Work, entry: &NodeEntry, cache: CacheUse) -> Self {
        let outputs = seen_outputs(work.ports(), entry);
        let shapes = outputs.iter().map(|_| OnceLock::new()).collect();
        Self {
            work,
            outputs,
            cache,
            shapes,
        }
    }

    pub(super) fn output_names(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|port| port.name.as_str())
    }

    /// What is known of an output, as far as it is JSON.
    pub(super) fn shape(&self, output: usize) -> Shape<'_> {
        let known = self.shapes[output].get_or_init(|| shape::of_port(&self.outputs[output]));
        known.as_ref().map_or(Shape::anything(), Shape::of)
    }
}

/// A node's outputs as others see them: under `each`, lists.
pub(super) fn seen_outputs(ports: &Ports, entry: &NodeEntry) -> Vec<Port> {
    let outputs = ports.outputs.iter();
    match &entry.each {
        None => outputs.cloned().collect(),
        Some(_) => outputs.map(|port| each::list_of(port, entry)).collect(),
    }
}

/// The nodes of a document, in its order; None where there is a fault.
pub(super) struct Nodes {
    /// What was found of plugins, whether it could be configured or not.
    pub(super) found: Vec<Option<Arc<dyn Node>>>,
    pub(super) configured: Vec<Option<Configured>>,
}

/// What is asked for once, however many nodes ask for it.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    reference: &'a NodeRef,
    config: String,
    limits: [u64; lockgate_model::Limit::ALL.len()],
}

/// One question, and the nodes of the document that ask it.
struct Question {
    node: Arc<dyn Node>,
    config: Json,
    limits: Limits,
    asked_by: Vec<usize>,
}

/// Every node of the document.
pub(super) async fn configure(
    document: &FlowDocument,
    planner: &mut Planner<'_>,
    overrides: &[Override],
    findings: &mut Findings,
) -> Nodes {
    let overridden = sort_overrides(document, overrides, findings);
    let (found, questions) = questions(document, planner.nodes, &overridden, findings);
    let answers = futures::stream::iter(questions.into_iter().map(async |question| {
        let answer = question
            .node
            .configure(question.config.clone(), question.limits)
            .await;
        (question, answer)
    }));
    // In the order of the questions, so that the same document has the same report each time.
    let answers: Vec<_> = answers.buffered(MAX_CONFIGURING).collect().await;
    let mut configured: Vec<Option<Configured>> = document.nodes.iter().map(|_| None).collect();
    for (question, answer) in answers {
        for index in question.asked_by {
            let entry = &document.nodes[index];
            match &answer {
                Ok(runner) => {
                    let Some(reference) = entry.reference().cloned() else {
                        continue;
                    };
                    let plugin = question.node.plugin().clone();
                    let pure = question.node.info().pure;
                    let config = &question.config;
                    let cache = CacheUse::of_node(entry.cache, &plugin, &reference, config, pure);
                    let work = Work::Node(Box::new(NodeWork {
                        reference,
                        plugin,
                        limits: question.limits,
                        narrowed: entry.limits.clone(),
                        runner: Arc::clone(runner),
                    }));
                    configured[index] = Some(Configured::new(work, entry, cache));
                }
                Err(error) => {
                    let settings = overridden.get(&*entry.key);
                    let keys: Vec<&str> = settings
                        .into_iter()
                        .flat_map(Map::keys)
                        .map(String::as_str)
                        .collect();
                    report::report(&document.source, entry, error, &keys, findings);
                }
            }
        }
    }
    configure_flows(document, planner, findings, &mut configured).await;
    Nodes { found, configured }
}

/// The nodes that run flows, each with its plan.
async fn configure_flows(
    document: &FlowDocument,
    planner: &mut Planner<'_>,
    findings: &mut Findings,
    configured: &mut [Option<Configured>],
) {
    for (entry, configured) in document.nodes.iter().zip(configured) {
        let Some(Uses::Flow(name)) = &entry.uses else {
            continue;
        };
        let plan = match planner.plan_flow(name).await {
            Ok(plan) => plan,
            Err(why) => {
                findings
                    .add(Code::SubFlow, &entry.use_span, why.message)
                    .maybe_help(why.help);
                continue;
            }
        };
        let cache = CacheUse::of_flow(entry.cache, &plan.digest);
        let timeout = entry.limits.get(lockgate_model::Limit::Timeout);
        let work = Work::Flow(FlowWork {
            ports: Arc::new(flows::ports(&plan)),
            plan,
            timeout: timeout.map(Duration::from_millis),
        });
        *configured = Some(Configured::new(work, entry, cache));
    }
}

/// The settings from outside, by node.
fn sort_overrides(
    document: &FlowDocument,
    overrides: &[Override],
    findings: &mut Findings,
) -> HashMap<String, Map<String, Tree>> {
    let mut sorted: HashMap<String, Map<String, Tree>> = HashMap::new();
    for setting in overrides {
        let node = document.nodes.iter().find(|node| *node.key == setting.node);
        if let Some(Uses::Flow(flow)) = node.and_then(|node| node.uses.as_ref()) {
            let message = format!(
                "the setting `{}.{}` is of a node that runs the flow `{flow}`, and a flow has no settings",
                quoted(&setting.node),
                quoted(&setting.key)
            );
            findings.add_outside(Code::BadOverride, message);
        } else if node.is_some() {
            sorted
                .entry(setting.node.clone())
                .or_default()
                .insert(setting.key.clone(), setting.value.clone());
        } else {
            let near =
                findings.did_you_mean(&setting.node, document.nodes.iter().map(|node| &*node.key));
            let message = format!(
                "the setting `{}.{}` names a node that the flow does not have",
                quoted(&setting.node),
                quoted(&setting.key)
            );
            findings
                .add_outside(Code::BadOverride, message)
                .maybe_help(near);
        }
    }
    sorted
}

/// The nodes that are there, and what they are asked.
fn questions(
    document: &FlowDocument,
    catalog: &dyn NodeCatalog,
    overridden: &HashMap<String, Map<String, Tree>>,
    findings: &mut Findings,
) -> (Vec<Option<Arc<dyn Node>>>, Vec<Question>) {
    let mut nodes: Vec<_> = document.nodes.iter().map(|_| None).collect();
    let mut found: HashMap<&NodeRef, Result<Arc<dyn Node>, UnknownNode>> = HashMap::new();
    let mut places: HashMap<Key<'_>, usize> = HashMap::new();
    let mut questions: Vec<Question> = Vec::new();
    for (index, entry) in document.nodes.iter().enumerate() {
        let config = config(entry, overridden.get(&*entry.key), findings);
        let Some(reference) = entry.reference() else {
            continue;
        };
        let node = match found
            .entry(reference)
            .or_insert_with(|| catalog.find(reference))
        {
            Ok(node) => Arc::clone(node),
            Err(unknown) => {
                report_unknown(entry, unknown, findings);
                continue;
            }
        };
        nodes[index] = Some(Arc::clone(&node));
        let (Some(config), Some(limits)) = (config, limits(entry, &*node, findings)) else {
            continue;
        };
        let key = Key {
            reference,
            config: config.as_str().to_owned(),
            limits: lockgate_model::Limit::ALL.map(|limit| limits.get(limit)),
        };
        let place = *places.entry(key).or_insert_with(|| {
            questions.push(Question {
                node,
                config,
                limits,
                asked_by: Vec::new(),
            });
            questions.len() - 1
        });
        questions[place].asked_by.push(index);
    }
    (nodes, questions)
}

fn report_unknown(entry: &NodeEntry, unknown: &UnknownNode, findings: &mut Findings) {
    let code = if unknown.plugin_known {
        Code::UnknownNode
    } else {
        Code::UnknownPlugin
    };
    let has_versions = !unknown.plugin_known && !unknown.versions.is_empty();
    let help = if has_versions {
        let versions: Vec<_> = unknown.versions.iter().map(ToString::to_string).collect();
        let versions = references::list(versions.iter().map(String::as_str));
        Some(match unknown.inactive {
            true => format!("uploaded, not active yet: {versions}; make one active"),
            false => format!("the versions that are loaded: {versions}"),
        })
    } else {
        let nearest = unknown.nearest.first();
        nearest.map(|name| format!("did you mean `{}`?", quoted(name)))
    };
    findings
        .add(code, &entry.use_span, unknown.to_string())
        .maybe_help(help);
}

/// The node's `with` as JSON, with the settings from outside.
fn config(
    entry: &NodeEntry,
    overridden: Option<&Map<String, Tree>>,
    findings: &mut Findings,
) -> Option<Json> {
    let mut config = match &entry.config {
        None => Map::new(),
        Some(tree) => literal(tree, findings)?.as_object().cloned()?,
    };
    for (key, value) in overridden.into_iter().flatten() {
        config.insert(key.clone(), value.clone());
    }
    Some(Json::from(&Tree::Object(config)))
}

fn limits(entry: &NodeEntry, node: &dyn Node, findings: &mut Findings) -> Option<Limits> {
    match node.limits().narrowed(&entry.limits) {
        Ok(limits) => Some(limits),
        Err(faults) => {
            for fault in faults {
                let place = entry
                    .limit_spans
                    .iter()
                    .find(|(limit, _)| *limit == fault.limit);
                let at = place.map_or(&entry.key_span, |(_, span)| span);
                findings.add(Code::LimitTooWide, at, fault.to_string());
            }
            None
        }
    }
}
