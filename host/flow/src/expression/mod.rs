//! Expressions: CEL, bounded when it is read so that no expression can overflow a stack or take long, whoever wrote it.
//!
//! What an expression may refer to is checked where the nodes are known, by the plan. Here an expression is text that
//! becomes a list of references and a body that computes with what they refer to.

mod compute;
mod convert;
mod cost;
mod first;
mod functions;
mod lower;
mod parse;
#[cfg(test)]
mod tests;
mod tokens;

use cel::IdedExpr;

pub use compute::{ExpressionError, MAX_EXPRESSION_WORK};
pub(crate) use compute::{Operand, truth_of};
pub(crate) use convert::{Result as Computed, at_path, type_name};
pub(crate) use parse::parse;
pub use parse::{MAX_EXPRESSION_BYTES, MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_OPERATORS};

/// The largest JSON document that an expression looks into, in bytes. Handing one over whole has no such bound.
pub const MAX_OPENED_BYTES: usize = 8 << 20;

/// A checked expression.
#[derive(Debug)]
pub(crate) struct Expression {
    /// As the document writes it.
    pub(crate) text: Box<str>,
    /// What it refers to, each once.
    pub(crate) references: Vec<Reference>,
    /// Of each reference, whether its value is used, and not only whether it is there.
    pub(crate) valued: Vec<bool>,
    pub(crate) body: Body,
}

/// What an expression does with its references.
#[derive(Debug)]
pub(crate) enum Body {
    /// It is one reference, and hands over what that refers to.
    Lone,
    /// It is `first(…)` over its references, in their order, and hands over what the first that is there refers to.
    First,
    /// It computes.
    Computed(IdedExpr),
}

/// A name and the way from it: `clean.text`, `input.items[0].name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Reference {
    pub(crate) root: Box<str>,
    pub(crate) path: Vec<Segment>,
}

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Segment {
    Key(Box<str>),
    Index(usize),
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.root)?;
        write_path(&self.path, f)
    }
}

/// A path as it follows a name.
pub(crate) fn write_path(path: &[Segment], out: &mut impl std::fmt::Write) -> std::fmt::Result {
    for segment in path {
        match segment {
            Segment::Index(index) => write!(out, "[{index}]")?,
            Segment::Key(key) if is_plain(key) => write!(out, ".{key}")?,
            Segment::Key(key) => write!(out, "[\"{}\"]", key.escape_debug())?,
        }
    }
    Ok(())
}

fn is_plain(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}
