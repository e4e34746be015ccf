//! What a run holds: its input, the outputs that somebody still needs, and how many outputs each node waits for.

use std::collections::VecDeque;
use std::sync::OnceLock;

use lockgate_model::{Ident, Input, Outputs, Value, ValueKind};
use serde_json::{Map, Value as Tree};

use super::{RunError, Site};
use crate::coerce::{self, From};
use crate::expression::{
    Computed, Expression, ExpressionError, MAX_OPENED_BYTES, Operand, at_path,
};
use crate::plan::{Origin, Plan, PlanWire, Root, WireSource};

/// How many bytes of outputs a run holds at once. An output is let go when nobody needs it any more.
pub const MAX_HELD_BYTES: usize = 256 << 20;

/// The largest output of a run, in bytes: its texts, documents and encoded bytes together.
pub const MAX_OUTPUT_BYTES: usize = 16 << 20;

pub(super) struct State<'p> {
    plan: &'p Plan,
    input: Tree,
    /// By node, then by output as its ports have them.
    outputs: Vec<Box<[Option<Held>]>>,
    /// Of each node, how many nodes it waits for.
    waiting: Vec<u32>,
    /// Of each node, how many nodes and outputs have not read from it yet.
    readers: Vec<u32>,
    held_bytes: usize,
}

/// An output, and the document in it once an expression looked into it.
struct Held {
    value: Value,
    tree: OnceLock<Tree>,
}

