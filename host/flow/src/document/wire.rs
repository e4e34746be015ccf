//! A name and the expression that gives its value: an input of a node, or an output of the flow.

use std::ops::Range;
use std::sync::Arc;

use lockgate_model::Ident;

use super::parse_key;
use crate::expression::{Expression, parse};
use crate::fault::{Code, Findings};
use crate::read::{Entry, Tree};
use crate::source::Source;

/// A name and its expression.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) name: Ident,
    pub(crate) name_span: Range<usize>,
    /// Where the expression stands.
    pub(crate) scalar: Tree,
    /// None where it is faulty, which is reported.
    pub(crate) expression: Option<Arc<Expression>>,
}

impl Wire {
    /// The place of the expression, or of the first mention of a word in it.
    pub(crate) fn place_of(&self, source: &Source, word: &str) -> Range<usize> {
        let text = self.scalar.as_scalar().map_or("", |scalar| &scalar.text);
        match find_word(text, word) {
            Some(start) => self
                .scalar
                .place_within(source, &(start..start + word.len())),
            None => self.scalar.span.clone(),
        }
    }
}

/// Where `word` stands in `text` as a word of its own.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(word).map(|(at, _)| at).find(|&at| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|c| is_part(c) || c == '.')
            && !text[at + word.len()..].starts_with(is_part)
    })
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
    let expression = read_expression(&entry.value, source, findings);
    Some(Wire {
        name: name?,
        name_span: entry.key_span.clone(),
        scalar: entry.value.clone(),
        expression,
    })
}

fn read_expression(
    value: &Tree,
    source: &Source,
    findings: &mut Findings,
) -> Option<Arc<Expression>> {
    let Some(scalar) = value
        .as_scalar()
        .filter(|scalar| !scalar.text.trim().is_empty())
    else {
        findings
            .add(Code::WrongType, &value.span, format!("this is {}, and has to be an expression", value.type_name()))
            .help("an expression names a value, such as `input.topic`; constants of a node stand under its `with`");
        return None;
    };
    match parse(&scalar.text) {
        Ok(expression) => Some(Arc::new(expression)),
        Err(faults) => {
            for fault in faults {
                let at = value.place_within(source, &fault.at);
                findings
                    .add(fault.code, &at, fault.message)
                    .maybe_help(fault.help);
            }
            None
        }
    }
}
