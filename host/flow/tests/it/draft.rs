//! Random flows: what is drawn, and the document that it becomes.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use proptest::prelude::*;
use serde_json::{Value as Tree, json};

/// A flow as it is drawn. Whatever is drawn makes a flow that can be planned.
#[derive(Clone)]
pub(crate) struct Draft {
    nodes: Vec<NodeDraft>,
    /// The flows that its nodes can run. Each can run the one after it.
    inner: Vec<Vec<NodeDraft>>,
}

#[derive(Debug, Clone)]
struct NodeDraft {
    shape: Shape,
    /// Of which nodes before it, counted around.
    needs: Vec<usize>,
    when: bool,
    streams: bool,
    goes_on: bool,
    attempts: u32,
    cache: bool,
    timeout: bool,
    is_shown: bool,
    script: Script,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Lone,
    First,
    Computed,
    Each {
        concurrency: u32,
        batch: Option<u32>,
    },
    Flow,
}

/// What a node's configuration says.
#[derive(Debug, Clone)]
struct Script {
    slow: u64,
    parts: u64,
    fails: u64,
    takes: Option<u64>,
    places: u64,
    heavy: bool,
    /// It reads its parts before it fails.
    patient: bool,
}

/// What flows are drawn for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Draw {
    /// Anything.
    Anything,
    /// What depends on no time: nothing times out, and whoever reads parts reads all of them.
    Timeless,
}

pub(crate) fn draft(draw: Draw, most: usize) -> impl Strategy<Value = Draft> {
    let nodes = |most| prop::collection::vec(node(draw), 1..most);
    let inner = prop::collection::vec(nodes(5), 0..3);
    (nodes(most), inner).prop_map(|(nodes, inner)| Draft { nodes, inner })
}

fn node(draw: Draw) -> impl Strategy<Value = NodeDraft> {
    let shape = prop_oneof![
        3 => Just(Shape::Lone),
        1 => Just(Shape::First),
        2 => Just(Shape::Computed),
        2 => (1..6_u32, prop::option::of(1..4_u32)).prop_map(|(concurrency, batch)| Shape::Each { concurrency, batch }),
        1 => Just(Shape::Flow),
    ];
    let rarely = || prop::bool::weighted(0.2);
    let flags = (
        rarely(),
        any::<bool>(),
        any::<bool>(),
        rarely(),
        rarely(),
        any::<bool>(),
    );
    let needs = prop::collection::vec(0..30_usize, 0..4);
    (shape, needs, flags, 1..4_u32, script(draw)).prop_map(
        move |(shape, needs, flags, attempts, script)| {
            let (when, streams, goes_on, cache, timeout, is_shown) = flags;
            NodeDraft {
                shape,
                needs,
                when,
                streams,
                goes_on,
                attempts,
                cache,
                timeout: timeout && draw == Draw::Anything,
                is_shown,
                script,
            }
        },
    )
}

fn script(draw: Draw) -> impl Strategy<Value = Script> {
    let takes = prop_oneof![4 => Just(None), 1 => (0..60_u64).prop_map(Some)];
    let fails = prop_oneof![3 => Just(0), 1 => Just(30_u64), 1 => Just(100)];
    let heavy = prop::bool::weighted(0.2);
    (0..60_u64, 0..40_u64, fails, takes, 1..4_u64, heavy).prop_map(
        move |(slow, parts, fails, takes, places, heavy)| Script {
            slow,
            parts,
            fails,
            takes: takes.filter(|_| draw == Draw::Anything),
            places,
            heavy,
            patient: draw == Draw::Timeless,
        },
    )
}

impl Draft {
    pub(crate) fn document(&self) -> Tree {
        document(
            "t",
            &self.nodes,
            (!self.inner.is_empty()).then_some("inner0"),
        )
    }

    /// The flows that it runs as nodes, by name.
    pub(crate) fn inner(&self) -> impl Iterator<Item = (String, Tree)> {
        self.inner.iter().enumerate().map(|(at, nodes)| {
            let next = format!("inner{}", at + 1);
            let next = (at + 1 < self.inner.len()).then_some(&*next);
            let name = format!("inner{at}");
            let mut document = document(&name, nodes, next);
            document["input"] = json!({"type": "object", "properties": {"a": {}, "b": {}}});
            // What it gives is there whatever was skipped in it.
            let last = nodes.len() - 1;
            let value = format!("{{'n': has(n{last}.value) ? 1 : 2}}");
            document["output"] = json!({ "value": value });
            (name, document)
        })
    }

    /// Of each node, those that have to have ended before it starts: all that it reads but for what may come in parts.
    pub(crate) fn needs(&self) -> HashMap<String, Vec<String>> {
        let nodes = self.nodes.iter().enumerate();
        nodes
            .map(|(at, node)| {
                let streamed = streamed(&self.nodes, at);
                let wired = needs(node, at)
                    .into_iter()
                    .filter(|need| Some(*need) != streamed);
                (
                    format!("n{at}"),
                    wired.map(|need| format!("n{need}")).collect(),
                )
            })
            .collect()
    }
}

/// The documents, for whoever looks for the reason of a failure.
impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#}", self.document())?;
        self.inner()
            .try_for_each(|(_, document)| writeln!(f, "{document:#}"))
    }
}

