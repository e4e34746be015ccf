//! Which outputs are piped, and which nodes therefore start together.
//!
//! A streaming output that is handed over whole to a streaming input can travel in parts while both nodes run. A node
//! that is piped to waits for its parts, and one that is piped from waits while its reader is behind, so nodes could come
//! to wait for each other in a circle. They cannot, by three rules:
//!
//! 1. The pipes among nodes form trees: between two nodes there is at most one way along pipes, whichever way they
//!    point. A wait at a pipe is for the other end of that pipe, which is then not waiting at it itself.
//! 2. Nodes that are connected by pipes, a unit, start together, when all that any of them needs from outside is there.
//!    Nothing that a unit needs from outside needs anything of it, directly or not.
//! 3. A unit is admitted with the places of all its calls at once.
//!
//! An output that cannot be piped under these rules is joined: its reader starts when it is whole. So is one of a node
//! with `each`, with `cache`, or that runs a flow.

use super::node::{PlanNode, Work};

/// How many nodes a unit has at most: it needs the places of all of them at once.
const MAX_MEMBERS: usize = 8;

/// How many nodes are looked at to find out whether one pipe can be laid. Where that is not enough, it is not.
const MAX_LOOK: usize = 2_000;

/// What starts together.
#[derive(Debug, Default)]
pub(crate) struct Units {
    /// Of each node, its unit.
    pub(crate) of: Box<[u32]>,
    pub(crate) list: Box<[Unit]>,
    /// The most places that a unit of more than one node takes.
    pub(crate) widest: u32,
    /// The most nodes that a unit has.
    pub(crate) largest: u32,
}

/// Nodes that start together.
#[derive(Debug)]
pub(crate) struct Unit {
    /// In the plan's order, so each after those that it is piped from.
    pub(crate) members: Box<[u32]>,
    /// For how many nodes outside of it its members wait, counted by each of them.
    pub(crate) waits: u32,
}

/// Lays the pipes that can be laid: sets `piped` on their wires.
pub(super) fn lay_pipes(nodes: &mut [PlanNode]) -> Units {
    let seen = vec![0; nodes.len()];
    let mut layer = Layer {
        group: (0..nodes.len() as u32).collect(),
        members: (0..nodes.len() as u32).map(|node| vec![node]).collect(),
        merged: Vec::new(),
        nodes,
        seen,
        look: 0,
    };
    for reader in 0..layer.nodes.len() as u32 {
        for wire in 0..layer.nodes[reader as usize].wires.len() {
            if let Some(producer) = layer.candidate(reader, wire)
                && layer.can_merge(producer, reader)
            {
                layer.merge(producer, reader);
                layer.nodes[reader as usize].wires[wire].piped = true;
            }
        }
    }
    layer.into_units()
}

struct Layer<'n> {
    nodes: &'n mut [PlanNode],
    /// Of each node, the group that it is in: named after one of its members.
    group: Vec<u32>,
    /// Of each group, its members in the plan's order.
    members: Vec<Vec<u32>>,
    /// The groups that have had more than one member; some have none now.
    merged: Vec<u32>,
    /// Of each group, the last look that came by.
    seen: Vec<u32>,
    look: u32,
}

