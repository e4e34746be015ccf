//! The macro `first(…)`: the first of its arguments that is there.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, operators};

use super::functions::{FIRST, MAX_FIRST_ARGUMENTS};
use super::lower::{Lowering, presence_variable, reference_of};
use super::parse::ParseFault;
use crate::fault::Code;

/// Whether a call is the macro. One that is not called as it has to be is refused as any function is.
pub(super) fn is_first(call: &CallExpr) -> bool {
    call.func_name == FIRST
        && call.target.is_none()
        && (1..=MAX_FIRST_ARGUMENTS).contains(&call.args.len())
}

/// Whether a tree is the macro over references and nothing else.
pub(super) fn is_of_references(tree: &IdedExpr) -> bool {
    let is_reference = |argument| reference_of(argument).is_some();
    matches!(&tree.expr, Expr::Call(call) if is_first(call) && call.args.iter().all(is_reference))
}

impl Lowering<'_> {
    /// `first(a.b, c.d, 'none')` becomes `has(a.b) ? a.b : has(c.d) ? c.d : 'none'`.
    pub(super) fn first(&mut self, arguments: Vec<IdedExpr>) -> Option<IdedExpr> {
        let last = arguments.len().saturating_sub(1);
        let lowered = arguments
            .into_iter()
            .enumerate()
            .map(|(nth, mut argument)| {
                let reference = reference_of(&argument).map(|reference| self.index(reference));
                self.expr(&mut argument);
                if reference.is_none() && nth < last {
                    self.refuse_unreached(nth + 1);
                }
                (reference, argument)
            });
        let lowered: Vec<_> = lowered.collect();
        lowered
            .into_iter()
            .rev()
            .fold(None, |rest, (reference, argument)| {
                match (reference, rest) {
                    (Some(index), Some(rest)) => Some(conditional(index, argument, rest)),
                    _ => Some(argument),
                }
            })
    }

    fn refuse_unreached(&mut self, argument: usize) {
        let message = format!(
            "`first` uses none of its arguments after number {argument}, which is no reference and so is always there"
        );
        let at = self.tokens.call(FIRST);
        let fault = ParseFault::new(Code::WrongArguments, at, message);
        self.faults
            .push(fault.help("put it last: it is used where nothing before it is there"));
    }
}

/// A reference's value if it refers to something, and `rest` otherwise.
fn conditional(index: usize, value: IdedExpr, rest: IdedExpr) -> IdedExpr {
    let id = value.id;
    let presence = IdedExpr {
        id,
        expr: Expr::Ident(presence_variable(index)),
    };
    IdedExpr {
        id,
        expr: Expr::Call(CallExpr {
            func_name: operators::CONDITIONAL.to_owned(),
            target: None,
            args: vec![presence, value, rest],
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::{Body, Computed, ExpressionError, Operand, parse};
    use super::*;

    /// Evaluates with each reference bound to what its name is in `values`.
    fn compute(text: &str, values: &Json) -> Result<Json, ExpressionError> {
        let expression = parse(text).expect(text);
        let operand = |reference: &super::super::Reference| {
            let value = values.get(reference.to_string());
            value.map(Operand::Tree)
        };
        let operands: Vec<_> = expression.references.iter().map(operand).collect();
        expression
            .compute(&operands)
            .map(|computed| match computed {
                Computed::Text(text) => Json::String(text),
                Computed::Json(value) => value,
            })
    }

    fn missing(reference: &str, index: usize) -> Result<Json, ExpressionError> {
        Err(ExpressionError::Missing {
            reference: reference.to_owned(),
            index: Some(index),
        })
    }

    #[test]
    fn over_references_alone_it_hands_over() {
        for (text, references) in [
            ("first(a.text)", vec!["a.text"]),
            ("first(a.text, b.text)", vec!["a.text", "b.text"]),
            (" ( first( b.x[0] , input ) ) ", vec!["b.x[0]", "input"]),
            ("first(b.x, a.x, b.x)", vec!["b.x", "a.x"]),
        ] {
            let expression = parse(text).expect(text);
            assert!(matches!(expression.body, Body::First), "{text}");
            let names: Vec<_> = expression
                .references
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(names, references, "{text}");
            assert!(expression.valued.iter().all(|valued| *valued), "{text}");
        }
        for text in [
            "first(a.x, 'y')",
            "first(a.x, b.x) + ''",
            "[first(a.x, b.x)]",
        ] {
            let expression = parse(text).expect(text);
            assert!(matches!(expression.body, Body::Computed(_)), "{text}");
        }
    }

    #[test]
    fn the_first_that_is_there_is_used() {
        let values = json!({"b.x": "bee", "c.x": "sea", "c.list": [1, 2]});
        for (text, expected) in [
            ("first(a.x, b.x, c.x) + '!'", json!("bee!")),
            ("first(c.x, b.x) + '!'", json!("sea!")),
            ("first(a.x, 'none')", json!("none")),
            ("first(b.x, 'none')", json!("bee")),
            ("first(a.x, b.x + c.x)", json!("beesea")),
            ("first(a.x, first(z.x, c.x)) + ''", json!("sea")),
            ("size(first(a.list, c.list, []))", json!(2)),
            ("first(a.list, c.list)[1] + 1", json!(3)),
            ("first('only')", json!("only")),
            ("has(a.x) ? a.x : first(b.x, 'none')", json!("bee")),
            ("first(a.x, b.x) == b.x && !has(a.x)", json!(true)),
        ] {
            assert_eq!(compute(text, &values), Ok(expected), "{text}");
        }
    }

    #[test]
    fn null_is_there() {
        assert_eq!(
            compute("first(a.x, 1)", &json!({"a.x": null})),
            Ok(json!(null))
        );
    }

    #[test]
    fn with_nothing_there_the_last_is_missing() {
        let none = json!({});
        assert_eq!(compute("first(a.x, b.x) + ''", &none), missing("b.x", 1));
        assert_eq!(compute("first(a.x, b.x + c.x)", &none), missing("b.x", 1));
        assert_eq!(
            compute("string(first(a.x)) + b.x", &none),
            missing("a.x", 0)
        );
    }

    #[test]
    fn what_it_could_never_use_is_refused() {
        for text in [
            "first()",
            "first('a', b.x)",
            "first(a.x + '!', b.x)",
            "first(first(a.x, b.x), c.x)",
            "a.first(b.x)",
            &format!("first({}a.x)", "a.x, ".repeat(16)),
        ] {
            let faults = parse(text).expect_err(text);
            let codes: Vec<_> = faults.iter().map(|fault| fault.code).collect();
            assert_eq!(codes, [Code::WrongArguments], "{text}");
            assert_eq!(&text[faults[0].at.clone()], "first", "{text}");
        }
        let most = format!("first({}a.x)", "a.x, ".repeat(15));
        assert!(parse(&most).is_ok());
    }

    #[test]
    fn its_arguments_count_as_operators_and_levels() {
        let nested = |levels: usize, arguments: usize| {
            let open = format!("first({}", "a,".repeat(arguments - 1)).repeat(levels);
            format!("{open}1{}", ")".repeat(levels))
        };
        assert!(parse(&nested(3, 16)).is_ok());
        for text in [nested(5, 16), nested(60, 3), nested(50, 16)] {
            let faults = parse(&text).expect_err("too large");
            assert_eq!(faults[0].code, Code::ExpressionTooLarge, "{text}");
        }
    }
}