/// The nodes that a node needs, each once, the first that it was drawn with first.
fn needs(node: &NodeDraft, at: usize) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let needs = node.needs.iter().filter(|_| at > 0).map(|need| need % at);
    let needs = needs.filter(|need| seen.insert(*need));
    match node.shape {
        Shape::First | Shape::Computed => needs.collect(),
        Shape::Lone | Shape::Each { .. } | Shape::Flow => needs.take(2).collect(),
    }
}

/// The node whose text a node reads in parts, if it does and can.
fn streamed(nodes: &[NodeDraft], at: usize) -> Option<usize> {
    let node = &nodes[at];
    let streams =
        node.streams && matches!(node.shape, Shape::Lone | Shape::First | Shape::Computed);
    let last = needs(node, at).last().copied().filter(|_| streams)?;
    gives_text(&nodes[last]).then_some(last)
}

fn gives_text(node: &NodeDraft) -> bool {
    matches!(node.shape, Shape::Lone | Shape::First | Shape::Computed)
}

fn document(name: &str, nodes: &[NodeDraft], inner: Option<&str>) -> Tree {
    let entries = nodes.iter().enumerate();
    let entries: serde_json::Map<_, _> = entries
        .map(|(at, _)| (format!("n{at}"), entry(name, nodes, at, inner)))
        .collect();
    let mut output = serde_json::Map::new();
    for (at, node) in nodes.iter().enumerate() {
        if node.is_shown || at + 1 == nodes.len() {
            output.insert(format!("o{at}"), json!(format!("n{at}.value")));
        }
    }
    json!({"flow": name, "nodes": entries, "output": output})
}

fn entry(flow: &str, nodes: &[NodeDraft], at: usize, inner: Option<&str>) -> Tree {
    let node = &nodes[at];
    let script = &node.script;
    let mut with = json!({
        "salt": crate::puppets::hash((flow, at)),
        "slow": script.slow,
        "parts": script.parts,
        "fails": script.fails,
        "places": script.places,
        "timed": node.timeout,
        "patient": script.patient && streamed(nodes, at).is_some(),
        "fuel": if script.heavy { 2_000_000 } else { 1 },
    });
    if let Some(takes) = script.takes {
        with["takes"] = json!(takes);
    }
    let mut entry = json!({"in": {}});
    let streamed = streamed(nodes, at);
    let mut wired = needs(node, at);
    wired.retain(|need| Some(*need) != streamed);
    if let Some(from) = streamed {
        entry["in"]["s"] = json!(format!("n{from}.text"));
    }
    let lone = |need: &usize| format!("n{need}.value");
    match (node.shape, inner) {
        (Shape::Each { concurrency, batch }, _) => {
            let list = match wired.first() {
                Some(&need) => list(nodes, need),
                None => "[1, 2, 3, 2, 1]".to_owned(),
            };
            entry["each"] = json!(list);
            entry["concurrency"] = json!(concurrency);
            entry["use"] = json!("test/step");
            if let Some(batch) = batch {
                entry["batch"] = json!(batch);
                entry["use"] = json!("test/batch");
            }
            entry["in"]["a"] = json!("item");
            if let Some(need) = wired.get(1) {
                entry["in"]["b"] = json!(lone(need));
            }
            entry["with"] = with;
        }
        (Shape::Flow, Some(inner)) => {
            entry["use"] = json!(format!("flow:{inner}"));
            for (port, need) in ["a", "b"].iter().zip(&wired) {
                entry["in"][port] = json!(lone(need));
            }
        }
        (Shape::First, _) if wired.len() > 1 => {
            let all: Vec<_> = wired.iter().map(lone).collect();
            entry["use"] = json!("test/step");
            entry["in"]["a"] = json!(format!("first({})", all.join(", ")));
            entry["with"] = with;
        }
        (Shape::Computed, _) if !wired.is_empty() => {
            let all: Vec<_> = wired.iter().map(lone).collect();
            entry["use"] = json!("test/step");
            entry["in"]["a"] = json!(format!("[{}]", all.join(", ")));
            entry["with"] = with;
        }
        _ => {
            entry["use"] = json!("test/step");
            for (port, need) in ["a", "b"].iter().zip(&wired) {
                entry["in"][port] = json!(lone(need));
            }
            entry["with"] = with;
        }
    }
    if node.when
        && let Some(&need) = wired.first()
    {
        let fallback = nodes[need].goes_on && at.is_multiple_of(2);
        entry["when"] = json!(match fallback {
            true => format!("has(n{need}.failure)"),
            false => format!("{} % 3 != 0", count(nodes, need)),
        });
    }
    if node.goes_on {
        entry["on_failure"] = json!("continue");
    }
    if node.attempts > 1 {
        entry["retry"] = json!({"attempts": node.attempts, "backoff": "20ms"});
    }
    if node.cache {
        entry["cache"] = json!("10m");
    }
    if node.timeout {
        entry["timeout"] = json!("40ms");
    }
    entry
}

/// An expression for a number that a node gives.
fn count(nodes: &[NodeDraft], need: usize) -> String {
    match nodes[need].shape {
        Shape::Each { .. } => format!("size(n{need}.value)"),
        _ => format!("n{need}.value.n"),
    }
}

/// An expression for a list that a node gives.
fn list(nodes: &[NodeDraft], need: usize) -> String {
    match nodes[need].shape {
        Shape::Each { .. } => format!("n{need}.value"),
        Shape::Flow => format!("[n{need}.value, 1, 2, 2]"),
        _ => format!("n{need}.list"),
    }
}
