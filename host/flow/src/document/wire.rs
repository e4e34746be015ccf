//! A name and the expression that gives its value: an input of a node, an output of the flow, or a label.

use std::ops::Range;

use lockgate_model::Ident;

use super::expr::Expr;
use super::parse_key;
use crate::fault::{Code, Findings};
use crate::read::{Entry, Tree};
use crate::source::Source;

/// A name and its expression.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) name: Ident,
    pub(crate) name_span: Range<usize>,
    pub(crate) expr: Expr,
}

/// Reads a map of names to expressions.
pub(super) fn read_all(
    tree: &Tree,
    key: &str,
    source: &Source,
    findings: &mut Findings,
) -> Vec<Wire> {
    let Some(entries) = tree.as_map() else {
        let message = format!(
            "`{key}` is {}, and has to be a map of names to expressions",
            tree.type_name()
        );
        findings.add(Code::WrongType, &tree.span, message);
        return Vec::new();
    };
    entries
        .iter()
        .filter_map(|entry| read(entry, source, findings))
        .collect()
}

fn read(entry: &Entry, source: &Source, findings: &mut Findings) -> Option<Wire> {
    let name = parse_key(&entry.key, &entry.key_span, findings);
    let expr = Expr::read(&entry.value, source, findings);
    Some(Wire {
        name: name?,
        name_span: entry.key_span.clone(),
        expr,
    })
}
