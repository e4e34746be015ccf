//! One evaluation of one expression.

use std::sync::{Arc, LazyLock};

use cel::common::types::CelString;
use cel::{Context, Env, ExecutionError, IdedExpr, Value as Cel, extensions};
use serde_json::Value as Json;

use super::lower::{presence_variable, value_variable};
use super::{Body, Expression, convert, cost};
use crate::excerpt::quoted;

/// The most bytes that one evaluation copies and compares, and so a bound for its memory and its result.
pub const MAX_EXPRESSION_WORK: u64 = 256 << 20;

/// What a reference refers to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operand<'a> {
    Text(&'a str),
    Tree(&'a Json),
    /// It is there, and the expression asks for no more.
    Present,
}

/// Why an expression gave no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It needs what is not there.
    #[error("`{reference}` is not there")]
    Missing {
        /// What it refers to, as the document writes it.
        reference: String,
        /// Which of the expression's references that is, from 0, where it is one of an expression's. Of a `first(…)`
        /// with nothing there it is the last.
        index: Option<usize>,
    },
    /// It failed while it was computed.
    #[error("{0}")]
    Failed(String),
    /// It would copy too much.
    #[error("it would copy {bytes} bytes, and at most {MAX_EXPRESSION_WORK} are allowed")]
    TooMuchWork {
        /// A bound of what it would copy.
        bytes: u64,
    },
    /// It looks into a document that is too large for that.
    #[error("it looks into a document of {bytes} bytes, and at most {most} are allowed", most = super::MAX_OPENED_BYTES)]
    TooLargeToOpen {
        /// The document's size.
        bytes: usize,
    },
    /// Its result is not what the port takes.
    #[error("it gives {given}, and the port takes {wanted}")]
    WrongKind {
        /// What it gives.
        given: &'static str,
        /// What the port takes.
        wanted: &'static str,
    },
    /// Its result is to be gone through, and is no list.
    #[error("it gives {given}, and `each` goes through a list")]
    NoList {
        /// What it gives.
        given: &'static str,
    },
    /// Its result decides something, and is neither true nor false.
    #[error(
        "it gives {given}, and has to give true or false: compare it, as in `size(a.text) > 0`, or ask `has(a.text)`"
    )]
    NotBoolean {
        /// What it gives.
        given: &'static str,
    },
}

/// The functions, made once. More are registered here than expressions may call: which those are is checked when an
/// expression is read.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::default().with_optional_support(false).with_stdlib();
    // It fails for a function that is there twice, and every test of a string function would.
    let _ = env.add_extension(extensions::strings);
    Arc::new(env)
});

impl Expression {
    /// Whether the expression is true, over what its references refer to, in their order. Anything but a boolean is an
    /// error.
    pub(crate) fn truth(&self, operands: &[Option<Operand<'_>>]) -> Result<bool, ExpressionError> {
        match &self.body {
            Body::Computed(_) => match self.compute(operands)? {
                convert::Result::Json(tree) => truth_of(&tree),
                convert::Result::Text(_) => Err(ExpressionError::NotBoolean { given: "text" }),
            },
            Body::Lone | Body::First => match operands.iter().flatten().next() {
                Some(Operand::Tree(tree)) => truth_of(tree),
                Some(Operand::Text(_)) => Err(ExpressionError::NotBoolean { given: "text" }),
                Some(Operand::Present) | None => {
                    Err(self.missing(self.references.len().saturating_sub(1)))
                }
            },
        }
    }

    /// The error for a reference that refers to nothing.
    pub(crate) fn missing(&self, index: usize) -> ExpressionError {
        let reference = self.references.get(index).map(ToString::to_string);
        ExpressionError::Missing {
            reference: quoted(reference.as_deref().unwrap_or("it")),
            index: Some(index),
        }
    }

    /// Computes the expression over what its references refer to, in their order. Not for [`Body::Lone`] and
    /// [`Body::First`], which hand over what is there.
    pub(crate) fn compute(
        &self,
        operands: &[Option<Operand<'_>>],
    ) -> Result<convert::Result, ExpressionError> {
        let Body::Computed(tree) = &self.body else {
            return Err(ExpressionError::Failed("it is a reference".to_owned()));
        };
        check_work(tree, operands)?;
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        for (index, operand) in operands.iter().enumerate() {
            context.add_variable_from_value(presence_variable(index), operand.is_some());
            match operand {
                Some(Operand::Text(text)) => {
                    context.add_variable_as_val(
                        value_variable(index),
                        Box::new(CelString::from(*text)),
                    );
                }
                Some(Operand::Tree(tree)) => {
                    context.add_variable_from_value(value_variable(index), convert::to_cel(tree))
                }
                Some(Operand::Present) | None => {}
            }
        }
        let value = Cel::resolve(tree, &context).map_err(|error| self.explain(&error))?;
        convert::from_cel(&value).map_err(|reason| ExpressionError::Failed(reason.to_owned()))
    }

    fn explain(&self, error: &ExecutionError) -> ExpressionError {
        ExpressionError::Failed(match error {
            ExecutionError::UndeclaredReference(name) => {
                let is_it = |index: &usize| value_variable(*index) == **name;
                return match (0..self.references.len()).find(is_it) {
                    Some(index) => self.missing(index),
                    None => ExpressionError::Missing {
                        reference: quoted(name),
                        index: None,
                    },
                };
            }
            ExecutionError::NoSuchKey(key) => format!("there is no key `{}`", quoted(key)),
            ExecutionError::IndexOutOfBounds(Cel::Int(index)) => {
                format!("there is no element {index}, counted from 0")
            }
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
                "it divides by zero".to_owned()
            }
            ExecutionError::Overflow(..) => "a number in it does not fit in 64 bits".to_owned(),
            ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
                format!(
                    "`{operator}` does not take {} and {}",
                    left.type_of(),
                    right.type_of()
                )
            }
            ExecutionError::ValuesNotComparable(left, right) => {
                format!(
                    "{} and {} cannot be compared",
                    left.type_of(),
                    right.type_of()
                )
            }
            ExecutionError::NoSuchOverload(overload) => {
                let types = overload.argument_types().join(", ");
                format!(
                    "`{}` does not take ({types})",
                    overload.function().trim_matches('_')
                )
            }
            other => quoted(&other.to_string()),
        })
    }
}

