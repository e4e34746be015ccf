//! Text becomes a checked expression.
//!
//! `cel` has two parsers. The older one, made by ANTLR, takes 20 ms for 4 KiB, and remembers what it has seen in tables
//! that all threads share and that only grow. The newer one takes microseconds, has bounds, and remembers nothing; it is
//! hidden in the crate's documentation, which is why the crate's version is pinned.

use std::ops::Range;

use cel::IdedExpr;
use cel::parser::PrattParser;

use super::lower::{self, Lowered};
use super::tokens::Tokens;
use super::{Body, Expression};
use crate::excerpt::quoted;
use crate::fault::Code;

/// The longest expression, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 4096;

/// How deep an expression may nest: operators, brackets and calls, each one level. `&&` and `||` chains count
/// logarithmically, because they are balanced.
pub const MAX_EXPRESSION_DEPTH: usize = 64;

/// How many operators, brackets and dots an expression may have; `&&`, `||` and commas are free, but for the commas of
/// `first`, each of which makes the tree deeper. With it the tree that the parser makes before its depth can be checked
/// needs less than 256 KiB of stack.
pub const MAX_EXPRESSION_OPERATORS: usize = 512;

/// What is wrong with an expression, and where in its text.
#[derive(Debug)]
pub(crate) struct ParseFault {
    pub(crate) code: Code,
    pub(crate) at: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl ParseFault {
    pub(crate) fn new(code: Code, at: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            code,
            at,
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Parses and checks an expression.
pub(crate) fn parse(text: &str) -> Result<Expression, Vec<ParseFault>> {
    let whole = 0..text.len();
    if text.len() > MAX_EXPRESSION_BYTES {
        let bytes = text.len();
        let message = format!(
            "the expression has {bytes} bytes, and at most {MAX_EXPRESSION_BYTES} are read"
        );
        return Err(vec![too_large(whole, message)]);
    }
    let tokens = Tokens::new(text);
    if tokens.operators() > MAX_EXPRESSION_OPERATORS {
        let message = format!("the expression has more than {MAX_EXPRESSION_OPERATORS} operators");
        return Err(vec![too_large(whole, message)]);
    }
    let parser = PrattParser::new().max_recursion_depth(MAX_EXPRESSION_DEPTH as u16);
    let mut tree = parser.parse(text).map_err(|errors| {
        let first = errors.errors.into_iter().min_by_key(|error| error.pos);
        vec![syntax_fault(text, first.as_ref())]
    })?;
    if depth(&tree) > MAX_EXPRESSION_DEPTH {
        return Err(vec![too_deep(whole)]);
    }
    let Lowered {
        references,
        valued,
        handed_over,
        faults,
    } = lower::lower(&mut tree, &tokens);
    if !faults.is_empty() {
        return Err(faults);
    }
    if depth(&tree) > MAX_EXPRESSION_DEPTH {
        return Err(vec![too_deep(whole)]); // a `first` became as deep as it has arguments
    }
    Ok(Expression {
        text: text.into(),
        references,
        valued,
        body: handed_over.unwrap_or(Body::Computed(tree)),
    })
}

fn too_large(at: Range<usize>, message: String) -> ParseFault {
    ParseFault::new(Code::ExpressionTooLarge, at, message)
        .help("let a node do the work, or split the expression over several nodes")
}

fn too_deep(at: Range<usize>) -> ParseFault {
    let message = format!("the expression nests deeper than {MAX_EXPRESSION_DEPTH} levels");
    too_large(at, message)
}

fn syntax_fault(text: &str, error: Option<&cel::ParseError>) -> ParseFault {
    let Some(error) = error else {
        return ParseFault::new(
            Code::BadExpression,
            0..text.len(),
            "this is not an expression",
        );
    };
    if error.msg.contains("recursion limit") {
        return too_deep(0..text.len());
    }
    let at = byte_at(text, error.pos);
    let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
    let said = match error.msg.trim_start_matches("Syntax error: ") {
        ended if ended.starts_with("mismatched input '<EOF>'") => "it ends too early".to_owned(),
        ended if ended.starts_with("mismatched input <EOF>") => "it ends too early".to_owned(),
        said => said.replace("<EOF>", "the end"),
    };
    let fault = ParseFault::new(
        Code::BadExpression,
        at..end,
        format!("this is not an expression: {}", quoted(&said)),
    );
    fault.help(if text.contains("{{") {
        "templates belong to `text/prompt-template`; an expression names a value, such as `input.topic`"
    } else if text.matches('(').count() > text.matches(')').count() {
        "a bracket is not closed; between YAML's `{` and `}` a comma ends the value: put quotes around the whole expression"
    } else {
        "text stands in quotes within the expression: `\"'Hello ' + input.name\"`"
    })
}

/// The byte of a line and a column, both from 1, the column in bytes.
fn byte_at(text: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line - 1).unwrap_or_default();
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    text.floor_char_boundary(
        (before + usize::try_from(column - 1).unwrap_or_default()).min(text.len()),
    )
}

/// How many levels a tree has. Without recursion: it is what decides whether recursion is safe.
fn depth(tree: &IdedExpr) -> usize {
    let mut deepest = 0;
    let mut open = vec![(tree, 1)];
    while let Some((expr, level)) = open.pop() {
        deepest = deepest.max(level);
        lower::for_children(expr, &mut |child| open.push((child, level + 1)));
    }
    deepest
}
