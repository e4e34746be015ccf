//! A plan as aligned text, for people.
//!
//! Belongs here: what stands where. Everything that a document says is escaped: names cannot hold anything else than
//! letters, but expressions, properties and values can.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::Duration;

use lockgate_model::{Kebab, Limit};
use serde_json::Value as Tree;

use super::{Plan, PlanExpr, PlanNode, PlanWire, WireSource, Work};
use crate::document::{written, written_size};
use crate::excerpt::clipped;

/// How many characters of a digest are shown: enough to tell two builds apart.
const DIGEST_CHARS: usize = 12;

/// What stands between a sub-flow's lines and those of the node that runs it.
const INDENT: &str = "    ";

impl Plan {
    /// The plan as text: each node in order, with what it uses, what it waits for, when and how often it runs, what it may
    /// use, and where its inputs come from. Flows that it runs stand below the first node that runs them.
    pub fn to_text(&self) -> String {
        let mut page = Page::default();
        page.flow(self, "");
        page.text
    }

    /// An expression in one line, as the document writes it.
    pub(super) fn written_expr(&self, expr: &PlanExpr) -> String {
        match &expr.from {
            WireSource::Constant(value) => {
                clipped(&serde_json::to_string(value).unwrap_or_default())
            }
            WireSource::Lone(origin) => clipped(&self.written(origin)),
            WireSource::First(origins) => {
                let all: Vec<_> = origins.iter().map(|origin| self.written(origin)).collect();
                clipped(&format!("first({})", all.join(", ")))
            }
            WireSource::Computed(expression, _) => {
                let words: Vec<_> = expression.text.split_whitespace().collect();
                clipped(&words.join(" "))
            }
        }
    }
}

#[derive(Default)]
struct Page<'p> {
    text: String,
    /// The flows that are there already. A flow that two nodes run is shown once, or a few lines of documents could
    /// become a page without an end.
    shown: HashSet<&'p Kebab>,
}

/// A line below a node or the flow: what, and its text.
type Detail = (String, String);

impl<'p> Page<'p> {
    fn flow(&mut self, plan: &'p Plan, indent: &str) {
        self.shown.insert(&plan.name);
        let count = plan.nodes.len();
        let nodes = if count == 1 { "node" } else { "nodes" };
        self.line(indent, &format!("flow {}: {count} {nodes}", plan.name));
        self.details(&ends(plan), indent);
        let columns = Columns::of(plan);
        for (index, node) in (0..).zip(&plan.nodes) {
            self.line("", "");
            self.line(indent, &columns.title(index, node));
            self.details(&details(plan, index, node), indent);
            if let Some(inner) = node.flow() {
                self.line("", "");
                let deeper = format!("{indent}{INDENT}");
                if self.shown.contains(&inner.name) {
                    self.line(&deeper, &format!("flow {}: as above", inner.name));
                } else {
                    self.flow(inner, &deeper);
                }
            }
        }
        self.line("", "");
        self.line(indent, "output");
        let outputs: Vec<_> = plan.outputs.iter().map(|wire| wired(plan, wire)).collect();
        self.details(&outputs, indent);
    }

    fn details(&mut self, details: &[Detail], indent: &str) {
        let width = details.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
        for (key, text) in details {
            self.line(indent, &format!("{INDENT}{key:<width$}  {text}"));
        }
    }

    fn line(&mut self, indent: &str, line: &str) {
        let line = format!("{indent}{line}");
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}

/// How wide the columns of the nodes' titles are.
struct Columns {
    number: usize,
    name: usize,
    uses: usize,
}

impl Columns {
    fn of(plan: &Plan) -> Self {
        let widest = |length: fn(&PlanNode) -> usize| plan.nodes.iter().map(length).max();
        Self {
            number: plan.nodes.len().to_string().len(),
            name: widest(|node| node.name.as_str().len()).unwrap_or(0),
            uses: widest(|node| uses(node).len()).unwrap_or(0),
        }
    }

