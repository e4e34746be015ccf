//! A node that runs once for each element of a list.

use super::keys::Keys;
use super::{Expr, NodeEntry, quantity};
use crate::excerpt::clipped;
use crate::expression::{Computed, type_name};
use crate::fault::{Code, Findings};
use crate::source::Source;

/// How many elements of an `each` a node can work on at the same time.
const CONCURRENCY: (u32, u32) = (1, 64);

/// How many elements of an `each` a node can be given at once.
const BATCH: (u32, u32) = (1, 1000);

/// Reads `each`, and what stands beside it only.
pub(super) fn read(
    node: &mut NodeEntry,
    keys: &Keys<'_>,
    source: &Source,
    findings: &mut Findings,
) {
    let each = keys.get("each");
    let batch = "`item` is a list of so many elements, or fewer at the end";
    let concurrency = "so many elements are worked on at the same time";
    for (key, bounds, help, count) in [
        ("batch", BATCH, batch, &mut node.batch),
        (
            "concurrency",
            CONCURRENCY,
            concurrency,
            &mut node.concurrency,
        ),
    ] {
        let Some(entry) = keys.get(key) else { continue };
        *count = quantity::count(entry, bounds, help, findings).filter(|_| each.is_some());
        if each.is_none() {
            findings
                .add(
                    Code::MisplacedKey,
                    &entry.key_span,
                    format!("`{key}` means nothing without `each`"),
                )
                .help("`each` gives the list for whose elements the node runs, such as `each: chunks.parts`");
        }
    }
    if let Some(each) = each {
        let each = Expr::read(&each.value, source, findings);
        check_constant(&each, findings);
        node.each = Some(each);
    }
}

/// A list that is written out is one, or it never will be.
fn check_constant(each: &Expr, findings: &mut Findings) {
    let Some(expression) = each.constant() else {
        return;
    };
    let (code, message) = match expression.compute(&[]) {
        Ok(Computed::Json(serde_json::Value::Array(_))) => return,
        Ok(Computed::Json(other)) => (
            Code::WrongKind,
            format!("`each` is {}, and has to be a list", type_name(&other)),
        ),
        Ok(Computed::Text(_)) => (
            Code::WrongKind,
            "`each` is text, and has to be a list".to_owned(),
        ),
        Err(error) => (
            Code::FailingExpression,
            format!("this expression fails: {}", clipped(&error.to_string())),
        ),
    };
    findings
        .add(code, &each.scalar.span, message)
        .help("`each` is an expression that gives a list, such as `chunks.parts`");
}
