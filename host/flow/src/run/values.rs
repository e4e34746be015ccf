//! What the expressions of a run refer to, and what they give.

use std::sync::{Arc, OnceLock};

use lockgate_model::{Ident, Value, ValueKind};
use serde_json::Value as Tree;

use super::state::Slot;
use crate::coerce::{self, From};
use crate::expression::{
    Computed, Expression, ExpressionError, MAX_OPENED_BYTES, Operand, at_path, truth_of, type_name,
};
use crate::plan::{Origin, Plan, PlanExpr, PlanWire, Root, WireSource};

/// What a run's expressions refer to.
pub(super) struct Values<'p> {
    pub(super) plan: &'p Plan,
    pub(super) input: Arc<Tree>,
    pub(super) vars: Arc<Tree>,
    /// By node.
    pub(super) slots: Vec<Slot>,
}

/// An output, and the document in it once an expression looked into it.
pub(super) struct Held {
    pub(super) value: Value,
    tree: OnceLock<Tree>,
}

/// What `item` and `index` are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) item: &'a Tree,
    pub(super) index: &'a Tree,
}

/// Why an expression gave nothing.
#[derive(Debug)]
pub(super) enum Nothing {
    /// It needs an output of this node, which was skipped or failed; or its failure, and it did not fail.
    Needs(Ident),
    /// It failed.
    Failed(ExpressionError),
}

impl std::convert::From<ExpressionError> for Nothing {
    fn from(error: ExpressionError) -> Self {
        Self::Failed(error)
    }
}

