//! A document as an editor wants to know it: what is wrong with it, its nodes with their ports, and what flows where, also
//! while it is half written.
//!
//! Nothing is checked here: a document is examined on the way on which it is planned, and what was found there is told.

mod edges;
mod places;
mod view;

use std::collections::HashSet;
use std::sync::Arc;

use lockgate_model::{Json, Node, NodeCatalog, Port};

use super::configure::{self, Configured};
use super::flows::{FlowCatalog, Planner};
use super::{Plan, Work};
use crate::document::{FlowDocument, NodeEntry};

pub(super) use edges::{Slot, Watch};
use places::Places;
pub use view::{
    EdgeFrom, EdgeSource, EdgeTarget, EdgeTo, Examination, ExaminedEdge, ExaminedFault,
    ExaminedNode, ExaminedPlace, ExaminedPlugin, ExaminedPort, ExaminedType,
};

/// How many bytes of nodes and ports an examination has, nearly, and how many of edges. Names are told with each edge, so a
/// document of a megabyte could become any number of them.
const MAX_BYTES: usize = 8 << 20;

/// How many bytes of schemas its ports have, and how many its edges.
const MAX_SCHEMA_BYTES: usize = 4 << 20;

/// What a node, a port or an edge takes beside its texts, nearly.
const BYTES_EACH: usize = 384;

/// Examines a document against the nodes and flows that are there: configures its nodes and connects them as
/// [`plan`](super::plan) does, and runs nothing. What is wrong is told, and is no error.
pub async fn examine(
    document: &FlowDocument,
    nodes: &dyn NodeCatalog,
    flows: &dyn FlowCatalog,
) -> Examination {
    let mut watch = Watch {
        places: Places::new(&document.source),
        edges: Vec::new(),
        edges_room: Room::default(),
    };
    let mut room = Room::default();
    let mut planner = Planner::new(nodes, flows);
    let checked = super::check(document, &mut planner, &[], Some(&mut watch)).await;
    let entries = document.nodes.iter().zip(&checked.found);
    let nodes: Vec<_> = entries
        .zip(&checked.configured)
        .filter_map(|((entry, found), configured)| {
            node(
                entry,
                found.as_ref(),
                configured.as_ref(),
                &watch.places,
                &mut room,
            )
        })
        .collect();
    let mut examination = match super::finish(document, checked) {
        Ok(plan) => {
            watch.mark_pipes(&plan);
            Examination::default()
        }
        Err(faults) => Examination::from(&faults),
    };
    examination.flow = document.name().map(ToString::to_string);
    examination.nodes = nodes;
    examination.edges = watch.edges;
    examination.is_cut = room.is_cut || watch.edges_room.is_cut;
    examination
}

fn node(
    entry: &NodeEntry,
    found: Option<&Arc<dyn Node>>,
    configured: Option<&Configured>,
    places: &Places<'_>,
    room: &mut Room,
) -> Option<ExaminedNode> {
    let uses = entry.uses.as_ref().map(ToString::to_string);
    let summary = match configured.map(|configured| &configured.work) {
        Some(Work::Flow(work)) => work.plan.description(),
        _ => found.map(|node| &*node.info().summary),
    };
    let summary = summary.unwrap_or_default();
    let texts = [&*entry.key, uses.as_deref().unwrap_or_default(), summary];
    if !room.take(texts.into_iter().map(str::len).sum()) {
        return None;
    }
    let plugin = found.map(|node| node.plugin());
    let unconfigured = found.map(|node| &node.info().ports);
    let known = configured.map(|configured| configured.work.ports());
    let known = known.or(unconfigured);
    let outputs = match (configured, known) {
        (Some(configured), _) => ports(&configured.outputs, room),
        (None, Some(known)) => ports(&configure::seen_outputs(known, entry), room),
        (None, None) => Vec::new(),
    };
    Some(ExaminedNode {
        name: entry.key.to_string(),
        place: places.of(&entry.key_span),
        uses,
        plugin: plugin.map(|plugin| ExaminedPlugin {
            name: plugin.name.to_string(),
            version: plugin.version.to_string(),
            digest: plugin.digest.to_string(),
        }),
        kind: found.map(|node| node.info().kind),
        summary: summary.to_owned(),
        configured: configured.is_some(),
        inputs: known.map_or_else(Vec::new, |known| ports(&known.inputs, room)),
        outputs,
    })
}

fn ports(ports: &[Port], room: &mut Room) -> Vec<ExaminedPort> {
    let ports = ports.iter().filter_map(|port| {
        let texts = port.name.as_str().len() + port.summary.len();
        room.take(texts).then(|| ExaminedPort {
            name: port.name.to_string(),
            summary: port.summary.clone(),
            kind: port.kind,
            required: port.required,
            streaming: port.streaming,
            schema: port
                .schema
                .clone()
                .filter(|schema| room.take_schema(schema)),
        })
    });
    ports.collect()
}

impl Watch<'_> {
    /// Says of each edge whether it is piped.
    fn mark_pipes(&mut self, plan: &Plan) {
        let wires = plan.nodes().iter().flat_map(|node| {
            let piped = node.wires.iter().filter(|wire| wire.piped);
            piped.map(|wire| (node.name().as_str(), wire.name.as_str()))
        });
        let piped: HashSet<_> = wires.collect();
        for edge in &mut self.edges {
            let (EdgeTarget::In, Some(node), Some(port)) =
                (edge.to.of, &edge.to.node, &edge.to.port)
            else {
                continue;
            };
            edge.streams = piped.contains(&(node.as_str(), port.as_str()));
        }
    }
}

/// How much room an examination has left.
struct Room {
    bytes: usize,
    schemas: usize,
    is_cut: bool,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            bytes: MAX_BYTES,
            schemas: MAX_SCHEMA_BYTES,
            is_cut: false,
        }
    }
}

impl Room {
    /// Takes room for a thing whose texts have so many bytes, if there is any.
    fn take(&mut self, texts: usize) -> bool {
        take(&mut self.bytes, texts + BYTES_EACH, &mut self.is_cut)
    }

    fn take_schema(&mut self, schema: &Json) -> bool {
        take(&mut self.schemas, schema.as_str().len(), &mut self.is_cut)
    }

    fn has_schemas(&self) -> bool {
        self.schemas > 0
    }
}

/// Once something has no room, nothing else has: what is told is what comes first, and looking for what would fit takes no
/// time.
fn take(left: &mut usize, bytes: usize, is_cut: &mut bool) -> bool {
    let has_room = bytes <= *left;
    *left = if has_room { *left - bytes } else { 0 };
    *is_cut |= !has_room;
    has_room
}
