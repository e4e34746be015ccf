//! Counts what runs do, and tells it to whoever watches.
//!
//! Belongs here: series, histograms, the collector, and one folder or file for each exporter. Does not belong here: what a
//! run is, how rows are kept, HTTP of the host's own interface.
//!
//! A call writes into series that its flow's plan holds ([`Counts`] gives them): a few atomic additions. Once an interval the
//! [`Collector`] drains all of them into one [`Snapshot`], and gives that to each [`Exporter`]. A new destination is a new
//! exporter, never a new place to count.
//!
//! # What is counted
//!
//! Names and data model are OpenTelemetry's; an exporter writes them as its readers expect.
//!
//! | instrument | kind, unit | attributes |
//! | --- | --- | --- |
//! | `lockgate.flow.duration` | histogram, s | project, flow, flow_version, outcome |
//! | `lockgate.node.duration` | histogram, s | project, flow, flow_version, node, plugin, plugin_version, outcome |
//! | `lockgate.node.fuel` | histogram, {fuel} | project, flow, flow_version, node, plugin, plugin_version |
//! | `lockgate.node.memory` | histogram, By | the same |
//! | `lockgate.node.retries`, `lockgate.node.cache_hits` | counter | the same |
//! | `lockgate.node.traps` | counter | the same, and reason |
//! | `gen_ai.client.operation.duration` | histogram, s | project, and as the GenAI conventions have them, with error.type |
//! | `gen_ai.client.token.usage` | histogram, {token} | project, and as the GenAI conventions have them |
//! | `lockgate.queue.depth`, `lockgate.queue.age`, `lockgate.sandbox.active` | gauge | |
//! | `lockgate.telemetry.dropped`, `lockgate.cms.sent`, `.refused`, `.retried` | counter | reason |
//!
//! A node that goes through a list is counted by element. A node that runs a flow is counted with what that used, and the
//! flow's nodes are counted too. Runs of documents that are kept nowhere, and series past the [`Bounds`], are counted
//! together, under [`OTHER`].

pub mod alerts;
pub mod cms;
mod collector;
mod compare;
mod counts;
mod histogram;
mod leb128;
mod models;
mod names;
pub mod otlp;
mod own;
pub mod prometheus;
mod rollup;
mod series;
mod snapshot;
mod totals;
pub mod trace;

pub use collector::{Collector, Exporter, GaugeSource, TO_LEAVE};
pub use compare::{Comparison, ErrorVerdict, Interval, MIN_COMPARED, Verdict, compare};
pub use counts::{Bounds, Counts};
pub use histogram::{SCALE, Sketch};
pub use names::{FlowId, NodeId, OTHER, Outcome, TrapReason};
pub use own::{CMS_REFUSED, CMS_RETRIED, CMS_SENT, DROPPED, Own};
pub use rollup::{MAX_ROLLUP_ROWS, RollupRow, RollupSink, Rollups};
pub use series::TICKS_PER_SECOND;
pub use snapshot::{
    ByOutcome, FlowPoint, Gauges, ModelId, ModelPoint, NodeCounts, NodePoint, OwnCount, Snapshot,
    Tokens,
};
pub use totals::{ModelCounts, Total, Totals};
