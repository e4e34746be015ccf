//! What was counted in one period: the minute or the five minutes that go on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use lockgate_cms::Period;

use crate::snapshot::{ByOutcome, Gauges, ModelId, NodeCounts, Snapshot, unix_ms};
use crate::totals::ModelCounts;
use crate::{FlowId, NodeId};

/// What was counted in one period so far.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) period: Period,
    /// When it ends, in seconds since 1970: a multiple of its length.
    pub(super) end_s: u64,
    pub(super) flows: BTreeMap<Arc<FlowId>, ByOutcome>,
    pub(super) nodes: BTreeMap<Arc<NodeId>, NodeCounts>,
    pub(super) models: BTreeMap<Arc<ModelId>, ModelCounts>,
    pub(super) gauges: Vec<Gauges>,
    /// What telemetry had to let go, all reasons together.
    pub(super) dropped: u64,
}

impl Window {
    /// The period that a moment belongs to, with nothing in it. A moment on the bound of two ends the first.
    pub(super) fn of(period: Period, moment: SystemTime) -> Self {
        let length = period.seconds() * 1_000;
        let end_ms = unix_ms(moment)
            .max(1)
            .div_ceil(length)
            .saturating_mul(length);
        Self {
            period,
            end_s: end_ms / 1_000,
            flows: BTreeMap::new(),
            nodes: BTreeMap::new(),
            models: BTreeMap::new(),
            gauges: Vec::new(),
            dropped: 0,
        }
    }

    /// When it ends, in milliseconds since 1970.
    pub(super) fn end_ms(&self) -> u64 {
        self.end_s.saturating_mul(1_000)
    }

    /// Adds what was counted in it.
    pub(super) fn add(&mut self, snapshot: &Snapshot, dropped: u64) {
        for point in &snapshot.flows {
            let flow = self.flows.entry(Arc::clone(&point.id)).or_default();
            flow.add(&point.durations);
        }
        for point in &snapshot.nodes {
            let node = self.nodes.entry(Arc::clone(&point.id)).or_default();
            node.add(&point.counts);
        }
        for point in &snapshot.models {
            let model = self.models.entry(Arc::clone(&point.id)).or_default();
            model.duration.add(&point.duration);
            model.input_tokens.add(&point.input_tokens);
            model.output_tokens.add(&point.output_tokens);
        }
        self.gauges.push(snapshot.gauges);
        self.dropped += dropped;
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_moment_on_a_bound_ends_the_period_before_it() {
        let end = |seconds: f64| {
            let moment = UNIX_EPOCH + Duration::from_secs_f64(seconds);
            let end = |period| Window::of(period, moment).end_s;
            (end(Period::Minute), end(Period::FiveMinutes))
        };
        assert_eq!(end(1.0), (60, 300));
        assert_eq!(end(60.0), (60, 300));
        assert_eq!(end(60.001), (120, 300));
        assert_eq!(end(300.0), (300, 300));
        assert_eq!(end(300.5), (360, 600));
    }
}
