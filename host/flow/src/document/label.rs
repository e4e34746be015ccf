//! What a run is filed under: values of its input and of the flow's variables.

use super::{Wire, wire};
use crate::excerpt::{clipped, quoted};
use crate::fault::{Code, Findings};
use crate::read::Tree;
use crate::source::Source;

/// How many labels a flow can have. Each multiplies the series of the metrics that carry it.
const MAX_LABELS: usize = 10;

/// What a label refers to.
const ROOTS: [&str; 2] = ["input", "vars"];

/// Reads a map of names to expressions over the input and the variables.
pub(super) fn read_all(tree: &Tree, source: &Source, findings: &mut Findings) -> Vec<Wire> {
    let labels = wire::read_all(tree, "labels", source, findings);
    let entries = tree.as_map().unwrap_or_default();
    if let Some(entry) = entries.get(MAX_LABELS) {
        let message = format!(
            "a flow has at most {MAX_LABELS} labels, and this one has {}",
            entries.len()
        );
        findings
            .add(Code::TooMany, &entry.key_span, message)
            .help("keep those that runs are looked for by");
    }
    for label in &labels {
        check(label, source, findings);
    }
    labels
}

fn check(label: &Wire, source: &Source, findings: &mut Findings) {
    let expression = label.expr.expression.iter();
    for reference in expression.flat_map(|expression| &expression.references) {
        if !ROOTS.contains(&&*reference.root) {
            let at = label.expr.place_of(source, &reference.root);
            let message = format!("labels do not know `{}`", quoted(&reference.root));
            findings.add(Code::UnknownName, &at, message).help(
                "a label is known before anything runs: it refers to `input` and `vars` only",
            );
        }
    }
    let failing = label.expr.constant().map(|constant| constant.compute(&[]));
    if let Some(Err(error)) = failing {
        let message = format!("this expression fails: {}", clipped(&error.to_string()));
        findings
            .add(Code::FailingExpression, &label.expr.scalar.span, message)
            .help("a label is a value of the input or of the variables, such as `input.topic`");
    }
}