    fn title(&self, index: u32, node: &PlanNode) -> String {
        let resolved = node.plugin().map_or_else(String::new, |plugin| {
            let digest: String = plugin.digest.chars().take(DIGEST_CHARS).collect();
            format!("{} {} sha256:{digest}", plugin.name, plugin.version)
        });
        format!(
            "{:>number$}  {:<name$}  {:<uses$}  {resolved}",
            index + 1,
            node.name,
            uses(node),
            number = self.number,
            name = self.name,
            uses = self.uses,
        )
    }
}

/// What a node's `use` says.
pub(super) fn uses(node: &PlanNode) -> String {
    match &node.work {
        Work::Node(work) => work.reference.to_string(),
        Work::Flow(work) => format!("flow:{}", work.plan.name),
    }
}

/// What comes from outside.
fn ends(plan: &Plan) -> Vec<Detail> {
    let mut ends = Vec::new();
    if let Some(schema) = plan.input_schema() {
        ends.push(("input".to_owned(), properties(schema)));
    }
    if !plan.vars.is_empty() {
        let vars = plan
            .vars
            .iter()
            .map(|(name, value)| format!("{name} = {value}"));
        let vars: Vec<_> = vars.map(|var| clipped(&var)).collect();
        ends.push(("vars".to_owned(), vars.join(", ")));
    }
    ends
}

/// The properties of an input, those that may be left out with a `?`.
fn properties(schema: &Tree) -> String {
    let required = schema.get("required").and_then(Tree::as_array);
    let optional = |name: &str| match required {
        Some(required) if required.iter().any(|required| required == name) => "",
        _ => "?",
    };
    let properties = schema.get("properties").and_then(Tree::as_object);
    let names = properties.into_iter().flatten();
    let names: Vec<_> = names
        .map(|(name, _)| format!("{}{}", clipped(name), optional(name)))
        .collect();
    match names.len() {
        0 => "a document".to_owned(),
        _ => names.join(", "),
    }
}

fn details(plan: &Plan, index: u32, node: &PlanNode) -> Vec<Detail> {
    let mut details = Vec::new();
    let mut say = |key: &str, text: Option<String>| {
        details.extend(text.map(|text| (key.to_owned(), text)));
    };
    say("needs", names(plan, &node.needs));
    say("starts with", together(plan, index));
    say(
        "when",
        node.when.as_ref().map(|when| plan.written_expr(when)),
    );
    say("each", each(plan, node));
    say("timeout", timeout(node).map(written));
    say("limits", limits(node));
    say("retry", retry(node));
    say("cache", node.cache.written());
    say(
        "on failure",
        node.continues().then(|| "continue".to_owned()),
    );
    details.extend(node.wires.iter().map(|wire| wired(plan, wire)));
    details
}

fn names(plan: &Plan, nodes: &[u32]) -> Option<String> {
    let names: Vec<_> = nodes
        .iter()
        .map(|&node| plan.nodes[node as usize].name.as_str())
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// The nodes that start when this one does, because there are pipes between them.
fn together(plan: &Plan, index: u32) -> Option<String> {
    let unit = plan.units.of[index as usize];
    let members = &plan.units.list[unit as usize].members;
    let others: Vec<_> = members
        .iter()
        .copied()
        .filter(|&node| node != index)
        .collect();
    names(plan, &others)
}

fn each(plan: &Plan, node: &PlanNode) -> Option<String> {
    let each = node.each.as_ref()?;
    let mut text = format!(
        "{}, {} at once",
        plan.written_expr(&each.items),
        each.concurrency
    );
    if let Some(batch) = each.batch {
        let _ = write!(text, ", in batches of {batch}");
    }
    Some(text)
}

/// How long an attempt may take, where the flow says so.
fn timeout(node: &PlanNode) -> Option<Duration> {
    match &node.work {
        Work::Node(work) => {
            let ms = work.narrowed.get(Limit::Timeout);
            ms.map(Duration::from_millis)
        }
        Work::Flow(work) => work.timeout,
    }
}

/// The other limits that the flow sets.
fn limits(node: &PlanNode) -> Option<String> {
    let Work::Node(work) = &node.work else {
        return None;
    };
    let limits = Limit::ALL.into_iter().filter_map(|limit| {
        let value = work.narrowed.get(limit)?;
        let value = match limit {
            Limit::Timeout => return None,
            Limit::Fuel | Limit::Instances | Limit::Resources => value.to_string(),
            Limit::Memory | Limit::CopiedBytes | Limit::LogBytes | Limit::OutputBytes => {
                written_size(value)
            }
        };
        Some(format!("{} {value}", limit.key()))
    });
    let limits: Vec<_> = limits.collect();
    (!limits.is_empty()).then(|| limits.join(", "))
}

fn retry(node: &PlanNode) -> Option<String> {
    let retry = node.retry.as_ref()?;
    Some(format!(
        "{} attempts, at {}; pauses of at most {}, doubled up to {}",
        retry.attempts,
        retry.kinds.join(", "),
        written(retry.backoff),
        written(retry.max_backoff),
    ))
}

/// An input or output, and where it comes from: `←` when that is there whole, `⇐` in parts, as they come.
fn wired(plan: &Plan, wire: &PlanWire) -> Detail {
    let arrow = if wire.piped { "⇐" } else { "←" };
    let from = plan.written_expr(&wire.expr);
    (wire.name.to_string(), format!("{arrow} {from}"))
}
