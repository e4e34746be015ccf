//! What a run holds: its values, which nodes run in it at all, and how many nodes each still waits for.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use lockgate_model::{CallError, Ident, Outputs};
use serde_json::Value as Tree;

use super::values::{Held, Values};
use super::{RunError, Step};
use crate::plan::Plan;

/// How many bytes of outputs a run holds at once. An output is let go when nobody needs it any more.
pub const MAX_HELD_BYTES: usize = 256 << 20;

pub(super) struct State<'p> {
    pub(super) values: Values<'p>,
    /// Whether pipes are laid; if not, every output is joined before it is read.
    piping: bool,
    /// Of each unit (of each node, where no pipes are laid), for how many nodes it waits.
    waits: Vec<u32>,
    /// Of each node, how many nodes and outputs have not read from it yet.
    readers: Vec<u32>,
    held_bytes: usize,
}

/// What became of a node.
pub(super) enum Slot {
    /// It did not end yet.
    Open,
    /// It does not run, because nobody needs it.
    Idle,
    /// It gave outputs, by its ports; some elements of an `each` may have failed all the same, and this is the first
    /// failure of those.
    Done(Box<[Option<Held>]>, Option<Box<Tree>>),
    /// It gave none: it was skipped, or it failed and the run goes on.
    Absent(Option<Box<Tree>>),
}

/// What a run is to do of its plan.
#[derive(Debug, Default)]
pub(super) struct Extent {
    /// The node to stop at.
    pub(super) until: Option<u32>,
    /// Outputs that are given instead of being computed.
    pub(super) pinned: HashMap<u32, Outputs>,
}

impl<'p> State<'p> {
    pub(super) fn new(
        plan: &'p Plan,
        input: Arc<Tree>,
        vars: Arc<Tree>,
        extent: &Extent,
        piping: bool,
    ) -> Self {
        let mut slots: Vec<Slot> = plan.nodes.iter().map(|_| Slot::Open).collect();
        let mut readers = plan.readers.to_vec();
        if extent.until.is_some() || !extent.pinned.is_empty() {
            let needed = needed(plan, extent);
            for (slot, _) in slots
                .iter_mut()
                .zip(&needed)
                .filter(|(_, needed)| !**needed)
            {
                *slot = Slot::Idle;
            }
            // Who does not run reads nothing; what was asked for is read at the end.
            for (index, node) in plan.nodes.iter().enumerate() {
                if !needed[index] || extent.pinned.contains_key(&(index as u32)) {
                    node.needs
                        .iter()
                        .for_each(|&need| readers[need as usize] -= 1);
                }
            }
            if let Some(until) = extent.until {
                plan.read_at_end
                    .iter()
                    .for_each(|&node| readers[node as usize] -= 1);
                readers[until as usize] += 1;
            }
        }
        let mut state = Self {
            values: Values {
                plan,
                input,
                vars,
                slots,
            },
            piping,
            waits: Vec::new(),
            readers,
            held_bytes: 0,
        };
        state.waits = state.count_waits(extent);
        state
    }

    fn count_waits(&self, extent: &Extent) -> Vec<u32> {
        let plan = self.values.plan;
        if extent.until.is_none() && extent.pinned.is_empty() {
            return if self.piping {
                plan.units.list.iter().map(|unit| unit.waits).collect()
            } else {
                plan.nodes
                    .iter()
                    .map(|node| node.needs.len() as u32)
                    .collect()
            };
        }
        let units = if self.piping {
            plan.units.list.len()
        } else {
            plan.nodes.len()
        };
        let mut waits = vec![0; units];
        for (index, node) in (0..).zip(&plan.nodes) {
            let runs =
                !self.values.slots[index as usize].is_idle() && !extent.pinned.contains_key(&index);
            if runs {
                let unit = self.unit_of(index);
                let outside = node.needs.iter().filter(|&need| {
                    self.unit_of(*need) != unit && !extent.pinned.contains_key(need)
                });
                waits[unit as usize] += outside.count() as u32;
            }
        }
        waits
    }

    /// The units that wait for nothing.
    pub(super) fn ready_at_first(&self) -> VecDeque<Step> {
        (0..)
            .zip(&self.waits)
            .filter(|(_, waits)| **waits == 0)
            .map(|(unit, _)| Step::Unit(unit))
            .collect()
    }

