//! What the outputs of a node with `each` are to others: lists.

use lockgate_model::{Json, Port, ValueKind};
use serde_json::{Value as Tree, json};

use super::shape;
use crate::document::{NodeEntry, OnFailure};

/// The output that a node's output becomes when it goes through a list.
pub(super) fn list_of(port: &Port, entry: &NodeEntry) -> Port {
    // A batch gives a list for each batch already, and what is known of that holds for the whole.
    let element = match entry.batch {
        None => shape::of_port(port).filter(|schema| !shape::has_reference(schema)),
        Some(_) => None,
    };
    // Where a null may stand for an element that gave nothing, nothing else is known of it.
    let is_sure = entry.on_failure == OnFailure::Fail && port.required;
    let items = element.filter(|_| is_sure).unwrap_or(Tree::Bool(true));
    Port {
        name: port.name.clone(),
        summary: port.summary.clone(),
        kind: ValueKind::Json,
        required: true,
        streaming: false,
        schema: Some(Json::from(&json!({"type": "array", "items": items}))),
    }
}
