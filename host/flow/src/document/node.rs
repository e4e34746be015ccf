//! A node of a document: what it uses, what it is wired to, when and how often it runs, and what it may use up.

use std::ops::Range;

use lockgate_model::{Ident, Limit, NarrowLimits, NodeRef};

use super::keys::Keys;
use super::{CacheRule, Expr, Retry, Uses, Wire};
use super::{cache, each, limits, parse_key, retry, uses, wire};
use crate::excerpt::quoted;
use crate::fault::{Code, Findings};
use crate::read::{Entry, Tree};
use crate::source::Source;

/// The keys of a node.
const KEYS: &[&str] = &[
    "batch",
    "cache",
    "concurrency",
    "each",
    "in",
    "limits",
    "on_failure",
    "retry",
    "timeout",
    "use",
    "when",
    "with",
];

/// What a `when` is, for who wrote something else.
const WHEN_HELP: &str =
    "`when` is an expression that compares or asks, such as `size(a.text) > 0` or `has(a.failure)`";

/// One node of a document. What could not be read of it is None, and reported.
#[derive(Debug)]
pub(crate) struct NodeEntry {
    pub(crate) key: Box<str>,
    pub(crate) key_span: Range<usize>,
    pub(crate) name: Option<Ident>,
    pub(crate) uses: Option<Uses>,
    pub(crate) use_span: Range<usize>,
    pub(crate) wires: Vec<Wire>,
    /// What has to be true for the node to run. None: it runs.
    pub(crate) when: Option<Expr>,
    /// The list for each of whose elements the node runs. None: it runs once.
    pub(crate) each: Option<Expr>,
    /// How many elements of `each` it works on at the same time; only with `each`.
    pub(crate) concurrency: Option<u32>,
    /// How many elements of `each` it is given at once; only with `each`. None: one, and not as a list.
    pub(crate) batch: Option<u32>,
    pub(crate) on_failure: OnFailure,
    /// None: nothing is repeated.
    pub(crate) retry: Option<Retry>,
    /// None: what the node says of itself holds.
    pub(crate) cache: Option<CacheRule>,
    pub(crate) config: Option<Tree>,
    pub(crate) limits: NarrowLimits,
    /// Where each limit stands.
    pub(crate) limit_spans: Vec<(Limit, Range<usize>)>,
}

/// What a node's failure means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OnFailure {
    /// It ends the run.
    #[default]
    Fail,
    /// The run goes on without the node's outputs.
    Continue,
}

impl NodeEntry {
    /// The plugin's node that it uses, if it uses one.
    pub(crate) fn reference(&self) -> Option<&NodeRef> {
        match &self.uses {
            Some(Uses::Node(reference)) => Some(reference),
            Some(Uses::Flow(_)) | None => None,
        }
    }

    /// All its expressions: those of its inputs, and those that say when and how often it runs.
    pub(crate) fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let wired = self.wires.iter().map(|wire| &wire.expr);
        wired.chain(&self.when).chain(&self.each)
    }
}

/// Reads all nodes of a document.
pub(super) fn read_all(tree: &Tree, source: &Source, findings: &mut Findings) -> Vec<NodeEntry> {
    let Some(entries) = tree.as_map() else {
        let message = format!(
            "`nodes` is {}, and has to be a map of names to nodes",
            tree.type_name()
        );
        findings.add(Code::WrongType, &tree.span, message);
        return Vec::new();
    };
    if entries.is_empty() {
        findings
            .add(
                Code::Empty,
                &tree.span,
                "`nodes` is empty, and a flow has at least one node",
            )
            .help("for example `nodes: { shout: { use: text/upper, in: { text: input.text } } }`");
    }
    entries
        .iter()
        .map(|entry| read(entry, source, findings))
        .collect()
}

fn read(entry: &Entry, source: &Source, findings: &mut Findings) -> NodeEntry {
    let mut node = NodeEntry {
        key: entry.key.clone(),
        key_span: entry.key_span.clone(),
        name: parse_key(&entry.key, &entry.key_span, findings),
        uses: None,
        use_span: entry.key_span.clone(),
        wires: Vec::new(),
        when: None,
        each: None,
        concurrency: None,
        batch: None,
        on_failure: OnFailure::default(),
        retry: None,
        cache: None,
        config: None,
        limits: NarrowLimits::default(),
        limit_spans: Vec::new(),
    };
    let shape = "a node is a map with the key `use`";
    let Some(keys) = Keys::new(&entry.value, KEYS, findings, shape) else {
        return node;
    };
    if let Some(uses) = keys.get("use") {
        node.use_span = uses.value.span.clone();
        node.uses = uses::read(&uses.value, source, findings);
    } else {
        let message = format!(
            "the node `{}` does not say what it uses",
            quoted(&entry.key)
        );
        findings
            .add(Code::MissingKey, &entry.key_span, message)
            .help("for example `use: text/upper`");
    }
    if let Some(wires) = keys.get("in") {
        node.wires = wire::read_all(&wires.value, "in", source, findings);
    }
    node.when = keys
        .get("when")
        .map(|when| Expr::read_truth("when", WHEN_HELP, &when.value, source, findings));
    each::read(&mut node, &keys, source, findings);
    if let Some(on_failure) = keys.get("on_failure") {
        node.on_failure = read_on_failure(&on_failure.value, findings).unwrap_or_default();
    }
    node.retry = keys
        .get("retry")
        .and_then(|retry| retry::read(&retry.value, findings));
    node.cache = keys
        .get("cache")
        .and_then(|cache| cache::read(cache, findings));
    node.config = keys.get("with").map(|with| with.value.clone());
    if let Some(config) = &node.config
        && config.as_map().is_none()
    {
        let message = format!(
            "`with` is {}, and has to be a map of settings",
            config.type_name()
        );
        findings.add(Code::WrongType, &config.span, message);
        node.uses = None; // what is no map is not shown to the node
    }
    if let Some(timeout) = keys.get("timeout") {
        limits::read(&mut node, Limit::Timeout, &timeout.value, findings);
    }
    if let Some(limits) = keys.get("limits") {
        limits::read_all(&mut node, &limits.value, findings);
    }
    if let Some(Uses::Flow(_)) = node.uses {
        refuse_for_flow(&keys, findings);
    }
    node
}

/// What is configured and limited are the nodes of a flow, and not the flow as a node.
fn refuse_for_flow(keys: &Keys<'_>, findings: &mut Findings) {
    for (key, help) in [
        (
            "limits",
            "the nodes of that flow have limits of their own; `timeout` bounds them together",
        ),
        (
            "with",
            "a flow is given values through its inputs: write expressions under `in`",
        ),
    ] {
        if let Some(entry) = keys.get(key) {
            let message = format!("a node that is a flow has no `{key}`");
            findings
                .add(Code::MisplacedKey, &entry.key_span, message)
                .help(help);
        }
    }
}

fn read_on_failure(value: &Tree, findings: &mut Findings) -> Option<OnFailure> {
    let text = value.as_text().unwrap_or_default();
    match text {
        "fail" => return Some(OnFailure::Fail),
        "continue" => return Some(OnFailure::Continue),
        _ => {}
    }
    let near = findings.did_you_mean(text, ["fail", "continue"]);
    findings
        .add(
            Code::BadChoice,
            &value.span,
            "`on_failure` is `fail` or `continue`, and this is not",
        )
        .help(near.unwrap_or_else(|| {
            "with `continue` the run goes on without the node's outputs".to_owned()
        }));
    None
}