/// Whether a document is `true`. Anything but a boolean is an error.
pub(crate) fn truth_of(tree: &Json) -> Result<bool, ExpressionError> {
    tree.as_bool().ok_or(ExpressionError::NotBoolean {
        given: convert::type_name(tree),
    })
}

fn check_work(tree: &IdedExpr, operands: &[Option<Operand<'_>>]) -> Result<(), ExpressionError> {
    let sizes: Vec<(String, u64)> = operands
        .iter()
        .enumerate()
        .map(|(index, operand)| {
            let size = match operand {
                Some(Operand::Text(text)) => text.len() as u64,
                Some(Operand::Tree(tree)) => cost::size(tree),
                Some(Operand::Present) | None => 0,
            };
            (value_variable(index), size)
        })
        .collect();
    let conversions = sizes
        .iter()
        .map(|(_, size)| *size)
        .fold(0, u64::saturating_add);
    let sizes: std::collections::HashMap<String, u64> = sizes.into_iter().collect();
    let size = |name: &str| sizes.get(name).copied().unwrap_or(1);
    let bytes = cost::work(tree, &size).saturating_add(conversions);
    if bytes > MAX_EXPRESSION_WORK {
        return Err(ExpressionError::TooMuchWork { bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::parse;
    use super::*;

    fn truth(text: &str, operands: &[Option<Operand<'_>>]) -> Result<bool, ExpressionError> {
        parse(text).expect(text).truth(operands)
    }

    fn not_boolean(given: &'static str) -> Result<bool, ExpressionError> {
        Err(ExpressionError::NotBoolean { given })
    }

    #[test]
    fn only_booleans_are_true_or_false() {
        let (yes, no, one) = (json!(true), json!(false), json!(1));
        let [yes, no, one] = [&yes, &no, &one].map(|tree| Some(Operand::Tree(tree)));
        let text = Some(Operand::Text("true"));
        assert_eq!(truth("true", &[]), Ok(true));
        assert_eq!(truth("a.x", &[yes]), Ok(true));
        assert_eq!(truth("a.x", &[no]), Ok(false));
        assert_eq!(truth("!a.x", &[yes]), Ok(false));
        assert_eq!(truth("first(a.x, b.x)", &[None, yes]), Ok(true));
        assert_eq!(truth("first(a.x, b.x)", &[no, yes]), Ok(false));
        assert_eq!(truth("first(a.x, true)", &[None]), Ok(true));
        assert_eq!(truth("has(a.x)", &[Some(Operand::Present)]), Ok(true));
        assert_eq!(truth("has(a.x)", &[None]), Ok(false));
        assert_eq!(truth("a.x", &[one]), not_boolean("a number"));
        assert_eq!(truth("a.x", &[text]), not_boolean("text"));
        assert_eq!(truth("a.x + 1", &[one]), not_boolean("a number"));
        assert_eq!(truth("a.x + ''", &[text]), not_boolean("text"));
        assert_eq!(truth("null", &[]), not_boolean("null"));
        assert_eq!(truth("[true]", &[]), not_boolean("a list"));
    }

    #[test]
    fn a_truth_that_is_not_there_says_which() {
        let missing = |reference: &str, index| {
            Err(ExpressionError::Missing {
                reference: reference.to_owned(),
                index: Some(index),
            })
        };
        assert_eq!(truth("a.x", &[None]), missing("a.x", 0));
        assert_eq!(truth("first(a.x, b.x)", &[None, None]), missing("b.x", 1));
        let yes = json!(true);
        let yes = Some(Operand::Tree(&yes));
        assert_eq!(truth("a.x && b.y", &[yes, None]), missing("b.y", 1));
    }

    #[test]
    fn a_failure_is_a_reference_like_others() {
        let kind = Some(Operand::Text("timeout"));
        let text = "has(primary.failure) && primary.failure.kind == 'timeout'";
        assert_eq!(truth(text, &[Some(Operand::Present), kind]), Ok(true));
        assert_eq!(truth(text, &[None, None]), Ok(false));
    }
}
