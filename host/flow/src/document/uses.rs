//! What a node runs: a plugin's node, or another flow.

use std::fmt;

use lockgate_model::{InvalidNodeRef, Kebab, NodeRef};

use super::keys;
use crate::fault::{Code, Findings};
use crate::read::Tree;
use crate::source::Source;

/// What a `use` begins with that runs another flow.
const FLOW: &str = "flow:";

/// What parts a node's name from the range of its versions.
const RANGE: char = '@';

/// What a node runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uses {
    /// A plugin's node: `text/clean`, `text/clean@1.2`.
    Node(NodeRef),
    /// Another flow: `flow:poem`.
    Flow(Kebab),
}

/// As a document writes it.
impl fmt::Display for Uses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(reference) => write!(f, "{reference}"),
            Self::Flow(name) => write!(f, "{FLOW}{name}"),
        }
    }
}

/// Reads a `use`.
pub(super) fn read(value: &Tree, source: &Source, findings: &mut Findings) -> Option<Uses> {
    let text = keys::text(value, findings, "use")?;
    let mut at = value.span.clone();
    let (message, help) = match text.strip_prefix(FLOW) {
        Some(name) => match name.parse() {
            Ok(name) => return Some(Uses::Flow(name)),
            Err(invalid) => (invalid.to_string(), "a flow is used as `flow:its-name`"),
        },
        None => match text.parse() {
            Ok(reference) => return Some(Uses::Node(reference)),
            Err(InvalidNodeRef::Range(invalid)) => {
                let range = text.find(RANGE).map_or(0, |sign| sign + RANGE.len_utf8());
                at = value.place_within(source, &(range..text.len()));
                (
                    invalid.to_string(),
                    "the range stands last and is written as for cargo: `text/upper@1.2`, `text/upper@>=1.2, <1.5`",
                )
            }
            Err(InvalidNodeRef::Name(invalid)) => (
                invalid.to_string(),
                "a node is named `plugin/node` or `publisher:plugin/node`, such as `text/upper`",
            ),
        },
    };
    findings.add(Code::BadName, &at, message).help(help);
    None
}
