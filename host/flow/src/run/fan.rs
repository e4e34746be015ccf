//! A node with `each`: which element is next, and what the elements gave, joined when all have ended.

use lockgate_model::{CallError, Ident, Json, NodeReceipt, Outputs, Port, Value};
use serde_json::Value as Tree;

use super::events::Mark;
use super::state::failure_tree;
use crate::coerce;

/// A node that goes through a list.
pub(super) struct Fan {
    pub(super) mark: Mark,
    pub(super) receipt: NodeReceipt,
    /// What has not begun yet, the next one first.
    items: std::vec::IntoIter<Tree>,
    batch: Option<usize>,
    begun: u32,
    /// By element or batch. None: it has not ended.
    results: Vec<Option<Part>>,
    ended: usize,
    failure: Option<Box<Tree>>,
    /// Of what the elements gave so far.
    pub(super) bytes: usize,
}

/// What an element or a batch gave.
enum Part {
    /// Outputs, of so many elements.
    Gave(Outputs, usize),
    /// It failed: a null for each of so many elements.
    Nulls(usize),
}

/// An element, or a batch of them.
pub(super) struct Item {
    pub(super) index: u32,
    pub(super) tree: Tree,
    /// How many elements it has, if it is a batch.
    pub(super) batch: Option<usize>,
}

impl Fan {
    pub(super) fn new(mark: Mark, elements: Vec<Tree>, batch: Option<u32>) -> Self {
        let batch = batch.map(|batch| batch as usize);
        let count = parts(elements.len(), batch);
        Self {
            mark,
            receipt: NodeReceipt::default(),
            items: elements.into_iter(),
            batch,
            begun: 0,
            results: std::iter::repeat_with(|| None).take(count).collect(),
            ended: 0,
            failure: None,
            bytes: 0,
        }
    }

    /// The next element or batch to begin.
    pub(super) fn next(&mut self) -> Option<Item> {
        let (tree, batch) = match self.batch {
            None => (self.items.next()?, None),
            Some(most) => {
                let elements: Vec<_> = self.items.by_ref().take(most).collect();
                let count = elements.len();
                (count > 0).then_some((Tree::Array(elements), Some(count)))?
            }
        };
        let index = self.begun;
        self.begun += 1;
        Some(Item { index, tree, batch })
    }

    /// Whether there is one more to begin.
    pub(super) fn has_next(&self) -> bool {
        !self.items.as_slice().is_empty()
    }

    /// Keeps what an element gave.
    pub(super) fn gave(&mut self, index: u32, batch: Option<usize>, outputs: Outputs) {
        self.bytes += outputs.iter().map(|(_, value)| value.size()).sum::<usize>();
        self.set(index, Part::Gave(outputs, batch.unwrap_or(1)));
    }

    /// Leaves a null in the place of an element that failed, or one for each element of a batch.
    pub(super) fn failed(&mut self, index: u32, batch: Option<usize>, error: &CallError) {
        if self.failure.is_none() {
            self.failure = Some(Box::new(failure_tree(error, Some(index))));
        }
        self.set(index, Part::Nulls(batch.unwrap_or(1)));
    }

    fn set(&mut self, index: u32, part: Part) {
        self.ended += 1;
        self.results[index as usize] = Some(part);
    }

    /// Whether all have ended.
    pub(super) fn is_over(&self) -> bool {
        self.ended == self.results.len()
    }

    /// A list for each output, in the order of the elements, and the first failure among them.
    pub(super) fn join(self, ports: &[Port]) -> (Outputs, Option<Box<Tree>>) {
        let mut lists: Vec<Vec<Json>> = ports.iter().map(|_| Vec::new()).collect();
        let batched = self.batch.is_some();
        for part in self.results.into_iter().flatten() {
            for (list, port) in lists.iter_mut().zip(ports) {
                let (value, count) = match &part {
                    Part::Nulls(count) => (None, *count),
                    Part::Gave(outputs, count) => (find(outputs, &port.name), *count),
                };
                match value {
                    Some(value) => extend(list, value, batched),
                    None => list.extend(std::iter::repeat_n(null(), count)),
                }
            }
        }
        let named = ports.iter().map(|port| port.name.clone());
        let lists = lists.iter().map(|list| Value::Json(Json::list(list)));
        (named.zip(lists).collect(), self.failure)
    }
}

/// How many calls a list takes.
pub(super) fn parts(elements: usize, batch: Option<usize>) -> usize {
    elements.div_ceil(batch.unwrap_or(1))
}

fn find<'a>(outputs: &'a Outputs, port: &Ident) -> Option<&'a Value> {
    let mut found = outputs.iter().filter(|(name, _)| name == port);
    found.next().map(|(_, value)| value)
}

/// Adds what an element gave on an output. A batch gave a list, whose length is checked.
fn extend(list: &mut Vec<Json>, value: &Value, batched: bool) {
    match value {
        Value::Json(json) if batched => list.extend(json.elements().into_iter().flatten()),
        Value::Json(json) => list.push(json.clone()),
        value => list.push(Json::from(&coerce::edge(value))),
    }
}

fn null() -> Json {
    Json::from(&Tree::Null)
}