    /// The nodes of a unit, each after those that it reads from.
    pub(super) fn members<'u>(&self, unit: &'u u32) -> &'u [u32]
    where
        'p: 'u,
    {
        if self.piping {
            &self.values.plan.units.list[*unit as usize].members
        } else {
            std::slice::from_ref(unit)
        }
    }

    /// Whether pipes are laid.
    pub(super) fn is_piping(&self) -> bool {
        self.piping
    }

    fn unit_of(&self, node: u32) -> u32 {
        if self.piping {
            self.values.plan.units.of[node as usize]
        } else {
            node
        }
    }

    /// Whether somebody reads the outputs of this node whole: another unit, the flow's output, or who asked for it.
    pub(super) fn is_read_whole(&self, node: u32) -> bool {
        self.readers[node as usize] > 0
    }

    /// Says that a node has read all that it reads. What only it still needed is let go.
    pub(super) fn has_read(&mut self, node: u32) {
        for &need in &self.values.plan.nodes[node as usize].needs {
            self.readers[need as usize] -= 1;
            if self.readers[need as usize] == 0
                && let Slot::Done(held, _) = &mut self.values.slots[need as usize]
            {
                let held = std::mem::take(held);
                let sizes = held.iter().flatten().map(|held| held.value.size());
                self.held_bytes -= sizes.sum::<usize>();
            }
        }
    }

    /// Keeps outputs that were given instead of being computed. Nobody waits for them.
    pub(super) fn given(&mut self, node: u32, outputs: Outputs) -> Result<(), RunError> {
        let held = self.hold(node, outputs)?;
        self.values.slots[node as usize] = Slot::Done(held, None);
        Ok(())
    }

    /// Keeps a node's outputs for those who need them, and gives the units that have all they need now.
    pub(super) fn done(
        &mut self,
        node: u32,
        outputs: Outputs,
        failure: Option<Box<Tree>>,
        ready: &mut VecDeque<Step>,
    ) -> Result<(), RunError> {
        let held = self.hold(node, outputs)?;
        self.settle(node, Slot::Done(held, failure), ready);
        Ok(())
    }

    /// Outputs by their ports, if somebody reads them.
    fn hold(&mut self, node: u32, outputs: Outputs) -> Result<Box<[Option<Held>]>, RunError> {
        if self.readers[node as usize] == 0 {
            return Ok(Box::default());
        }
        let (held, bytes) = sorted(&self.values.plan.nodes[node as usize], outputs);
        self.held_bytes += bytes;
        if self.held_bytes > MAX_HELD_BYTES {
            return Err(RunError::TooMuchHeld {
                bytes: self.held_bytes,
            });
        }
        Ok(held)
    }

    /// Says that a node gave no outputs, and why if it failed.
    pub(super) fn absent(
        &mut self,
        node: u32,
        failure: Option<&CallError>,
        ready: &mut VecDeque<Step>,
    ) {
        let failure = failure.map(|error| Box::new(failure_tree(error, None)));
        self.settle(node, Slot::Absent(failure), ready);
    }

    fn settle(&mut self, node: u32, slot: Slot, ready: &mut VecDeque<Step>) {
        self.values.slots[node as usize] = slot;
        let unit = self.unit_of(node);
        for &dependent in &self.values.plan.nodes[node as usize].dependents {
            let other = self.unit_of(dependent);
            // What was given, or is not needed, waits for nobody.
            if other == unit || !self.values.slots[dependent as usize].is_open() {
                continue;
            }
            self.waits[other as usize] -= 1;
            if self.waits[other as usize] == 0 {
                ready.push_back(Step::Unit(other));
            }
        }
    }

    /// The outputs of one node, for a run that stops there.
    pub(super) fn outputs_of(&self, node: u32) -> Outputs {
        let ports = &self.values.plan.nodes[node as usize].outputs;
        let held = (0..).map(|port| self.values.slots[node as usize].output(port));
        ports
            .iter()
            .zip(held)
            .filter_map(|(port, held)| Some((port.name.clone(), held?.value.clone())))
            .collect()
    }
}

impl Slot {
    pub(super) fn output(&self, port: u32) -> Option<&Held> {
        match self {
            Self::Done(held, _) => held.get(port as usize)?.as_ref(),
            _ => None,
        }
    }

    pub(super) fn failure(&self) -> Option<&Tree> {
        match self {
            Self::Done(_, failure) | Self::Absent(failure) => failure.as_deref(),
            Self::Open | Self::Idle => None,
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent(_) | Self::Idle)
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }
}

/// A failure as `node.failure` has it, with the element that it is of.
pub(super) fn failure_tree(error: &CallError, index: Option<u32>) -> Tree {
    let mut tree = serde_json::json!({"kind": error.kind(), "message": error.message()});
    let mut put = |key: &str, value: Option<Tree>| {
        if let (Some(value), Some(entries)) = (value, tree.as_object_mut()) {
            entries.insert(key.to_owned(), value);
        }
    };
    let failure = error.failure();
    put(
        "detail",
        failure.and_then(|failure| Some(failure.detail.as_ref()?.to_tree())),
    );
    put(
        "retry_after_ms",
        failure.and_then(|failure| failure.retry_after_ms.map(Tree::from)),
    );
    put("index", index.map(Tree::from));
    tree
}

/// Outputs by their ports, and how many bytes they have.
fn sorted(node: &crate::plan::PlanNode, outputs: Outputs) -> (Box<[Option<Held>]>, usize) {
    let ports = &node.outputs;
    let mut held: Box<[Option<Held>]> = ports.iter().map(|_| None).collect();
    let mut bytes = 0;
    for (nth, (name, value)) in outputs.into_iter().enumerate() {
        if let Some(place) = place(nth, &name, ports) {
            bytes += value.size();
            held[place] = Some(Held::new(value));
        }
    }
    (held, bytes)
}

/// Which port an output is. Most nodes give their outputs in the order in which they declare them.
fn place(nth: usize, name: &Ident, ports: &[lockgate_model::Port]) -> Option<usize> {
    if ports.get(nth).is_some_and(|port| port.name == *name) {
        return Some(nth);
    }
    ports.iter().position(|port| port.name == *name)
}

/// Which nodes run: what is asked for, and what that needs and is not given.
fn needed(plan: &Plan, extent: &Extent) -> Vec<bool> {
    let mut needed = vec![false; plan.nodes.len()];
    // A node is after those that it needs, so each is seen after all who may need it.
    for (index, node) in plan.nodes.iter().enumerate().rev() {
        let asked_for = match extent.until {
            Some(until) => until as usize == index,
            // A node that nobody reads runs for what it does.
            None => node.dependents.is_empty() || plan.read_at_end.contains(&(index as u32)),
        };
        if !(needed[index] || asked_for) {
            continue;
        }
        needed[index] = true;
        if !extent.pinned.contains_key(&(index as u32)) {
            node.needs
                .iter()
                .for_each(|&need| needed[need as usize] = true);
        }
    }
    needed
}
