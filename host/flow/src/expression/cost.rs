//! What evaluating an expression can cost at most, known before it is evaluated.
//!
//! An expression has no loops, so each of its operators works once; what grows are the values. `a + a` copies twice what
//! `a` has, and in 4 KiB there is room for a thousand references. So the sizes of what is referred to give a bound for
//! the sizes of everything, and their sum bounds both the memory and the time.

use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, operators};
use serde_json::Value as Json;

use super::lower::for_children;

/// What a value occupies at least, in bytes, however small it is.
const VALUE_BYTES: u64 = 32;

/// The most that `string(x)` makes of a number: a double written out.
const NUMBER_TEXT_BYTES: u64 = 512;

/// Bounds of one part of an expression, in bytes.
#[derive(Clone, Copy)]
struct Bound {
    /// Of the result.
    size: u64,
    /// Of everything that is copied or compared on the way to it.
    work: u64,
}

/// Bounds the work of evaluating a lowered tree. `size` says how large a variable's value is.
pub(crate) fn work(tree: &IdedExpr, size: &impl Fn(&str) -> u64) -> u64 {
    let Bound { size, work } = bound(tree, size);
    work.saturating_add(size)
}

/// The size of a document in memory.
pub(crate) fn size(tree: &Json) -> u64 {
    VALUE_BYTES
        + match tree {
            Json::String(text) => text.len() as u64,
            Json::Array(elements) => elements.iter().map(size).sum(),
            Json::Object(entries) => entries
                .iter()
                .map(|(key, value)| VALUE_BYTES + key.len() as u64 + size(value))
                .sum(),
            Json::Null | Json::Bool(_) | Json::Number(_) => 0,
        }
}

fn bound(expr: &IdedExpr, variable: &impl Fn(&str) -> u64) -> Bound {
    match &expr.expr {
        Expr::Ident(name) => {
            return Bound {
                size: variable(name),
                work: 0,
            };
        }
        Expr::Literal(LiteralValue::String(text)) => {
            return Bound {
                size: VALUE_BYTES + text.inner().len() as u64,
                work: 0,
            };
        }
        Expr::Literal(_) => {
            return Bound {
                size: VALUE_BYTES,
                work: 0,
            };
        }
        _ => {}
    }
    let mut parts = Vec::new();
    for_children(expr, &mut |child| parts.push(bound(child, variable)));
    let sum = |of: fn(&Bound) -> u64| parts.iter().map(of).fold(0, u64::saturating_add);
    let (sizes, before) = (sum(|part| part.size), sum(|part| part.work));
    let name = if let Expr::Call(call) = &expr.expr {
        call.func_name.as_str()
    } else {
        ""
    };
    let (size, here) = match name {
        operators::CONDITIONAL => (
            parts
                .iter()
                .skip(1)
                .map(|part| part.size)
                .max()
                .unwrap_or_default(),
            0,
        ),
        // Linear in the text for each step of the pattern.
        "matches" => (
            VALUE_BYTES,
            parts
                .first()
                .map_or(0, |part| part.size)
                .saturating_mul(parts.last().map_or(1, |part| part.size)),
        ),
        "contains" | "startsWith" | "endsWith" | "indexOf" | "size" => (VALUE_BYTES, sizes),
        _ if is_comparison(name) => (VALUE_BYTES, sizes),
        _ => {
            let size = sizes.saturating_add(NUMBER_TEXT_BYTES);
            (size, size)
        }
    };
    Bound {
        size,
        work: before.saturating_add(here),
    }
}

fn is_comparison(name: &str) -> bool {
    use operators::{EQUALS, GREATER, GREATER_EQUALS, IN, LESS, LESS_EQUALS, NOT_EQUALS};
    [
        EQUALS,
        GREATER,
        GREATER_EQUALS,
        IN,
        LESS,
        LESS_EQUALS,
        NOT_EQUALS,
    ]
    .contains(&name)
}
