//! What runs write into while they go on. A plan holds its series, so nothing is looked up, locked or allocated at each call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use lockgate_model::{FlowSeries, NodeFinished, NodeOutcome, NodeReceipt, RunOutcome};

use crate::cms::{RawCalls, RawId};
use crate::histogram::Recorder;
use crate::models::Models;
use crate::names::{FlowId, NodeId, Outcome, TrapReason};
use crate::snapshot::{ByOutcome, ModelId, NodeCounts, Tokens};

/// Durations are counted in parts of a second that are a power of two, about 0.93 ns each: so the bounds of their buckets are
/// the bounds of OpenTelemetry's buckets of seconds, moved by a whole number.
pub const TICKS_PER_SECOND: u64 = 1 << TICKS_LOG2;

/// Of [`TICKS_PER_SECOND`].
pub(crate) const TICKS_LOG2: u32 = 30;

/// A duration in ticks. The longest that fits is 544 years.
pub(crate) fn ticks(duration: Duration) -> u64 {
    let part = (u64::from(duration.subsec_nanos()) << TICKS_LOG2) / 1_000_000_000;
    duration
        .as_secs()
        .checked_mul(TICKS_PER_SECOND)
        .map_or(u64::MAX, |whole| whole | part)
}

/// The series of one plan: one for its runs, and one for each node.
#[derive(Debug)]
pub(crate) struct PlanSeries {
    pub(crate) runs: Arc<RunSeries>,
    pub(crate) nodes: Box<[Arc<NodeSeries>]>,
    pub(crate) models: Arc<Models>,
    /// Where single calls go to, if they are wanted.
    pub(crate) raw: Option<Arc<RawCalls>>,
}

impl FlowSeries for PlanSeries {
    fn node_finished(&self, node: &NodeFinished<'_>) {
        let Some(series) = self.nodes.get(node.node as usize) else {
            return;
        };
        if !series.count(node) {
            return;
        }
        // A sub-flow's usage is that of its nodes, which are counted themselves.
        if series.is_plugins() {
            series.count_model(node, &self.models);
        }
        if let Some(raw) = &self.raw {
            let id = || RawId::Node(Arc::clone(&series.id));
            raw.offer(id, ticks(node.took), used(node.receipt));
        }
    }

    fn run_finished(&self, outcome: &RunOutcome, took: Duration) {
        let Some(outcome) = Outcome::of_run(outcome) else {
            return;
        };
        self.runs.durations.record(outcome, ticks(took));
        if let Some(raw) = &self.raw {
            let id = || RawId::Flow(Arc::clone(&self.runs.id));
            raw.offer(id, ticks(took), None);
        }
    }
}

/// The runs of a version of a flow.
#[derive(Debug)]
pub(crate) struct RunSeries {
    pub(crate) id: Arc<FlowId>,
    durations: Durations,
    idle: Idle,
}

impl RunSeries {
    pub(crate) fn new(id: Arc<FlowId>) -> Self {
        Self {
            id,
            durations: Durations::default(),
            idle: Idle::default(),
        }
    }

    /// Takes out what was counted since the last time, so long ago.
    pub(crate) fn drain(&self, since: Duration) -> Option<ByOutcome> {
        let drained = self.durations.drain();
        self.idle.note(drained.is_none(), since);
        drained
    }

    /// How long nothing was found in it.
    pub(crate) fn idle(&self) -> Duration {
        self.idle.get()
    }
}

/// The calls of a node.
#[derive(Debug)]
pub(crate) struct NodeSeries {
    pub(crate) id: Arc<NodeId>,
    durations: Durations,
    used: OnceLock<Box<Used>>,
    /// The model that it used last, if it ever used one.
    model: OnceLock<Mutex<ModelId>>,
    rare: Rare,
    idle: Idle,
}

/// What calls used.
#[derive(Debug, Default)]
struct Used {
    fuel: Recorder,
    memory: Recorder,
}

/// What most calls do not count.
#[derive(Debug, Default)]
struct Rare {
    retries: AtomicU64,
    cache_hits: AtomicU64,
    traps: [AtomicU64; TrapReason::ALL.len()],
    input_tokens: AtomicU64,
    output_tokens: AtomicU64,
}

impl NodeSeries {
    pub(crate) fn new(id: Arc<NodeId>) -> Self {
        Self {
            id,
            durations: Durations::default(),
            used: OnceLock::new(),
            model: OnceLock::new(),
            rare: Rare::default(),
            idle: Idle::default(),
        }
    }

    fn is_plugins(&self) -> bool {
        !self.id.plugin.is_empty()
    }

