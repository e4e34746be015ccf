//! What a value becomes on its way into a port, and out of the flow. `docs/flow-format.md` has this as a table.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockgate_model::{Blob, Ident, Json, Value, ValueKind};
use serde_json::Value as Tree;

use crate::expression::{Computed, ExpressionError, type_name};

/// Where a document comes from. Only a run's input can hold bytes, as `{"media_type", "base64"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// The run's input, by a lone reference.
    Input,
    /// A part of a node's output, by a lone reference.
    Output,
}

/// Whether an output of kind `from` can travel whole into an input of kind `to`. What only the value decides is true.
pub(crate) fn fits(from: ValueKind, to: ValueKind) -> bool {
    from == ValueKind::Any || to.admits(from) || (from, to) == (ValueKind::Text, ValueKind::Json)
}

/// A whole output into a port. It stays what it is, but for text into a port for JSON: a string.
pub(crate) fn whole(value: &Value, to: ValueKind) -> Result<Value, ExpressionError> {
    match value {
        value if to.admits(value.kind()) => Ok(value.clone()),
        Value::Text(text) if to == ValueKind::Json => {
            Ok(Value::Json(Json::from(&Tree::from(text.as_ref()))))
        }
        value => Err(wrong_kind(kind_name(value.kind()), to)),
    }
}

/// A document, or a part of one, into a port: strings are text where a port takes text.
pub(crate) fn tree(tree: &Tree, to: ValueKind, from: From) -> Result<Value, ExpressionError> {
    match (tree, to) {
        (Tree::String(text), ValueKind::Text | ValueKind::Any) => Ok(Value::text(text.as_str())),
        (_, ValueKind::Json | ValueKind::Any) => Ok(Value::Json(Json::from(tree))),
        (_, ValueKind::Binary) if from == From::Input => blob(tree),
        _ => Err(wrong_kind(type_name(tree), to)),
    }
}

/// What a value of a run's input becomes on its way into a port of kind `to`, as a lone reference hands it over. For callers
/// that give a node its inputs without a flow.
///
/// # Errors
///
/// Where the value does not fit the port.
pub fn input_value(value: &Tree, to: ValueKind) -> Result<Value, ExpressionError> {
    tree(value, to, From::Input)
}

/// A value as JSON, as it is at the edges of a run: text is a string, and bytes are `{"media_type", "base64"}`.
pub(crate) fn edge(value: &Value) -> Tree {
    match value {
        Value::Text(text) => Tree::String(text.to_string()),
        Value::Json(json) => json.to_tree(),
        Value::Binary(blob) => serde_json::json!({
            "media_type": *blob.media_type,
            "base64": STANDARD.encode(&blob.data),
        }),
    }
}

/// Named values as one JSON object.
pub(crate) fn edges(values: &[(Ident, Value)]) -> Tree {
    let entry = |(name, value): &(Ident, Value)| (name.to_string(), edge(value));
    Tree::Object(values.iter().map(entry).collect())
}

/// What an expression computed into a port.
pub(crate) fn computed(result: Computed, to: ValueKind) -> Result<Value, ExpressionError> {
    match (result, to) {
        (Computed::Text(text), ValueKind::Text | ValueKind::Any) => Ok(Value::text(text)),
        (Computed::Text(text), ValueKind::Json) => Ok(Value::Json(Json::from(&Tree::String(text)))),
        (Computed::Text(_), ValueKind::Binary) => Err(wrong_kind("text", to)),
        (Computed::Json(value), ValueKind::Json | ValueKind::Any) => {
            Ok(Value::Json(Json::from(&value)))
        }
        (Computed::Json(value), ValueKind::Text | ValueKind::Binary) => {
            Err(wrong_kind(type_name(&value), to))
        }
    }
}

/// Bytes as a run's input has them.
fn blob(tree: &Tree) -> Result<Value, ExpressionError> {
    let wrong = |given| Err(wrong_kind(given, ValueKind::Binary));
    let Some(fields) = tree.as_object() else {
        return wrong(type_name(tree));
    };
    let text = |key| fields.get(key).and_then(Tree::as_str);
    let (Some(media_type), Some(base64), 2) = (text("media_type"), text("base64"), fields.len())
    else {
        return wrong("an object of another shape");
    };
    match STANDARD.decode(base64) {
        Ok(data) => Ok(Value::Binary(Blob {
            media_type: Arc::from(media_type),
            data: data.into(),
        })),
        Err(_) => wrong("an object whose `base64` is none"),
    }
}

fn wrong_kind(given: &'static str, to: ValueKind) -> ExpressionError {
    ExpressionError::WrongKind {
        given,
        wanted: kind_name(to),
    }
}

/// A kind with its article, as messages say it.
pub(crate) fn kind_name(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Text => "text",
        ValueKind::Json => "a JSON document",
        ValueKind::Binary => "bytes (an object with `media_type` and `base64`)",
        ValueKind::Any => "anything",
    }
}
