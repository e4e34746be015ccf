//! What was counted between two moments: what the collector gives to every exporter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::histogram::Sketch;
use crate::names::{FlowId, NodeId, OTHER, Outcome, TrapReason};

/// Half of the longest interval.
const LONGEST_HALF: Duration = Duration::from_secs(30);

/// What was counted between two moments, by series that were written to.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When the one before it was taken.
    pub from: SystemTime,
    /// When it was taken.
    pub to: SystemTime,
    /// Runs, by version of a flow.
    pub flows: Vec<FlowPoint>,
    /// Calls of nodes.
    pub nodes: Vec<NodePoint>,
    /// Calls of model services.
    pub models: Vec<ModelPoint>,
    /// What is at this moment.
    pub gauges: Gauges,
    /// What telemetry counts of itself, since the host started.
    pub own: Vec<OwnCount>,
}

impl Snapshot {
    /// The moment in the middle: what was counted belongs to the minute of that. A snapshot is due at the bound of two minutes,
    /// and taken a moment later. A span that is longer than intervals are is one in which the clock was set forward: what was
    /// counted is of its end.
    pub fn middle(&self) -> SystemTime {
        let span = self.to.duration_since(self.from).unwrap_or_default();
        self.to - (span / 2).min(LONGEST_HALF)
    }
}

/// A moment in milliseconds since 1970; 0 for one before.
pub(crate) fn unix_ms(moment: SystemTime) -> u64 {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// The runs of a version of a flow.
#[derive(Debug, Clone)]
pub struct FlowPoint {
    /// Which.
    pub id: Arc<FlowId>,
    /// How long they took, in [`TICKS_PER_SECOND`](crate::TICKS_PER_SECOND)ths of a second, by how they ended.
    pub durations: ByOutcome,
}

/// The calls of a node.
#[derive(Debug, Clone)]
pub struct NodePoint {
    /// Which.
    pub id: Arc<NodeId>,
    /// What was counted.
    pub counts: NodeCounts,
}

/// What is counted of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeCounts {
    /// How long it took, in [`TICKS_PER_SECOND`](crate::TICKS_PER_SECOND)ths of a second, by how it ended.
    pub durations: ByOutcome,
    /// Fuel, where a guest ran and that is known: not of calls that were cut short.
    pub fuel: Sketch,
    /// The most bytes of all memories of a call, of the same calls.
    pub memory: Sketch,
    /// Attempts after the first.
    pub retries: u64,
    /// Times that outputs were reused.
    pub cache_hits: u64,
    /// What the sandbox ended calls for, by [`TrapReason::ALL`].
    pub traps: [u64; TrapReason::ALL.len()],
    /// Tokens of prompts and of completions, as a model service counted them.
    pub tokens: Tokens,
}

/// Tokens that a model service counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Of prompts.
    pub input: u64,
    /// Of completions.
    pub output: u64,
}

/// The calls of one model, in the terms of OpenTelemetry's GenAI conventions.
#[derive(Debug, Clone)]
pub struct ModelPoint {
    /// Which.
    pub id: Arc<ModelId>,
    /// How long calls of nodes that used it took, each without the attempts before its last, in
    /// [`TICKS_PER_SECOND`](crate::TICKS_PER_SECOND)ths of a second.
    pub duration: Sketch,
    /// The same of calls that failed, by why, of nodes that used it before.
    pub failed: BTreeMap<&'static str, Sketch>,
    /// Tokens of prompts, a value for each call.
    pub input_tokens: Sketch,
    /// Tokens of completions, a value for each call.
    pub output_tokens: Sketch,
}

/// A model of a provider, as one project used it. Provider and model are a node's text, or [`OTHER`] where that is no name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId {
    /// The project whose nodes used it.
    pub project: Arc<str>,
    /// Who serves it.
    pub provider: Arc<str>,
    /// Which one.
    pub model: Arc<str>,
}

impl ModelId {
    /// Whether it stands for many.
    pub fn is_other(&self) -> bool {
        &*self.model == OTHER
    }
}

/// What is at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Gauges {
    /// Runs that wait in the queue, of all projects.
    pub queue_depth: u64,
    /// For how long the oldest of them has waited, in seconds.
    pub queue_age_s: f64,
    /// Places of the sandbox that are taken by calls.
    pub sandbox_active: u64,
}

/// What telemetry counts of itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnCount {
    /// The instrument, such as `lockgate.telemetry.dropped`.
    pub name: &'static str,
    /// Of which reason; empty where there is none.
    pub reason: Arc<str>,
    /// How many, since the host started.
    pub total: u64,
}

/// A histogram for each way to end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ByOutcome([Sketch; Outcome::ALL.len()]);

impl ByOutcome {
    /// Those ways in which any ended.
    pub fn iter(&self) -> impl Iterator<Item = (Outcome, &Sketch)> {
        let all = Outcome::ALL.into_iter().zip(&self.0);
        all.filter(|(_, sketch)| !sketch.is_empty())
    }

    /// How many ended so.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize].count()
    }

    /// Those that ended so.
    pub fn of(&self, outcome: Outcome) -> &Sketch {
        &self.0[outcome as usize]
    }

    /// How many ended, in whatever way.
    pub fn total(&self) -> u64 {
        let counts = self.0.iter().map(Sketch::count);
        counts.fold(0, u64::saturating_add)
    }

    /// How many of them count as errors.
    pub fn errors(&self) -> u64 {
        let errors = self.iter().filter(|(outcome, _)| outcome.is_error());
        let counts = errors.map(|(_, sketch)| sketch.count());
        counts.fold(0, u64::saturating_add)
    }

    /// All of them together.
    pub fn all(&self) -> Sketch {
        let mut all = Sketch::new();
        self.0.iter().for_each(|sketch| all.add(sketch));
        all
    }

    /// Adds to one.
    pub fn add_to(&mut self, outcome: Outcome, sketch: &Sketch) {
        self.0[outcome as usize].add(sketch);
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        for (mine, other) in self.0.iter_mut().zip(&other.0) {
            mine.add(other);
        }
    }

    /// Whether none ended.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Sketch::is_empty)
    }
}

impl NodeCounts {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.durations.add(&other.durations);
        self.fuel.add(&other.fuel);
        self.memory.add(&other.memory);
        self.retries = self.retries.saturating_add(other.retries);
        self.cache_hits = self.cache_hits.saturating_add(other.cache_hits);
        for (mine, other) in self.traps.iter_mut().zip(other.traps) {
            *mine = mine.saturating_add(other);
        }
        self.tokens.add(other.tokens);
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Tokens {
    /// Adds another's.
    pub fn add(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
    }
}
