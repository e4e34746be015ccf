//! Everything since the host started: what exporters tell whose readers want sums that only grow.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::histogram::Sketch;
use crate::names::{FlowId, NodeId, Outcome};
use crate::snapshot::{ByOutcome, Gauges, ModelId, NodeCounts, OwnCount, Snapshot};

/// How long a series is told after it was last written to. A version that nobody runs any more goes then.
const IDLE: Duration = Duration::from_secs(3600);

/// Everything since a moment, by series.
#[derive(Debug)]
pub struct Totals {
    /// When counting began.
    pub since: SystemTime,
    /// Of when it is.
    pub at: SystemTime,
    /// All runs, by project and by [`Outcome::ALL`]. These are never forgotten, so they only grow.
    pub runs: BTreeMap<Arc<str>, [u64; Outcome::ALL.len()]>,
    /// Runs, by version of a flow.
    pub flows: BTreeMap<Arc<FlowId>, Total<ByOutcome>>,
    /// Calls of nodes.
    pub nodes: BTreeMap<Arc<NodeId>, Total<NodeCounts>>,
    /// Calls of model services.
    pub models: BTreeMap<Arc<ModelId>, Total<ModelCounts>>,
    /// What is at that moment.
    pub gauges: Gauges,
    /// What telemetry counts of itself.
    pub own: Vec<OwnCount>,
}

/// A series' sum.
#[derive(Debug)]
pub struct Total<T> {
    /// From when on it counts: an exporter has to say when a sum began anew.
    pub since: SystemTime,
    /// When it was last written to.
    pub written: SystemTime,
    /// What was counted.
    pub counts: T,
}

/// What is counted of a model.
#[derive(Debug, Clone, Default)]
pub struct ModelCounts {
    /// As [`ModelPoint::duration`](crate::ModelPoint::duration).
    pub duration: Sketch,
    /// As [`ModelPoint::failed`](crate::ModelPoint::failed).
    pub failed: BTreeMap<&'static str, Sketch>,
    /// As [`ModelPoint::input_tokens`](crate::ModelPoint::input_tokens).
    pub input_tokens: Sketch,
    /// As [`ModelPoint::output_tokens`](crate::ModelPoint::output_tokens).
    pub output_tokens: Sketch,
}

impl Totals {
    pub(crate) fn new(now: SystemTime) -> Self {
        Self {
            since: now,
            at: now,
            runs: BTreeMap::new(),
            flows: BTreeMap::new(),
            nodes: BTreeMap::new(),
            models: BTreeMap::new(),
            gauges: Gauges::default(),
            own: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, snapshot: &Snapshot) {
        let (from, to) = (snapshot.from, snapshot.to);
        if to < self.at {
            self.set_back(to);
        }
        for point in &snapshot.flows {
            let total = entry(&mut self.flows, &point.id, from, to);
            total.add(&point.durations);
            let runs = self.runs.entry(Arc::clone(&point.id.project));
            for (count, outcome) in runs.or_default().iter_mut().zip(Outcome::ALL) {
                *count = count.saturating_add(point.durations.count(outcome));
            }
        }
        for point in &snapshot.nodes {
            entry(&mut self.nodes, &point.id, from, to).add(&point.counts);
        }
        for point in &snapshot.models {
            let total = entry(&mut self.models, &point.id, from, to);
            total.duration.add(&point.duration);
            for (kind, sketch) in &point.failed {
                total.failed.entry(kind).or_default().add(sketch);
            }
            total.input_tokens.add(&point.input_tokens);
            total.output_tokens.add(&point.output_tokens);
        }
        self.gauges = snapshot.gauges;
        self.own.clone_from(&snapshot.own);
        self.at = to;
        let oldest = to.checked_sub(IDLE).unwrap_or(SystemTime::UNIX_EPOCH);
        self.flows.retain(|_, total| total.written >= oldest);
        self.nodes.retain(|_, total| total.written >= oldest);
        self.models.retain(|_, total| total.written >= oldest);
    }

    /// Follows a clock that was set back: nothing began, or was written to, after the moment that it is.
    fn set_back(&mut self, at: SystemTime) {
        fn clamp<I, T>(totals: &mut BTreeMap<I, Total<T>>, at: SystemTime) {
            for total in totals.values_mut() {
                total.since = total.since.min(at);
                total.written = total.written.min(at);
            }
        }
        self.since = self.since.min(at);
        clamp(&mut self.flows, at);
        clamp(&mut self.nodes, at);
        clamp(&mut self.models, at);
    }
}

/// The next of a map's series that `pick` takes, after the one that was seen last: so many at once, so that nobody has to hold
/// all totals while they are written down.
pub(crate) fn page<I: Ord, T, P>(
    series: &BTreeMap<Arc<I>, Total<T>>,
    after: Option<&Arc<I>>,
    most: usize,
    mut pick: impl FnMut(&Arc<I>, &Total<T>) -> Option<P>,
) -> Vec<(Arc<I>, P)> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    series
        .range::<Arc<I>, _>((from, Bound::Unbounded))
        .filter_map(|(id, total)| Some((Arc::clone(id), pick(id, total)?)))
        .take(most)
        .collect()
}

fn entry<'t, I: Ord, T: Default>(
    totals: &'t mut BTreeMap<Arc<I>, Total<T>>,
    id: &Arc<I>,
    from: SystemTime,
    to: SystemTime,
) -> &'t mut T {
    let total = totals.entry(Arc::clone(id)).or_insert_with(|| Total {
        since: from,
        written: to,
        counts: T::default(),
    });
    total.written = to;
    &mut total.counts
}
