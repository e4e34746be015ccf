//! How much of values a journal holds.

use std::sync::Arc;

use lockgate_model::{Ident, Json, NodeOutcome, RunEvent, RunOutcome, Value};
use serde_json::{Value as Tree, json};

/// The largest value that a journal holds whole, in bytes.
pub const MAX_VALUE_BYTES: usize = 1 << 20;

/// How many bytes of values a journal holds. After that, only small ones are kept.
pub const MAX_JOURNAL_BYTES: usize = 64 << 20;

/// The key of the object that stands for a value which is too large: `{"$cut": {"bytes": 1234}}`.
pub const CUT_MARK: &str = "$cut";

/// The largest value that is held when a journal is full.
const SMALL_BYTES: usize = 256;

/// What a journal has used of what it may hold.
#[derive(Debug, Default)]
pub(super) struct Budget {
    bytes: usize,
    has_cut: bool,
}

impl Budget {
    /// Whether a value was cut.
    pub(super) fn has_cut(&self) -> bool {
        self.has_cut
    }

    /// Counts bytes that are held.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// An event whose values are held whole or cut.
    pub(super) fn cut(&mut self, mut event: RunEvent) -> RunEvent {
        match &mut event {
            RunEvent::RunStarted {
                input,
                vars,
                labels,
                ..
            } => {
                self.cut_tree(input);
                vars.values_mut().for_each(|value| self.cut_var(value));
                self.cut_all(labels);
            }
            RunEvent::NodeStarted { inputs, .. } => self.cut_all(inputs),
            RunEvent::NodePart { part, .. } => self.cut_value(part),
            RunEvent::NodeFinished { outcome, .. } => match outcome {
                NodeOutcome::Ok(outputs) | NodeOutcome::Pinned(outputs) => self.cut_all(outputs),
                NodeOutcome::Failed(_) | NodeOutcome::Cancelled => {}
            },
            RunEvent::RunFinished {
                outcome: RunOutcome::Ok(output),
            } => self.cut_tree(output),
            RunEvent::NodeLog { line, .. } => self.spend(line.len()),
            RunEvent::NodeRetrying { .. }
            | RunEvent::NodeSkipped { .. }
            | RunEvent::RunFinished { .. } => {}
        }
        event
    }

    fn cut_all(&mut self, values: &mut [(Ident, Value)]) {
        values
            .iter_mut()
            .for_each(|(_, value)| self.cut_value(value));
    }

    fn cut_value(&mut self, value: &mut Value) {
        let bytes = value.size();
        if self.takes(bytes) {
            self.spend(bytes);
        } else {
            self.has_cut = true;
            *value = Value::Json(Json::from(&mark(bytes)));
        }
    }

    fn cut_tree(&mut self, tree: &mut Arc<Tree>) {
        if let Some(mark) = self.mark_for(tree) {
            *tree = Arc::new(mark);
        }
    }

    fn cut_var(&mut self, tree: &mut Tree) {
        if let Some(mark) = self.mark_for(tree) {
            *tree = mark;
        }
    }

    /// What stands for a document that is too large; None for one that is held.
    fn mark_for(&mut self, tree: &Tree) -> Option<Tree> {
        let bytes = document_bytes(tree);
        if self.takes(bytes) {
            self.spend(bytes);
            return None;
        }
        self.has_cut = true;
        Some(mark(bytes))
    }

    fn takes(&self, bytes: usize) -> bool {
        let is_full = self.bytes.saturating_add(bytes) > MAX_JOURNAL_BYTES;
        bytes
            <= if is_full {
                SMALL_BYTES
            } else {
                MAX_VALUE_BYTES
            }
    }
}

fn mark(bytes: usize) -> Tree {
    json!({ CUT_MARK: { "bytes": bytes } })
}

/// The size of a document as text, nearly: what [`MAX_VALUE_BYTES`] bounds of it.
pub fn document_bytes(tree: &Tree) -> usize {
    match tree {
        Tree::Null | Tree::Bool(_) | Tree::Number(_) => 8,
        Tree::String(text) => text.len() + 2,
        Tree::Array(elements) => elements
            .iter()
            .map(|element| document_bytes(element) + 1)
            .sum(),
        Tree::Object(entries) => entries
            .iter()
            .map(|(key, value)| key.len() + document_bytes(value) + 4)
            .sum(),
    }
}