    /// Counts a call that used a model, or failed where it would have.
    fn count_model(&self, node: &NodeFinished<'_>, models: &Models) {
        let took = ticks(node.last_took);
        if let Some(usage) = &node.receipt.usage {
            let id = models.count(&self.id.flow.project, usage, took);
            let model = self.model.get_or_init(|| Mutex::new(id.clone()));
            *lock(model) = id;
        } else if let (NodeOutcome::Failed(error), Some(model)) = (node.outcome, self.model.get())
            && node.receipt.attempts > 0
        {
            let id = lock(model).clone();
            models.failed(&id, error.kind(), took);
        }
    }

    /// Counts a call. Whether there was one.
    fn count(&self, node: &NodeFinished<'_>) -> bool {
        let Some(outcome) = Outcome::of_node(node.outcome) else {
            return false;
        };
        let receipt = node.receipt;
        if let Some((fuel, memory)) = used(receipt) {
            let used = self.used.get_or_init(Box::default);
            used.fuel.record(fuel);
            used.memory.record(memory);
        }
        if receipt.attempts > 1 || receipt.cache_hits > 0 || receipt.usage.is_some() {
            self.rare.count(receipt);
        }
        if let (Outcome::Trapped, NodeOutcome::Failed(error)) = (outcome, node.outcome) {
            let reason = TrapReason::of(error);
            self.rare.traps[reason as usize].fetch_add(1, Ordering::Relaxed);
        }
        // Last: it is what a drain looks at.
        self.durations.record(outcome, ticks(node.took));
        true
    }

    /// Takes out what was counted since the last time, so long ago.
    pub(crate) fn drain(&self, since: Duration) -> Option<NodeCounts> {
        let durations = self.durations.drain();
        self.idle.note(durations.is_none(), since);
        let durations = durations?;
        let used = self.used.get();
        let taken = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        Some(NodeCounts {
            durations,
            fuel: used.and_then(|used| used.fuel.drain()).unwrap_or_default(),
            memory: used
                .and_then(|used| used.memory.drain())
                .unwrap_or_default(),
            retries: taken(&self.rare.retries),
            cache_hits: taken(&self.rare.cache_hits),
            traps: self.rare.traps.each_ref().map(taken),
            tokens: Tokens {
                input: taken(&self.rare.input_tokens),
                output: taken(&self.rare.output_tokens),
            },
        })
    }

    /// How long nothing was found in it.
    pub(crate) fn idle(&self) -> Duration {
        self.idle.get()
    }
}

impl Rare {
    fn count(&self, receipt: &NodeReceipt) {
        let add = |count: &AtomicU64, by: u64| {
            if by > 0 {
                count.fetch_add(by, Ordering::Relaxed);
            }
        };
        add(&self.retries, receipt.attempts.saturating_sub(1).into());
        add(&self.cache_hits, receipt.cache_hits.into());
        if let Some(usage) = &receipt.usage {
            add(&self.input_tokens, usage.input_tokens);
            add(&self.output_tokens, usage.output_tokens);
        }
    }
}

fn lock(model: &Mutex<ModelId>) -> MutexGuard<'_, ModelId> {
    model.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The fuel and the bytes of memory of a call, where they are known. A guest that ran used fuel; a call that was cut short, or
/// that no guest began, has no receipt, and what is not known is not 0.
fn used(receipt: &NodeReceipt) -> Option<(u64, u64)> {
    let calls = &receipt.calls;
    (receipt.attempts > 0 && calls.fuel > 0).then_some((calls.fuel, calls.memory_bytes))
}

/// A histogram for each way to end, made when something first ends so.
#[derive(Debug, Default)]
struct Durations([OnceLock<Box<Recorder>>; Outcome::ALL.len()]);

impl Durations {
    fn record(&self, outcome: Outcome, ticks: u64) {
        self.0[outcome as usize]
            .get_or_init(Box::default)
            .record(ticks);
    }

    fn drain(&self) -> Option<ByOutcome> {
        let mut drained: Option<ByOutcome> = None;
        for (outcome, recorder) in Outcome::ALL.into_iter().zip(&self.0) {
            if let Some(sketch) = recorder.get().and_then(|recorder| recorder.drain()) {
                let drained = drained.get_or_insert_default();
                drained.add_to(outcome, &sketch);
            }
        }
        drained
    }
}

/// How long nothing was counted, in microseconds. One who drains writes it.
#[derive(Debug, Default)]
struct Idle(AtomicU64);

impl Idle {
    fn note(&self, found_nothing: bool, since: Duration) {
        let idle = if found_nothing {
            self.get() + since
        } else {
            Duration::ZERO
        };
        let micros = u64::try_from(idle.as_micros()).unwrap_or(u64::MAX);
        self.0.store(micros, Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_parts_of_a_second() {
        assert_eq!(ticks(Duration::from_secs(1)), TICKS_PER_SECOND);
        assert_eq!(ticks(Duration::from_millis(500)), TICKS_PER_SECOND / 2);
        assert_eq!(ticks(Duration::from_nanos(1_000)), 1_073);
        assert_eq!(ticks(Duration::MAX), u64::MAX);
    }
}