/// What a reference refers to.
enum Found<'a> {
    Whole(&'a Held),
    Part(&'a Tree, From),
}

impl<'p> State<'p> {
    pub(super) fn new(plan: &'p Plan, input: Tree) -> Self {
        Self {
            plan,
            input,
            outputs: plan.nodes.iter().map(|_| Box::default()).collect(),
            waiting: plan
                .nodes
                .iter()
                .map(|node| node.needs.len() as u32)
                .collect(),
            readers: plan.readers.to_vec(),
            held_bytes: 0,
        }
    }

    /// The nodes that need no other.
    pub(super) fn ready_at_first(&self) -> impl Iterator<Item = u32> + use<> {
        let plan = self.plan.nodes.iter().zip(0..);
        let ready: Vec<u32> = plan
            .filter(|(node, _)| node.needs.is_empty())
            .map(|(_, index)| index)
            .collect();
        ready.into_iter()
    }

    /// A node's inputs. What only it still needed is let go.
    pub(super) fn inputs(&mut self, node: u32) -> Result<Vec<(Ident, Input)>, RunError> {
        let node = &self.plan.nodes[node as usize];
        let mut inputs = Vec::with_capacity(node.wires.len());
        for wire in &node.wires {
            let value = self
                .wire_value(wire)
                .map_err(|reason| RunError::Expression {
                    site: Site::Input {
                        node: node.name.clone(),
                        port: wire.name.clone(),
                    },
                    place: self.plan.source.place(wire.at),
                    reason,
                })?;
            inputs.extend(value.map(|value| (wire.name.clone(), Input::Value(value))));
        }
        for &need in &node.needs {
            self.readers[need as usize] -= 1;
            self.let_go(need);
        }
        Ok(inputs)
    }

    /// Keeps a node's outputs, and adds the nodes that have all they need now.
    pub(super) fn accept(
        &mut self,
        node: u32,
        outputs: Outputs,
        ready: &mut VecDeque<u32>,
    ) -> Result<(), RunError> {
        let index = node as usize;
        if self.readers[index] > 0 {
            let ports = &self.plan.nodes[index].runner.ports().outputs;
            let mut held: Box<[Option<Held>]> = ports.iter().map(|_| None).collect();
            for (nth, (name, value)) in outputs.into_iter().enumerate() {
                // Most nodes give their outputs in the order in which they declare them.
                let in_order = ports.get(nth).is_some_and(|port| port.name == name);
                let place = if in_order {
                    Some(nth)
                } else {
                    ports.iter().position(|port| port.name == name)
                };
                if let Some(place) = place {
                    self.held_bytes += value.size();
                    held[place] = Some(Held {
                        value,
                        tree: OnceLock::new(),
                    });
                }
            }
            self.outputs[index] = held;
            if self.held_bytes > MAX_HELD_BYTES {
                return Err(RunError::TooMuchHeld {
                    bytes: self.held_bytes,
                });
            }
        }
        for &dependent in &self.plan.nodes[index].dependents {
            self.waiting[dependent as usize] -= 1;
            if self.waiting[dependent as usize] == 0 {
                ready.push_back(dependent);
            }
        }
        Ok(())
    }

    fn let_go(&mut self, node: u32) {
        if self.readers[node as usize] == 0 {
            let held = std::mem::take(&mut self.outputs[node as usize]);
            self.held_bytes -= held
                .iter()
                .flatten()
                .map(|held| held.value.size())
                .sum::<usize>();
        }
    }

    /// The run's output. An entry that refers to what is not there is left out.
    pub(super) fn output(&self) -> Result<Tree, RunError> {
        let mut output = Map::new();
        let mut bytes = 0;
        for wire in &self.plan.outputs {
            let value =
                self.wire_tree(wire, &mut bytes)
                    .map_err(|reason| RunError::Expression {
                        site: Site::Output {
                            name: wire.name.clone(),
                        },
                        place: self.plan.source.place(wire.at),
                        reason,
                    })?;
            if bytes > MAX_OUTPUT_BYTES {
                return Err(RunError::OutputTooLarge);
            }
            output.extend(value.map(|value| (wire.name.to_string(), value)));
        }
        Ok(Tree::Object(output))
    }

    /// The value of an input. None where the input is optional and what it refers to is not there.
    fn wire_value(&self, wire: &PlanWire) -> Result<Option<Value>, ExpressionError> {
        let value = match &wire.from {
            WireSource::Constant(value) => value.clone(),
            WireSource::Lone(origin) => match self.find(origin)? {
                Some(Found::Whole(held)) => coerce::whole(&held.value, wire.kind)?,
                Some(Found::Part(tree, from)) => coerce::tree(tree, wire.kind, from)?,
                None if wire.required => {
                    return Err(ExpressionError::Missing {
                        reference: self.describe(origin),
                        index: Some(0),
                    });
                }
                None => return Ok(None),
            },
            WireSource::Computed(expression, origins) => {
                coerce::computed(self.compute(expression, origins)?, wire.kind)?
            }
        };
        Ok(Some(value))
    }

    /// The value of an output of the flow as JSON. `bytes` grows by its size, and what would make it too large is not
    /// made.
    fn wire_tree(
        &self,
        wire: &PlanWire,
        bytes: &mut usize,
    ) -> Result<Option<Tree>, ExpressionError> {
        Ok(match &wire.from {
            WireSource::Constant(value) => edge(value, bytes),
            WireSource::Lone(origin) => match self.find(origin)? {
                Some(Found::Whole(held)) => edge(&held.value, bytes),
                Some(Found::Part(tree, _)) => {
                    let size = tree.to_string().len();
                    *bytes += size;
                    (*bytes <= MAX_OUTPUT_BYTES).then(|| tree.clone())
                }
                None => None,
            },
            WireSource::Computed(expression, origins) => {
                let tree = match self.compute(expression, origins)? {
                    Computed::Text(text) => Tree::String(text),
                    Computed::Json(tree) => tree,
                };
                *bytes += tree.to_string().len();
                Some(tree)
            }
        })
    }

    fn compute(
        &self,
        expression: &Expression,
        origins: &[Origin],
    ) -> Result<Computed, ExpressionError> {
        let operands = origins
            .iter()
            .zip(&expression.valued)
            .map(|(origin, valued)| {
                Ok(match self.find(origin)? {
                    None => None,
                    Some(_) if !valued => Some(Operand::Present),
                    Some(Found::Part(tree, _)) => Some(Operand::Tree(tree)),
                    Some(Found::Whole(held)) => Some(held.operand()?),
                })
            });
        let operands = operands.collect::<Result<Vec<_>, ExpressionError>>()?;
        expression.compute(&operands)
    }

    fn find(&self, origin: &Origin) -> Result<Option<Found<'_>>, ExpressionError> {
        match origin.root {
            Root::Input => {
                Ok(at_path(&self.input, &origin.path).map(|tree| Found::Part(tree, From::Input)))
            }
            Root::Output { node, port } => {
                let held = self.outputs[node as usize]
                    .get(port as usize)
                    .and_then(Option::as_ref);
                let Some(held) = held else { return Ok(None) };
                if origin.path.is_empty() {
                    return Ok(Some(Found::Whole(held)));
                }
                let tree = held.open()?;
                Ok(tree
                    .and_then(|tree| at_path(tree, &origin.path))
                    .map(|tree| Found::Part(tree, From::Output)))
            }
        }
    }

    /// A reference as the document writes it.
    fn describe(&self, origin: &Origin) -> String {
        let mut text = match origin.root {
            Root::Input => "input".to_owned(),
            Root::Output { node, port } => {
                let node = &self.plan.nodes[node as usize];
                format!(
                    "{}.{}",
                    node.name,
                    node.runner.ports().outputs[port as usize].name
                )
            }
        };
        // Writing to a String does not fail.
        let _ = crate::expression::write_path(&origin.path, &mut text);
        crate::excerpt::quoted(&text)
    }
}

impl Held {
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

/// A whole value as JSON, unless it would make the output too large.
fn edge(value: &Value, bytes: &mut usize) -> Option<Tree> {
    *bytes += match value {
        Value::Binary(blob) => blob.data.len().div_ceil(3) * 4,
        value => value.size(),
    };
    if *bytes > MAX_OUTPUT_BYTES {
        return None;
    }
    match value {
        Value::Text(text) => Some(Tree::String(text.to_string())),
        Value::Json(json) => Some(json.to_tree()),
        Value::Binary(_) => serde_json::to_value(value).ok(),
    }
}
