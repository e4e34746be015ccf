//! An expression of a document, and where it stands.

use std::ops::Range;
use std::sync::Arc;

use crate::excerpt::clipped;
use crate::expression::{Expression, ExpressionError, parse};
use crate::fault::{Code, Findings};
use crate::read::Tree;
use crate::source::Source;

/// An expression of a document.
#[derive(Debug)]
pub(crate) struct Expr {
    /// Where it stands.
    pub(crate) scalar: Tree,
    /// None where it is faulty, which is reported.
    pub(crate) expression: Option<Arc<Expression>>,
}

impl Expr {
    /// Reads an expression. What is wrong with it is reported.
    pub(crate) fn read(value: &Tree, source: &Source, findings: &mut Findings) -> Self {
        Self {
            scalar: value.clone(),
            expression: parsed(value, source, findings),
        }
    }

    /// Reads an expression that decides something. What never gives true or false is reported too: `key` is what it stands
    /// under, and `help` says what belongs there.
    pub(crate) fn read_truth(
        key: &str,
        help: &str,
        value: &Tree,
        source: &Source,
        findings: &mut Findings,
    ) -> Self {
        let expr = Self::read(value, source, findings);
        if let Some(Err(error)) = expr.constant().map(|expression| expression.truth(&[])) {
            let (code, message) = match &error {
                ExpressionError::NotBoolean { given } => (
                    Code::WrongKind,
                    format!("`{key}` is {given}, and has to be true or false"),
                ),
                error => (
                    Code::FailingExpression,
                    format!("this expression fails: {}", clipped(&error.to_string())),
                ),
            };
            findings.add(code, &value.span, message).help(help);
        }
        expr
    }

    /// The text of the expression, as it was written.
    pub(crate) fn text(&self) -> &str {
        self.scalar.as_scalar().map_or("", |scalar| &scalar.text)
    }

    /// The place of the expression, or of the first mention of a word in it.
    pub(crate) fn place_of(&self, source: &Source, word: &str) -> Range<usize> {
        match find_word(self.text(), word) {
            Some(start) => self
                .scalar
                .place_within(source, &(start..start + word.len())),
            None => self.scalar.span.clone(),
        }
    }

    /// The expression, where it refers to nothing and so is the same at each run.
    pub(super) fn constant(&self) -> Option<&Expression> {
        let expression = self.expression.as_deref()?;
        expression.references.is_empty().then_some(expression)
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

fn parsed(value: &Tree, source: &Source, findings: &mut Findings) -> Option<Arc<Expression>> {
    let Some(scalar) = value
        .as_scalar()
        .filter(|scalar| !scalar.text.trim().is_empty())
    else {
        let message = format!("this is {}, and has to be an expression", value.type_name());
        let help = match value.as_list() {
            Some(_) => "an expression is text: in quotes, `\"[input.a, input.b]\"` makes a list",
            None => {
                "an expression names a value, such as `input.topic`; constants of a node stand under its `with`"
            }
        };
        findings
            .add(Code::WrongType, &value.span, message)
            .help(help);
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
