//! What statistics look like, and how it is computed from counts.

use lockgate_telemetry::{ByOutcome, NodeCounts, Outcome, Sketch, TICKS_PER_SECOND};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Moment;

/// What statistics have a row for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Each node of the flow.
    #[default]
    Node,
    /// Each version of the flow.
    Version,
}

/// What runs of a flow did, in numbers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StatsView {
    /// The flow.
    pub flow: String,
    /// The version, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// What there is a row for.
    pub by: By,
    /// From when on it counts: what was asked for, rounded down to a minute, an hour or a day.
    pub from_at: Moment,
    /// Until when.
    pub until_at: Moment,
    /// How long a point is.
    pub step_ms: u64,
    /// The flow's own runs, and what all of its nodes used.
    pub total: Tally,
    /// Nodes by name, or versions, the newest first.
    pub items: Vec<StatsItem>,
    /// Whether there are more than are told, or than were counted together: the newest versions are.
    pub more: bool,
}

/// A node, or a version.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StatsItem {
    /// The node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Of a node: the plugins that it was resolved to, in the order in which they were first used in this time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PluginUse>,
    /// What it did.
    #[serde(flatten)]
    pub tally: Tally,
}

/// A plugin that a node was resolved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PluginUse {
    /// `publisher:name`.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// How often the node ran with it.
    pub count: u64,
    /// When the minute, hour or day began in which it first did.
    pub first_at: Moment,
    /// When the one began in which it last did.
    pub last_at: Moment,
}

/// What was counted. A node that goes through a list is counted by element.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Tally {
    /// How many ended.
    pub count: u64,
    /// How many of them ended in each way.
    pub outcomes: Outcomes,
    /// The share that ended in an error: neither `ok` nor `cancelled`.
    pub error_rate: f64,
    /// How long they took, however they ended; left out where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<DurationStats>,
    /// Instructions, in units of fuel; left out where no call was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<FuelStats>,
    /// Bytes of all memories of a call; left out where no call was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryStats>,
    /// Tokens that model services counted.
    pub tokens: TokenStats,
    /// Attempts after the first.
    pub retries: u64,
    /// Times that outputs were reused.
    pub cache_hits: u64,
    /// How it was over time; only where something ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Point>,
}

/// How many ended in each way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the words for ways to end, as everywhere")]
pub struct Outcomes {
    pub ok: u64,
    pub rejected: u64,
    pub failed: u64,
    pub trapped: u64,
    pub denied: u64,
    pub cancelled: u64,
}

/// How long things took, in microseconds. Percentiles are true to 4.5 %; mean and maximum are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the field's standard terms")]
pub struct DurationStats {
    pub mean_us: u64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p95_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

/// Fuel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct FuelStats {
    /// Of all.
    pub sum: u64,
    /// Of one call of a node. Left out of flows: what is counted are their nodes' calls, and a flow that runs within another
    /// has calls and no runs of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<u64>,
    /// What 95 % of calls of a node do not exceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<u64>,
}

/// Memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct MemoryStats {
    /// The most of one call.
    pub max: u64,
    /// What 95 % of calls of a node do not exceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<u64>,
}

/// Tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct TokenStats {
    /// Of prompts.
    pub input: u64,
    /// Of completions.
    pub output: u64,
}

/// A piece of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Point {
    /// When it began.
    pub at: Moment,
    /// How many ended in it.
    pub count: u64,
    /// How many of them in an error.
    pub errors: u64,
    /// Half of them took no longer, in microseconds.
    pub p50_us: u64,
    /// 95 % of them took no longer.
    pub p95_us: u64,
}

/// What nodes used, told of their flow.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    pub(super) calls: u64,
    pub(super) fuel: u64,
    pub(super) memory: u64,
    pub(super) tokens: TokenStats,
    pub(super) retries: u64,
    pub(super) cache_hits: u64,
}

impl Used {
    pub(super) fn add(&mut self, node: &NodeCounts) {
        self.calls = self.calls.saturating_add(node.fuel.count());
        self.fuel = self.fuel.saturating_add(node.fuel.sum());
        self.memory = self.memory.max(node.memory.max());
        self.tokens.input = self.tokens.input.saturating_add(node.tokens.input);
        self.tokens.output = self.tokens.output.saturating_add(node.tokens.output);
        self.retries = self.retries.saturating_add(node.retries);
        self.cache_hits = self.cache_hits.saturating_add(node.cache_hits);
    }
}

impl Tally {
    /// Of a node.
    pub(super) fn of_node(counts: &NodeCounts, points: Vec<Point>) -> Self {
        let fuel = counts.fuel.quantile(0.95).map(|p95| FuelStats {
            sum: counts.fuel.sum(),
            mean: Some(counts.fuel.mean() as u64),
            p95: Some(p95 as u64),
        });
        let memory = counts.memory.quantile(0.95).map(|p95| MemoryStats {
            max: counts.memory.max(),
            p95: Some(p95 as u64),
        });
        Self {
            fuel,
            memory,
            tokens: TokenStats {
                input: counts.tokens.input,
                output: counts.tokens.output,
            },
            retries: counts.retries,
            cache_hits: counts.cache_hits,
            ..Self::of_ends(&counts.durations, points)
        }
    }

    /// Of a flow, with what its nodes used.
    pub(super) fn of_flow(durations: &ByOutcome, used: &Used, points: Vec<Point>) -> Self {
        let ends = Self::of_ends(durations, points);
        let has_calls = used.calls > 0;
        Self {
            fuel: has_calls.then_some(FuelStats {
                sum: used.fuel,
                mean: None,
                p95: None,
            }),
            memory: has_calls.then_some(MemoryStats {
                max: used.memory,
                p95: None,
            }),
            tokens: used.tokens,
            retries: used.retries,
            cache_hits: used.cache_hits,
            ..ends
        }
    }

    fn of_ends(durations: &ByOutcome, points: Vec<Point>) -> Self {
        let count = durations.total();
        Self {
            count,
            outcomes: Outcomes::of(durations),
            error_rate: durations.errors() as f64 / count.max(1) as f64,
            duration: DurationStats::of(&durations.all()),
            fuel: None,
            memory: None,
            tokens: TokenStats::default(),
            retries: 0,
            cache_hits: 0,
            points,
        }
    }
}

impl Outcomes {
    fn of(durations: &ByOutcome) -> Self {
        Self {
            ok: durations.count(Outcome::Ok),
            rejected: durations.count(Outcome::Rejected),
            failed: durations.count(Outcome::Failed),
            trapped: durations.count(Outcome::Trapped),
            denied: durations.count(Outcome::Denied),
            cancelled: durations.count(Outcome::Cancelled),
        }
    }
}

impl DurationStats {
    fn of(sketch: &Sketch) -> Option<Self> {
        let at = |q| sketch.quantile(q).map(micros);
        Some(Self {
            mean_us: micros(sketch.mean()),
            p50_us: at(0.5)?,
            p90_us: at(0.9)?,
            p95_us: at(0.95)?,
            p99_us: at(0.99)?,
            max_us: micros(sketch.max() as f64),
        })
    }
}

impl Point {
    pub(super) fn of(at: i64, durations: &ByOutcome) -> Self {
        let all = durations.all();
        let us = |q| all.quantile(q).map_or(0, micros);
        Self {
            at: Moment(at),
            count: durations.total(),
            errors: durations.errors(),
            p50_us: us(0.5),
            p95_us: us(0.95),
        }
    }
}

/// Microseconds of ticks.
fn micros(ticks: f64) -> u64 {
    (ticks * 1e6 / TICKS_PER_SECOND as f64).round() as u64
}
