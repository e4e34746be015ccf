//! The variables that a flow's expressions can read, and what they are where an operator sets nothing else.

use lockgate_model::Ident;
use serde_json::Value as Json;

use super::keys::literal;
use super::parse_key;
use crate::fault::{Code, Findings};
use crate::read::{Entry, Tree};

/// A variable and its default.
#[derive(Debug, Clone)]
pub(crate) struct Var {
    pub(crate) name: Ident,
    pub(crate) value: Json,
}

/// Reads a map of names to literal values.
pub(super) fn read_all(tree: &Tree, findings: &mut Findings) -> Vec<Var> {
    let Some(entries) = tree.as_map() else {
        let message = format!(
            "`vars` is {}, and has to be a map of names to values",
            tree.type_name()
        );
        findings
            .add(Code::WrongType, &tree.span, message)
            .help("for example `vars: { tone: plain }`");
        return Vec::new();
    };
    entries
        .iter()
        .filter_map(|entry| read(entry, findings))
        .collect()
}

fn read(entry: &Entry, findings: &mut Findings) -> Option<Var> {
    let name = parse_key(&entry.key, &entry.key_span, findings);
    let value = literal(&entry.value, findings);
    Some(Var {
        name: name?,
        value: value?,
    })
}