/// What an expression gives.
pub(super) enum Given<'a> {
    Constant(&'a Value),
    Whole(&'a Held),
    Part(&'a Tree, From),
    Computed(Computed),
}

/// What a reference refers to.
enum Found<'a> {
    Whole(&'a Held),
    Part(&'a Tree, From),
}

impl<'p> Values<'p> {
    /// The value of an input of a node. None where the input is optional and there is nothing for it.
    pub(super) fn input(
        &self,
        wire: &PlanWire,
        element: Option<Element<'_>>,
    ) -> Result<Option<Value>, Nothing> {
        let given = match self.give(&wire.expr.from, element) {
            Ok(given) => given,
            Err(Nothing::Needs(_)) if !wire.required => return Ok(None),
            Err(Nothing::Failed(ExpressionError::Missing { .. }))
                if !wire.required && !matches!(wire.expr.from, WireSource::Computed(..)) =>
            {
                return Ok(None);
            }
            Err(nothing) => return Err(nothing),
        };
        let value = match given {
            Given::Constant(value) => value.clone(),
            Given::Whole(held) => coerce::whole(&held.value, wire.kind)?,
            Given::Part(tree, from) => coerce::tree(tree, wire.kind, from)?,
            Given::Computed(computed) => coerce::computed(computed, wire.kind)?,
        };
        Ok(Some(value))
    }

    /// Whether a `when` is true.
    pub(super) fn truth(&self, expr: &PlanExpr) -> Result<bool, Nothing> {
        let tree = self.tree(expr)?;
        truth_of(&tree).map_err(Nothing::Failed)
    }

    /// The elements of an `each`.
    pub(super) fn elements(&self, expr: &PlanExpr) -> Result<Vec<Tree>, Nothing> {
        match self.tree(expr)? {
            Tree::Array(elements) => Ok(elements),
            other => Err(Nothing::Failed(ExpressionError::NoList {
                given: type_name(&other),
            })),
        }
    }

    /// What an expression gives, as JSON.
    fn tree(&self, expr: &PlanExpr) -> Result<Tree, Nothing> {
        Ok(match self.give(&expr.from, None)? {
            Given::Constant(value) => coerce::edge(value),
            Given::Whole(held) => match held.open()? {
                Some(tree) => tree.clone(),
                None => coerce::edge(&held.value),
            },
            Given::Part(tree, _) => tree.clone(),
            Given::Computed(Computed::Text(text)) => Tree::String(text),
            Given::Computed(Computed::Json(tree)) => tree,
        })
    }

    /// What an expression gives.
    pub(super) fn give<'a>(
        &'a self,
        from: &'a WireSource,
        element: Option<Element<'a>>,
    ) -> Result<Given<'a>, Nothing> {
        match from {
            WireSource::Constant(value) => Ok(Given::Constant(value)),
            WireSource::Lone(origin) => self.first(std::slice::from_ref(origin), element),
            WireSource::First(origins) => self.first(origins, element),
            WireSource::Computed(expression, origins) => {
                let result = self.compute(expression, origins, element);
                match result {
                    Ok(computed) => Ok(Given::Computed(computed)),
                    Err(error) => Err(self.why_missing(error, origins)),
                }
            }
        }
    }

    /// The first that is there.
    fn first<'a>(
        &'a self,
        origins: &'a [Origin],
        element: Option<Element<'a>>,
    ) -> Result<Given<'a>, Nothing> {
        for origin in origins {
            match self.find(origin, element)? {
                Some(Found::Whole(held)) => return Ok(Given::Whole(held)),
                Some(Found::Part(tree, from)) => return Ok(Given::Part(tree, from)),
                None => {}
            }
        }
        if let Some(node) = origins.iter().find_map(|origin| self.absent(origin)) {
            return Err(Nothing::Needs(node));
        }
        let written: Vec<_> = origins.iter().map(|origin| self.written(origin)).collect();
        Err(Nothing::Failed(ExpressionError::Missing {
            reference: written.join(", "),
            index: None,
        }))
    }

    fn compute(
        &self,
        expression: &Expression,
        origins: &[Origin],
        element: Option<Element<'_>>,
    ) -> Result<Computed, ExpressionError> {
        let operands = origins
            .iter()
            .zip(&expression.valued)
            .map(|(origin, valued)| {
                Ok(match self.find(origin, element)? {
                    None => None,
                    Some(_) if !valued => Some(Operand::Present),
                    Some(Found::Part(tree, _)) => Some(Operand::Tree(tree)),
                    Some(Found::Whole(held)) => Some(held.operand()?),
                })
            });
        let operands = operands.collect::<Result<Vec<_>, ExpressionError>>()?;
        expression.compute(&operands)
    }

    /// An expression that needs what a node did not give is no expression that failed.
    fn why_missing(&self, error: ExpressionError, origins: &[Origin]) -> Nothing {
        let index = match &error {
            ExpressionError::Missing { index, .. } => *index,
            _ => None,
        };
        let origin = index.and_then(|index| origins.get(index));
        match origin.and_then(|origin| self.absent(origin)) {
            Some(node) => Nothing::Needs(node),
            None => Nothing::Failed(error),
        }
    }

    fn find<'a>(
        &'a self,
        origin: &Origin,
        element: Option<Element<'a>>,
    ) -> Result<Option<Found<'a>>, ExpressionError> {
        let part =
            |tree: &'a Tree, from| at_path(tree, &origin.path).map(|tree| Found::Part(tree, from));
        Ok(match origin.root {
            Root::Input => part(&self.input, From::Input),
            Root::Vars => part(&self.vars, From::Output),
            Root::Item => element.and_then(|element| part(element.item, From::Input)),
            Root::Index => element.and_then(|element| part(element.index, From::Output)),
            Root::Failure { node } => {
                let failure = self.slots[node as usize].failure();
                failure.and_then(|tree| part(tree, From::Output))
            }
            Root::Output { node, port } => {
                let Some(held) = self.slots[node as usize].output(port) else {
                    return Ok(None);
                };
                if origin.path.is_empty() {
                    return Ok(Some(Found::Whole(held)));
                }
                held.open()?.and_then(|tree| part(tree, From::Output))
            }
        })
    }

    /// The node that a reference is to, if that did not give its outputs, or did not fail where its failure is meant.
    fn absent(&self, origin: &Origin) -> Option<Ident> {
        let node = match origin.root {
            Root::Output { node, .. } if self.slots[node as usize].is_absent() => node,
            Root::Failure { node } => node,
            _ => return None,
        };
        Some(self.plan.nodes[node as usize].name.clone())
    }

    /// A reference as the document writes it.
    fn written(&self, origin: &Origin) -> String {
        crate::excerpt::quoted(&self.plan.written(origin))
    }
}

impl Held {
    pub(super) fn new(value: Value) -> Self {
        Self {
            value,
            tree: OnceLock::new(),
        }
    }

    /// The document, parsed once for all that look into it. None where the value is no document.
    fn open(&self) -> Result<Option<&Tree>, ExpressionError> {
        let Value::Json(json) = &self.value else {
            return Ok(None);
        };
        let bytes = json.as_str().len();
        if bytes > MAX_OPENED_BYTES {
            return Err(ExpressionError::TooLargeToOpen { bytes });
        }
        Ok(Some(self.tree.get_or_init(|| json.to_tree())))
    }

    fn operand(&self) -> Result<Operand<'_>, ExpressionError> {
        match (&self.value, self.open()?) {
            (Value::Text(text), _) => Ok(Operand::Text(text)),
            (_, Some(tree)) => Ok(Operand::Tree(tree)),
            (_, None) => Err(ExpressionError::WrongKind {
                given: coerce::kind_name(ValueKind::Binary),
                wanted: "text or JSON: expressions do not compute with bytes",
            }),
        }
    }
}
