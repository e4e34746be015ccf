//! What a case expects.

use std::ops::Range;

use serde_json::Value as Json;

use crate::document::{Expr, Keys, failure_kinds, literal, text};
use crate::excerpt::quoted;
use crate::fault::{Code, Findings};
use crate::read::{Entry, Tree};
use crate::source::{Place, Source};

/// The keys of an `expect`, and of a `failure` under it.
const KEYS: &[&str] = &["failure", "output", "ran", "skipped", "where"];
const FAILURE_KEYS: &[&str] = &["kind", "message", "node"];

/// What the expressions of a `where` refer to.
pub(super) const ROOTS: [&str; 2] = ["input", "output"];

/// What a case expects.
#[derive(Debug)]
pub(super) struct Expect {
    pub(super) end: End,
    /// Nodes that have to be called.
    pub(super) ran: Vec<Named>,
    /// Nodes that have to be skipped.
    pub(super) skipped: Vec<Named>,
}

/// How a run has to end.
#[derive(Debug)]
pub(super) enum End {
    /// With an output: this one, if it is said whole, and one of which all these conditions are true.
    Output {
        whole: Option<Json>,
        conditions: Vec<Condition>,
    },
    /// With a failure. What is not said may be anything.
    Failure {
        node: Option<Named>,
        kind: Option<Box<str>>,
        /// A part of the message.
        message: Option<Box<str>>,
    },
}

/// An expression over a run's input and output, and its place.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) expr: Expr,
    pub(super) place: Place,
}

/// A text and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) text: Box<str>,
    pub(super) span: Range<usize>,
}

impl Expect {
    /// Reads an `expect`. What is wrong with it is reported.
    pub(super) fn read(tree: &Tree, source: &Source, findings: &mut Findings) -> Self {
        let nothing = Self {
            end: End::Output {
                whole: None,
                conditions: Vec::new(),
            },
            ran: Vec::new(),
            skipped: Vec::new(),
        };
        let shape = "`expect` is a map with `output`, `where`, `failure`, `skipped` or `ran`";
        let Some(keys) = Keys::new(tree, KEYS, findings, shape) else {
            return nothing;
        };
        if tree.as_map().is_some_and(<[_]>::is_empty) {
            findings
                .add(Code::Empty, &tree.span, "`expect` is empty: whatever happens would be right")
                .help("say the whole `output`, conditions under `where`, a `failure`, or which nodes are `skipped` or `ran`");
        }
        let end = match keys.get("failure") {
            Some(failure) => {
                for entry in [keys.get("output"), keys.get("where")]
                    .into_iter()
                    .flatten()
                {
                    refuse_beside_failure(entry, findings);
                }
                read_failure(&failure.value, findings)
            }
            None => End::Output {
                whole: keys
                    .get("output")
                    .and_then(|entry| literal(&entry.value, findings)),
                conditions: keys
                    .get("where")
                    .map(|entry| read_conditions(&entry.value, source, findings))
                    .unwrap_or_default(),
            },
        };
        let mut nodes = |key| {
            let entry = keys.get(key);
            entry.map_or_else(Vec::new, |entry| read_nodes(entry, findings))
        };
        Self {
            end,
            ran: nodes("ran"),
            skipped: nodes("skipped"),
        }
    }
}

fn refuse_beside_failure(entry: &Entry, findings: &mut Findings) {
    let message = format!(
        "`{}` stands beside `failure`, and a run that fails has no output",
        entry.key
    );
    findings
        .add(Code::MisplacedKey, &entry.key_span, message)
        .help("leave one of the two out, or make two cases of it");
}

fn read_failure(tree: &Tree, findings: &mut Findings) -> End {
    let (mut node, mut kind, mut message) = (None, None, None);
    let shape =
        "`failure` is a map such as `{ node: check, kind: rejected, message: \"at most 200\" }`";
    if let Some(keys) = Keys::new(tree, FAILURE_KEYS, findings, shape) {
        node = keys
            .get("node")
            .and_then(|entry| Named::read(&entry.value, "node", findings));
        kind = keys
            .get("kind")
            .and_then(|entry| read_kind(&entry.value, findings));
        message = keys
            .get("message")
            .and_then(|entry| text(&entry.value, findings, "message"))
            .map(Box::from);
        if tree.as_map().is_some_and(<[_]>::is_empty) {
            findings
                .add(
                    Code::Empty,
                    &tree.span,
                    "`failure` is empty: any mistake in the case would be right",
                )
                .help("say its `kind`, the `node`, or a part of its `message`");
        }
    }
    End::Failure {
        node,
        kind,
        message,
    }
}

fn read_kind(value: &Tree, findings: &mut Findings) -> Option<Box<str>> {
    let kind = text(value, findings, "kind")?;
    if failure_kinds().all(|known| known != kind) {
        let near = findings.did_you_mean(kind, failure_kinds());
        let all = || failure_kinds().collect::<Vec<_>>().join(", ");
        findings
            .add(
                Code::UnknownFailure,
                &value.span,
                format!("there is no kind of failure `{}`", quoted(kind)),
            )
            .help(near.unwrap_or_else(|| format!("the kinds are {}", all())));
    }
    Some(kind.into())
}

fn read_conditions(tree: &Tree, source: &Source, findings: &mut Findings) -> Vec<Condition> {
    let elements = tree.as_list().unwrap_or(std::slice::from_ref(tree));
    if elements.is_empty() {
        let message = "`where` is empty, and has to be an expression or a list of them";
        findings.add(Code::Empty, &tree.span, message);
    }
    elements
        .iter()
        .map(|element| read_condition(element, source, findings))
        .collect()
}

fn read_condition(tree: &Tree, source: &Source, findings: &mut Findings) -> Condition {
    let help =
        "a condition compares or asks, such as `size(output.text) > 0` or `has(output.text)`";
    let expr = Expr::read_truth("where", help, tree, source, findings);
    let references = expr.expression.iter().flat_map(|it| &it.references);
    for reference in references.filter(|it| !ROOTS.contains(&&*it.root)) {
        let root = &*reference.root;
        let near = findings.did_you_mean(root, ROOTS);
        findings
            .add(
                Code::UnknownName,
                &expr.place_of(source, root),
                format!(
                    "a condition knows `output` and `input`, and not `{}`",
                    quoted(root)
                ),
            )
            .maybe_help(near);
    }
    Condition {
        place: source.place(tree.span.start),
        expr,
    }
}

fn read_nodes(entry: &Entry, findings: &mut Findings) -> Vec<Named> {
    let Some(elements) = entry.value.as_list() else {
        let message = format!(
            "`{}` is {}, and has to be a list of nodes",
            entry.key,
            entry.value.type_name()
        );
        findings
            .add(Code::WrongType, &entry.value.span, message)
            .help(format!("for example `{}: [name_of_a_node]`", entry.key));
        return Vec::new();
    };
    let nodes = elements.iter();
    nodes
        .filter_map(|element| Named::read(element, &entry.key, findings))
        .collect()
}
