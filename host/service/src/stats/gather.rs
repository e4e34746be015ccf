//! Rows of rollups, added up to what is told.

use std::collections::{BTreeMap, HashMap};
use std::mem;

use lockgate_store::RollupPiece;
use lockgate_telemetry::{ByOutcome, NodeCounts};

use super::span::Span;
use super::view::{By, PluginUse, Point, StatsItem, Tally, Used};
use crate::Moment;

/// How many nodes or versions are told at most.
pub const MAX_ITEMS: usize = 200;

/// Adds rows up as they are read.
#[derive(Debug)]
pub(super) struct Gather {
    by: By,
    span: Span,
    total: Flow,
    nodes: BTreeMap<String, Node>,
    versions: BTreeMap<u32, Flow>,
    /// Rows that could not be read.
    damaged: u64,
}

/// Runs of a flow, or of a version of it.
#[derive(Debug, Default)]
struct Flow {
    durations: ByOutcome,
    used: Used,
    points: Points,
}

#[derive(Debug, Default)]
struct Node {
    counts: NodeCounts,
    points: Points,
    plugins: HashMap<(String, String), PluginUse>,
}

/// By when they begin.
type Points = BTreeMap<i64, ByOutcome>;

impl Gather {
    pub(super) fn new(by: By, span: Span) -> Self {
        Self {
            by,
            span,
            total: Flow::default(),
            nodes: BTreeMap::new(),
            versions: BTreeMap::new(),
            damaged: 0,
        }
    }

    /// Adds a row. One that cannot be read is left out.
    pub(super) fn add(&mut self, piece: RollupPiece) {
        let Some(counts) = NodeCounts::decode(&piece.counts) else {
            self.damaged += 1;
            return;
        };
        let point = self.span.point(piece.at);
        let mut flows = vec![&mut self.total];
        if self.by == By::Version {
            flows.push(self.versions.entry(piece.version).or_default());
        }
        for flow in flows {
            if piece.node.is_empty() {
                flow.durations.add(&counts.durations);
                let at = flow.points.entry(point).or_default();
                at.add(&counts.durations);
            } else {
                flow.used.add(&counts);
            }
        }
        if self.by == By::Node && !piece.node.is_empty() {
            self.add_node(piece, point, &counts);
        }
    }

    fn add_node(&mut self, mut piece: RollupPiece, point: i64, counts: &NodeCounts) {
        let node = self.nodes.entry(mem::take(&mut piece.node)).or_default();
        node.counts.add(counts);
        let at = node.points.entry(point).or_default();
        at.add(&counts.durations);
        if piece.plugin.is_empty() {
            return;
        }
        let (count, at) = (counts.durations.total(), Moment(piece.at));
        let named = (piece.plugin, piece.plugin_version);
        let used = node
            .plugins
            .entry(named)
            .or_insert_with_key(|named| PluginUse {
                plugin: named.0.clone(),
                version: named.1.clone(),
                count: 0,
                first_at: at,
                last_at: at,
            });
        used.count = used.count.saturating_add(count);
        used.first_at = used.first_at.min(at);
        used.last_at = used.last_at.max(at);
    }

    /// Whether there was no row that could be read.
    pub(super) fn is_empty(&self) -> bool {
        self.total.durations.is_empty() && self.total.used.calls == 0 && self.nodes.is_empty()
    }

    /// The flow, its nodes or versions, and whether there are more of these.
    pub(super) fn finish(self) -> (Tally, Vec<StatsItem>, bool) {
        if self.damaged > 0 {
            tracing::warn!(
                rows = self.damaged,
                "rollups that cannot be read are left out"
            );
        }
        let more = self.nodes.len().max(self.versions.len()) > MAX_ITEMS;
        let nodes = self.nodes.into_iter().map(|(name, node)| StatsItem {
            node: Some(name),
            version: None,
            tally: Tally::of_node(&node.counts, points(&node.points)),
            plugins: in_order(node.plugins.into_values().collect()),
        });
        let versions = self.versions.into_iter().rev();
        let versions = versions.map(|(version, flow)| StatsItem {
            node: None,
            version: Some(version),
            plugins: Vec::new(),
            tally: flow.tally(),
        });
        let items = nodes.chain(versions).take(MAX_ITEMS).collect();
        (self.total.tally(), items, more)
    }
}

impl Flow {
    fn tally(&self) -> Tally {
        Tally::of_flow(&self.durations, &self.used, points(&self.points))
    }
}

fn points(points: &Points) -> Vec<Point> {
    let points = points.iter().filter(|(_, ends)| !ends.is_empty());
    points.map(|(&at, ends)| Point::of(at, ends)).collect()
}

fn in_order(mut plugins: Vec<PluginUse>) -> Vec<PluginUse> {
    plugins.sort_unstable_by(|a, b| {
        let key = |used: &PluginUse| (used.first_at, used.last_at);
        key(a)
            .cmp(&key(b))
            .then_with(|| (&a.plugin, &a.version).cmp(&(&b.plugin, &b.version)))
    });
    plugins
}
