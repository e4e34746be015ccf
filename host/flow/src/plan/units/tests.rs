//! The rules of pipes, held against what is laid in random graphs.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use futures::future::BoxFuture;
use lockgate_model::{
    Call, CallEnd, Limits, NarrowLimits, NodeRunner, PluginId, Port, Ports, Receipt, Value,
    ValueKind,
};
use proptest::prelude::*;

use super::*;
use crate::document::OnFailure;
use crate::plan::cache::CacheUse;
use crate::plan::node::{Each, NodeWork};
use crate::plan::wire::{PlanExpr, PlanWire};
use crate::plan::{Origin, Root, WireSource};

/// How many inputs a node has at most, and its outputs: the last one does not stream.
const INPUTS: usize = 5;
const OUTPUTS: u32 = 3;

/// A node as it is drawn: which outputs of which nodes before it, counted around, it reads in which way.
#[derive(Debug, Clone)]
struct Drawn {
    reads: Vec<(usize, u32, bool)>,
    has_each: bool,
}

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let read = (0..40_usize, 0..OUTPUTS, prop::bool::weighted(0.8));
    let reads = prop::collection::vec(read, 0..INPUTS);
    let node = (reads, prop::bool::weighted(0.1));
    let node = node.prop_map(|(reads, has_each)| Drawn { reads, has_each });
    prop::collection::vec(node, 1..40)
}

struct Runner(Ports);

impl NodeRunner for Runner {
    fn ports(&self) -> &Ports {
        &self.0
    }

    fn run(&self, _: Call) -> BoxFuture<'_, CallEnd> {
        let receipt = Receipt::default();
        let result = Ok(Vec::new());
        Box::pin(std::future::ready(CallEnd { result, receipt }))
    }
}

fn port(name: String, streaming: bool) -> Port {
    Port {
        name: name.parse().expect("a name"),
        summary: String::new(),
        kind: ValueKind::Text,
        required: false,
        streaming,
        schema: None,
    }
}

fn nodes(drawn: &[Drawn]) -> Vec<PlanNode> {
    drawn
        .iter()
        .enumerate()
        .map(|(at, drawn)| node(at, drawn))
        .collect()
}

fn node(at: usize, drawn: &Drawn) -> PlanNode {
    let reads = drawn.reads.iter().filter(|_| at > 0);
    let reads: Vec<_> = reads
        .map(|(need, output, streams)| (need % at, *output, *streams))
        .collect();
    let inputs = reads.iter().enumerate();
    let outputs = (0..OUTPUTS).map(|nth| port(format!("o{nth}"), nth + 1 < OUTPUTS));
    let ports = Ports {
        inputs: inputs
            .map(|(nth, (.., streams))| port(format!("i{nth}"), *streams))
            .collect(),
        outputs: outputs.collect(),
    };
    let wire = |(input, (need, output, _)): (&Port, &(usize, u32, bool))| PlanWire {
        name: input.name.clone(),
        kind: input.kind,
        required: false,
        expr: expr(WireSource::Lone(Origin {
            root: Root::Output {
                node: *need as u32,
                port: *output,
            },
            path: Box::default(),
        })),
        piped: false,
    };
    let needs: BTreeSet<_> = reads.iter().map(|(need, ..)| *need as u32).collect();
    PlanNode {
        name: format!("n{at}").parse().expect("a name"),
        outputs: ports.outputs.clone().into(),
        when: None,
        each: drawn.has_each.then(|| Each {
            items: expr(WireSource::Constant(Value::text(""))),
            concurrency: 1,
            batch: None,
        }),
        wires: ports.inputs.iter().zip(&reads).map(wire).collect(),
        work: Work::Node(Box::new(NodeWork {
            reference: "test/node".parse().expect("a reference"),
            plugin: PluginId {
                name: "test".parse().expect("a name"),
                version: semver::Version::new(1, 0, 0),
                digest: "0".into(),
            },
            limits: Limits::DEFAULT,
            narrowed: NarrowLimits::default(),
            runner: Arc::new(Runner(ports)),
        })),
        on_failure: OnFailure::Fail,
        retry: None,
        cache: CacheUse::default(),
        needs: needs.into_iter().collect(),
        dependents: Box::default(),
    }
}

fn expr(from: WireSource) -> PlanExpr {
    PlanExpr { from, at: 0 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pipes_are_trees_and_units_have_an_order(drawn in drawn()) {
        let mut nodes = nodes(&drawn);
        let units = lay_pipes(&mut nodes);
        let mut pipes = HashSet::new();
        for (reader, node) in (0..).zip(&nodes) {
            for wire in &node.wires {
                let Some((producer, port)) = wire.piped_from() else { continue };
                let input = node.work.ports().input(wire.name.as_str()).expect("its input");
                prop_assert!(input.streaming && port + 1 < OUTPUTS);
                prop_assert!(can_pipe(node) && can_pipe(&nodes[producer as usize]));
                prop_assert!(pipes.insert((producer, reader)), "two pipes from {producer} to {reader}");
            }
        }
        let mut pipes_of = vec![0; units.list.len()];
        for &(producer, reader) in &pipes {
            let unit = units.of[producer as usize];
            prop_assert_eq!(unit, units.of[reader as usize]);
            pipes_of[unit as usize] += 1;
        }
        let mut members = vec![false; nodes.len()];
        for ((unit, listed), pipes_of) in (0..).zip(&units.list).zip(pipes_of) {
            prop_assert!(listed.members.is_sorted() && listed.members.len() <= MAX_MEMBERS);
            // Connected, with one pipe less than nodes: a tree.
            prop_assert_eq!(pipes_of + 1, listed.members.len());
            prop_assert_eq!(connected(&pipes, listed.members[0]), listed.members.iter().copied().collect());
            let mut waits = 0;
            for &member in &listed.members {
                prop_assert_eq!(units.of[member as usize], unit);
                prop_assert!(!std::mem::replace(&mut members[member as usize], true), "it is in two units");
                for &need in &nodes[member as usize].needs {
                    match units.of[need as usize] == unit {
                        true => prop_assert!(pipes.contains(&(need, member)), "{member} waits for {need} beside it"),
                        false => waits += 1,
                    }
                }
            }
            prop_assert_eq!(waits, listed.waits);
        }
        prop_assert!(members.iter().all(|member| *member));
        prop_assert_eq!(started(&nodes, &units), units.list.len(), "units wait for each other");
    }
}

/// The nodes that pipes connect a node with.
fn connected(pipes: &HashSet<(u32, u32)>, start: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::from([start]);
    let mut open = vec![start];
    while let Some(node) = open.pop() {
        for &(one, two) in pipes {
            let other = match node {
                node if node == one => two,
                node if node == two => one,
                _ => continue,
            };
            if found.insert(other) {
                open.push(other);
            }
        }
    }
    found
}

/// How many units can start, each once all that its members need from outside of it has started.
fn started(nodes: &[PlanNode], units: &Units) -> usize {
    let mut started = HashSet::new();
    loop {
        let can_start = |unit: &u32| {
            let members = units.list[*unit as usize].members.iter();
            let mut needs = members.flat_map(|&member| nodes[member as usize].needs.iter());
            let is_there = |unit: u32, need: u32| {
                unit == units.of[need as usize] || started.contains(&units.of[need as usize])
            };
            !started.contains(unit) && needs.all(|&need| is_there(*unit, need))
        };
        let next: Vec<u32> = (0..units.list.len() as u32).filter(can_start).collect();
        if next.is_empty() {
            return started.len();
        }
        started.extend(next);
    }
}
