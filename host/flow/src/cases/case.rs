//! One case: what a run is given, and the judgement of what came of it.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::course::{Course, Step};
use super::expect::{Condition, End, Expect, Named};
use super::mismatch::{Mismatch, RunFailure};
use crate::engine::RunRequest;
use crate::expression::{ExpressionError, Operand, Reference, at_path};
use crate::read::Tree;
use crate::run::RunError;
use crate::source::Place;

/// A test case of a flow.
#[derive(Debug)]
pub struct Case {
    pub(super) name: Named,
    pub(super) place: Place,
    pub(super) input: Json,
    pub(super) vars: Map<String, Json>,
    pub(super) pinned: Map<String, Json>,
    pub(super) until: Option<Named>,
    pub(super) expect: Expect,
    /// The case as it stands in the document, for the places of what it names.
    pub(super) tree: Tree,
}

impl Case {
    /// What the case shows, in its author's words; no other case of the document has the same. Escape it before a
    /// terminal or a page shows it.
    pub fn name(&self) -> &str {
        &self.name.text
    }

    /// Where the case stands in its document.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The run to make. `id` names it among all runs; it is a project of its own, so that no case is given what the call
    /// of another left in the cache.
    pub fn request(&self, id: impl Into<Arc<str>>) -> RunRequest {
        let id = id.into();
        RunRequest {
            project: Arc::clone(&id),
            vars: self.vars.clone(),
            until: self.until.as_ref().map(|until| until.text.to_string()),
            pinned: self.pinned.clone(),
            ..RunRequest::new(id, self.input.clone())
        }
    }

    /// What of the case did not come true: nothing, if it passed. `course` was the run's journal.
    pub fn judge(&self, ended: &Result<Json, RunError>, course: &Course) -> Vec<Mismatch> {
        let mut mismatches = match (&self.expect.end, ended) {
            (End::Output { whole, conditions }, Ok(output)) => {
                self.judge_output(whole.as_ref(), conditions, output)
            }
            (End::Output { .. }, Err(error)) => vec![Mismatch::Failed(error.into())],
            (End::Failure { .. }, Ok(output)) => vec![Mismatch::NotFailed {
                output: output.clone(),
            }],
            (End::Failure { .. }, Err(error)) => {
                self.judge_failure(error.into()).into_iter().collect()
            }
        };
        let node = |node: &Named, expected: &str, is_so: fn(&Step) -> bool| {
            let step = course.step(&node.text);
            (!is_so(&step)).then(|| Mismatch::Node {
                node: node.text.to_string(),
                expected: expected.to_owned(),
                actual: step.to_string(),
            })
        };
        let ran = self.expect.ran.iter();
        mismatches.extend(ran.filter_map(|name| node(name, "run", |step| *step == Step::Ran)));
        let skipped = self.expect.skipped.iter();
        mismatches.extend(
            skipped.filter_map(|name| {
                node(name, "be skipped", |step| matches!(step, Step::Skipped(_)))
            }),
        );
        mismatches
    }

    fn judge_output(
        &self,
        whole: Option<&Json>,
        conditions: &[Condition],
        output: &Json,
    ) -> Vec<Mismatch> {
        let other = whole.filter(|whole| *whole != output);
        let other = other.map(|expected| Mismatch::Output {
            expected: expected.clone(),
            actual: output.clone(),
        });
        let false_ones = conditions
            .iter()
            .filter_map(|condition| self.judge_condition(condition, output));
        other.into_iter().chain(false_ones).collect()
    }

    fn judge_condition(&self, condition: &Condition, output: &Json) -> Option<Mismatch> {
        let expression = condition.expr.expression.as_deref()?;
        let references = &expression.references;
        let found = |reference: &Reference| {
            let root = match &*reference.root {
                "output" => output,
                _ => &self.input, // it is one of the two: others were refused
            };
            at_path(root, &reference.path)
        };
        let operands: Vec<_> = references
            .iter()
            .zip(&expression.valued)
            .map(|(reference, valued)| {
                found(reference).map(|tree| match valued {
                    true => Operand::Tree(tree),
                    false => Operand::Present,
                })
            })
            .collect();
        let reason = match expression.truth(&operands) {
            Ok(true) => return None,
            Ok(false) => "it is false".to_owned(),
            Err(ExpressionError::NotBoolean { given }) => {
                format!("it is {given}, and has to be true or false")
            }
            Err(error) => error.to_string(),
        };
        let value = |reference| Some((Reference::to_string(reference), found(reference)?.clone()));
        Some(Mismatch::Where {
            expression: condition.expr.text().trim().to_owned(),
            line: condition.place.line,
            reason,
            values: references.iter().filter_map(value).collect(),
        })
    }

    fn judge_failure(&self, actual: RunFailure) -> Option<Mismatch> {
        let End::Failure {
            node,
            kind,
            message,
        } = &self.expect.end
        else {
            return None;
        };
        let as_said = node.as_ref().is_none_or(|node| actual.is_of(&node.text))
            && kind.as_ref().is_none_or(|kind| **kind == *actual.kind)
            && message
                .as_ref()
                .is_none_or(|part| actual.message.contains(&**part));
        if as_said {
            return None;
        }
        let parts = [
            node.as_ref()
                .map(|node| format!("of the node `{}`", node.text)),
            kind.as_ref().map(|kind| format!("of the kind {kind}")),
            message
                .as_ref()
                .map(|part| format!("with the words `{part}`")),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        Some(Mismatch::OtherFailure {
            expected: format!("a failure {}", parts.join(", ")),
            actual,
        })
    }
}
