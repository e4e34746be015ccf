//! A node of a document: what it uses, what it is wired to, and what it may use up.

use std::ops::Range;

use lockgate_model::{Ident, Limit, NarrowLimits, NodeRef};

use super::keys::Keys;
use super::{keys, parse_key, quantity, wire};
use crate::document::Wire;
use crate::fault::{Code, Findings};
use crate::read::{Entry, Tree};
use crate::source::Source;

/// The keys of a node.
const KEYS: &[&str] = &["in", "limits", "timeout", "use", "with"];

/// Keys of a node that a later version has.
const LATER_KEYS: &[&str] = &[
    "batch",
    "cache",
    "concurrency",
    "each",
    "on_failure",
    "retry",
    "when",
];

/// The keys of `limits`; `timeout` stands beside it.
const LIMIT_KEYS: &[&str] = &[
    "copied_bytes",
    "fuel",
    "instances",
    "log_bytes",
    "memory",
    "output_bytes",
    "resources",
];

/// What a `use` begins with that runs another flow.
const SUB_FLOW: &str = "flow:";

/// One node of a document. What could not be read of it is None, and reported.
#[derive(Debug)]
pub(crate) struct NodeEntry {
    pub(crate) key: Box<str>,
    pub(crate) key_span: Range<usize>,
    pub(crate) name: Option<Ident>,
    pub(crate) reference: Option<NodeRef>,
    pub(crate) use_span: Range<usize>,
    pub(crate) wires: Vec<Wire>,
    pub(crate) config: Option<Tree>,
    pub(crate) limits: NarrowLimits,
    /// Where each limit stands.
    pub(crate) limit_spans: Vec<(Limit, Range<usize>)>,
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
        reference: None,
        use_span: entry.key_span.clone(),
        wires: Vec::new(),
        config: None,
        limits: NarrowLimits::default(),
        limit_spans: Vec::new(),
    };
    let shape = "a node is a map with the key `use`";
    let Some(keys) = Keys::new(&entry.value, KEYS, LATER_KEYS, findings, shape) else {
        return node;
    };
    if keys.get("use").is_none() {
        let message = format!(
            "the node `{}` does not say what it uses",
            crate::excerpt::quoted(&entry.key)
        );
        findings
            .add(Code::MissingKey, &entry.key_span, message)
            .help("for example `use: text/upper`");
    }
    if let Some(uses) = keys.get("use") {
        node.use_span = uses.value.span.clone();
        node.reference = read_use(&uses.value, findings);
    }
    if let Some(wires) = keys.get("in") {
        node.wires = wire::read_all(&wires.value, "in", source, findings);
    }
    node.config = keys.get("with").map(|with| with.value.clone());
    if let Some(config) = &node.config
        && config.as_map().is_none()
    {
        let message = format!(
            "`with` is {}, and has to be a map of settings",
            config.type_name()
        );
        findings.add(Code::WrongType, &config.span, message);
        node.reference = None; // what is no map is not shown to the node
    }
    if let Some(timeout) = keys.get("timeout") {
        read_limit(&mut node, Limit::Timeout, &timeout.value, findings);
    }
    if let Some(limits) = keys.get("limits") {
        read_limits(&mut node, &limits.value, findings);
    }
    node
}

fn read_use(value: &Tree, findings: &mut Findings) -> Option<NodeRef> {
    let text = keys::text(value, findings, "use")?;
    if text.starts_with(SUB_FLOW) {
        findings
            .add(
                Code::SubFlow,
                &value.span,
                "a flow cannot be a node of another flow yet",
            )
            .help("this version does not have it; copy the flow's nodes into this one");
        return None;
    }
    match text.parse() {
        Ok(reference) => Some(reference),
        Err(invalid) => {
            let shape =
                "a node is named `plugin/node` or `publisher:plugin/node`, such as `text/upper`";
            findings
                .add(Code::BadName, &value.span, invalid.to_string())
                .help(shape);
            None
        }
    }
}

fn read_limits(node: &mut NodeEntry, tree: &Tree, findings: &mut Findings) {
    let help = tree
        .as_map()
        .and_then(|entries| entries.iter().find(|entry| &*entry.key == "timeout"));
    if let Some(entry) = help {
        findings
            .add(
                Code::UnknownKey,
                &entry.key_span,
                "`timeout` does not stand under `limits`",
            )
            .help("it stands beside it, as a key of the node");
        return;
    }
    let shape = "`limits` is a map such as `{ memory: 16MiB, fuel: 1000000 }`";
    if Keys::new(tree, LIMIT_KEYS, &[], findings, shape).is_none() {
        return;
    }
    for entry in tree.as_map().unwrap_or_default() {
        if let Some(limit) = Limit::ALL
            .into_iter()
            .find(|limit| limit.key() == &*entry.key)
        {
            read_limit(node, limit, &entry.value, findings);
        }
    }
}

fn read_limit(node: &mut NodeEntry, limit: Limit, value: &Tree, findings: &mut Findings) {
    let text = value.as_scalar().map_or("", |scalar| &scalar.text);
    let (read, example) = match limit {
        Limit::Timeout => (
            quantity::milliseconds(text),
            "a time such as `200ms`, `5s` or `2m`",
        ),
        Limit::Fuel | Limit::Instances | Limit::Resources => {
            (text.parse().ok(), "a whole number such as `100`")
        }
        Limit::Memory | Limit::CopiedBytes | Limit::LogBytes | Limit::OutputBytes => (
            quantity::size(text),
            "a size such as `16MiB`, `64 KiB` or `1000`",
        ),
    };
    match read {
        Some(read) => {
            node.limits.set(limit, read);
            node.limit_spans.push((limit, value.span.clone()));
        }
        None => {
            let message = format!("`{}` is {example}, and this is not", limit.key());
            findings.add(Code::BadQuantity, &value.span, message);
        }
    }
}
