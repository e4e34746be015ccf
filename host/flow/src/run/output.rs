//! What a run gives: the flow's outputs as values, and as JSON at the edge of a run.

use lockgate_model::{Outputs, Value};
use serde_json::Value as Tree;

use super::values::{Given, Nothing, Values};
use super::{RunError, Site};
use crate::expression::{Computed, ExpressionError};
use crate::plan::{PlanWire, WireSource};

/// The largest output of a run, in bytes: its texts, documents and encoded bytes together.
pub const MAX_OUTPUT_BYTES: usize = 16 << 20;

impl Values<'_> {
    /// The flow's outputs. An entry that refers to what is not there is left out.
    pub(super) fn outputs(&self) -> Result<Outputs, RunError> {
        let mut outputs = Vec::with_capacity(self.plan.outputs.len());
        let mut bytes = 0;
        for wire in &self.plan.outputs {
            let value = self.output(wire).map_err(|reason| RunError::Expression {
                site: Site::Output {
                    name: wire.name.clone(),
                },
                place: self.plan.source.place(wire.expr.at),
                reason,
            })?;
            let Some(value) = value else { continue };
            bytes += edge_size(&value);
            if bytes > MAX_OUTPUT_BYTES {
                return Err(RunError::OutputTooLarge);
            }
            outputs.push((wire.name.clone(), value));
        }
        Ok(outputs)
    }

    fn output(&self, wire: &PlanWire) -> Result<Option<Value>, ExpressionError> {
        let is_computed = matches!(wire.expr.from, WireSource::Computed(..));
        Ok(Some(match self.give(&wire.expr.from, None) {
            Ok(Given::Constant(value)) => value.clone(),
            Ok(Given::Whole(held)) => held.value.clone(),
            Ok(Given::Part(Tree::String(text), _)) => Value::text(text.as_str()),
            Ok(Given::Part(tree, _)) => Value::Json(tree.into()),
            Ok(Given::Computed(Computed::Text(text))) => Value::text(text),
            Ok(Given::Computed(Computed::Json(tree))) => Value::Json((&tree).into()),
            Err(Nothing::Needs(_)) => return Ok(None),
            Err(Nothing::Failed(ExpressionError::Missing { .. })) if !is_computed => {
                return Ok(None);
            }
            Err(Nothing::Failed(error)) => return Err(error),
        }))
    }
}

/// How large a value is as JSON, nearly.
fn edge_size(value: &Value) -> usize {
    match value {
        Value::Binary(blob) => blob.data.len().div_ceil(3) * 4,
        value => value.size(),
    }
}