impl Layer<'_> {
    /// The node that a wire could be piped from, as far as the two nodes alone are concerned.
    fn candidate(&self, reader: u32, wire: usize) -> Option<u32> {
        let node = &self.nodes[reader as usize];
        let wire = &node.wires[wire];
        let (producer, port) = wire.whole_output()?;
        let from = &self.nodes[producer as usize];
        let input = node.work.ports().input(wire.name.as_str())?;
        let output = from.work.ports().outputs.get(port as usize)?;
        // What travels in parts is not converted on the way.
        let fits = input.kind.admits(output.kind);
        let streams = input.streaming && output.streaming && fits;
        // Its reader needs nothing else that the producer gives, in any expression.
        let uses = |root: &super::Origin| root.root.node() == Some(producer);
        let uses = node
            .exprs()
            .flat_map(|expr| expr.from.origins())
            .filter(|origin| uses(origin));
        let only_this = uses.count() == 1;
        (streams && only_this && can_pipe(node) && can_pipe(from)).then_some(producer)
    }

    /// Whether the groups of two nodes can become one.
    fn can_merge(&mut self, producer: u32, reader: u32) -> bool {
        let (from, to) = (self.group[producer as usize], self.group[reader as usize]);
        if from == to {
            return false; // there is a way along pipes already
        }
        let together = self.members[from as usize].len() + self.members[to as usize].len();
        if together > MAX_MEMBERS {
            return false;
        }
        // No member of one needs a member of the other, but along the pipe.
        let direct = |reading: u32, read: u32| {
            let members = self.members[reading as usize].iter();
            let needs = members.flat_map(|&node| {
                self.nodes[node as usize]
                    .needs
                    .iter()
                    .map(move |&need| (node, need))
            });
            needs
                .filter(|(_, need)| self.group[*need as usize] == read)
                .count()
        };
        if direct(to, from) != 1 || direct(from, to) != 0 {
            return false;
        }
        self.no_way(to, from) && self.no_way(from, to)
    }

    /// Whether a group does not need another through any node outside of both.
    fn no_way(&mut self, start: u32, goal: u32) -> bool {
        self.look += 1;
        let bound = self.bound(goal);
        let mut open = vec![start];
        self.seen[start as usize] = self.look;
        let mut looked = 0;
        while let Some(group) = open.pop() {
            for &member in &self.members[group as usize] {
                for &need in &self.nodes[member as usize].needs {
                    looked += 1;
                    let other = self.group[need as usize];
                    if other == goal && group == start {
                        continue; // the pipe itself
                    }
                    if other == goal || looked > MAX_LOOK {
                        return false;
                    }
                    let ends_before = self.last(other) < bound;
                    if !ends_before && self.seen[other as usize] != self.look {
                        self.seen[other as usize] = self.look;
                        open.push(other);
                    }
                }
            }
        }
        true
    }

    /// What ends before this node, whatever it needs, needs no member of `goal`: a node needs only earlier ones, and no
    /// group that begins before this node goes on beyond the first member of `goal`.
    fn bound(&self, goal: u32) -> u32 {
        let first = |group: u32| self.members[group as usize].first().copied();
        let earliest = first(goal).unwrap_or(0);
        let goes_beyond = self
            .merged
            .iter()
            .filter(|&&group| self.last(group) > earliest);
        let begins = goes_beyond.filter_map(|&group| first(group)).min();
        begins.unwrap_or(earliest).min(earliest)
    }

    fn last(&self, group: u32) -> u32 {
        self.members[group as usize].last().copied().unwrap_or(0)
    }

    fn merge(&mut self, a: u32, b: u32) {
        let (into, from) = (self.group[a as usize], self.group[b as usize]);
        let moved = std::mem::take(&mut self.members[from as usize]);
        for &node in &moved {
            self.group[node as usize] = into;
        }
        let members = &mut self.members[into as usize];
        if members.len() == 1 {
            self.merged.push(into);
        }
        members.extend(moved);
        members.sort_unstable();
    }

    fn into_units(self) -> Units {
        let mut of = vec![0; self.nodes.len()];
        let mut list = Vec::new();
        let mut widest = 0;
        for members in self
            .members
            .into_iter()
            .filter(|members| !members.is_empty())
        {
            let unit = list.len() as u32;
            members.iter().for_each(|&node| of[node as usize] = unit);
            if members.len() > 1 {
                let places = members
                    .iter()
                    .filter_map(|&node| self.nodes[node as usize].work.places());
                widest = widest.max(places.sum());
            }
            let needs = members
                .iter()
                .flat_map(|&node| self.nodes[node as usize].needs.iter());
            let waits = needs.filter(|need| !members.contains(need)).count() as u32;
            list.push(Unit {
                members: members.into(),
                waits,
            });
        }
        Units {
            of: of.into(),
            largest: list
                .iter()
                .map(|unit| unit.members.len() as u32)
                .max()
                .unwrap_or(0),
            list: list.into(),
            widest,
        }
    }
}

/// Whether a node can be an end of a pipe at all.
fn can_pipe(node: &PlanNode) -> bool {
    matches!(node.work, Work::Node(_)) && node.each.is_none() && !node.cache.is_asked_for()
}

#[cfg(test)]
mod tests;
