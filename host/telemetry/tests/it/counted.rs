//! Runs of flows that never ran: what an engine would tell, told to counts that a collector drains.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lockgate_model::{
    CallError, CountedFlow, CountedNode, Exhausted, FlowOrigin, FlowSeries, Ident, Kebab, Limit,
    NodeFinished, NodeOutcome, NodeReceipt, PluginId, RunOutcome, Telemetry as _, Usage,
};
use lockgate_telemetry::{Bounds, Collector, Counts, Exporter, Own};

/// When counting begins.
pub(crate) const START: Duration = Duration::from_secs(1_800_000_000);

/// Counts, and what drains them.
pub(crate) struct Counted {
    pub(crate) counts: Arc<Counts>,
    pub(crate) collector: Arc<Collector>,
    pub(crate) own: Own,
}

/// The series of a flow of one node, `a` of the plugin `test:p@1.2.3`.
pub(crate) struct Flow(Arc<dyn FlowSeries>);

/// What one call of the node used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) took: Duration,
    pub(crate) fuel: u64,
    pub(crate) memory_bytes: u64,
}

impl Counted {
    pub(crate) fn new(own: Own, exporters: Vec<Arc<dyn Exporter>>) -> Self {
        let counts = Arc::new(Counts::new(Bounds::default(), own.clone()));
        let start = SystemTime::UNIX_EPOCH + START;
        let collector = Collector::new(Arc::clone(&counts), own.clone(), exporters, start);
        Self {
            counts,
            collector: Arc::new(collector),
            own,
        }
    }

    /// A flow of a project, in its third version.
    pub(crate) fn flow(&self, project: &str, name: &str) -> Flow {
        self.flow_of(Some(project), name)
    }

    /// One that is kept nowhere, where no project is given.
    pub(crate) fn flow_of(&self, project: Option<&str>, name: &str) -> Flow {
        let kebab = |name: &str| name.parse::<Kebab>().expect("a name");
        let origin = project.map(|project| FlowOrigin {
            project: kebab(project),
            version: 3,
        });
        let node: Ident = "a".parse().expect("a name");
        let plugin = PluginId {
            name: "test:p".parse().expect("a name"),
            version: semver::Version::new(1, 2, 3),
            digest: "sha256:00".into(),
        };
        Flow(self.counts.series(&CountedFlow {
            origin: origin.as_ref(),
            name: &kebab(name),
            nodes: vec![CountedNode {
                name: &node,
                plugin: Some(&plugin),
            }],
        }))
    }

    /// Takes a snapshot, so many seconds after the start.
    pub(crate) fn collect(&self, seconds: u64) {
        let now = SystemTime::UNIX_EPOCH + START + Duration::from_secs(seconds);
        self.collector.collect(now, None);
    }

    /// Closes the exporters, when nothing has happened since the last snapshot.
    pub(crate) async fn close(&self, within: Duration) {
        let last = self.collector.with_totals(|totals| totals.at);
        self.collector.close_at(last, within).await;
    }
}

impl Flow {
    /// A call that gave its outputs, in a run that took as long.
    pub(crate) fn call(&self, call: Call) {
        self.end(call, &NodeOutcome::Ok(Vec::new()), None);
        self.0
            .run_finished(&RunOutcome::Ok(Default::default()), call.took);
    }

    /// A call at the second attempt, that used a model.
    pub(crate) fn chat(&self, call: Call, input_tokens: u64, output_tokens: u64) {
        let usage = Usage {
            provider: "acme".into(),
            model: "m-1".into(),
            input_tokens,
            output_tokens,
            cached_tokens: None,
        };
        self.end(call, &NodeOutcome::Ok(Vec::new()), Some(usage));
    }

    /// A call that used up its fuel.
    pub(crate) fn trap(&self, call: Call) {
        let error = CallError::Exhausted(Exhausted {
            limit: Limit::Fuel,
            allowed: call.fuel,
            backtrace: Vec::new(),
        });
        self.end(call, &NodeOutcome::Failed(Arc::new(error)), None);
    }

    fn end(&self, call: Call, outcome: &NodeOutcome, usage: Option<Usage>) {
        let mut receipt = NodeReceipt {
            attempts: if usage.is_some() { 2 } else { 1 },
            usage,
            ..NodeReceipt::default()
        };
        receipt.calls.fuel = call.fuel;
        receipt.calls.memory_bytes = call.memory_bytes;
        self.0.node_finished(&NodeFinished {
            node: 0,
            outcome,
            receipt: &receipt,
            took: call.took,
            last_took: call.took,
        });
    }
}

/// Durations that nodes may have, a thousand of them: most short, some very long, in an order of their own.
pub(crate) fn durations(seed: u64) -> Vec<Duration> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..1_000)
        .map(|_| Duration::from_secs_f64(1e-5 * (next() * 12.0).exp()))
        .collect()
}

/// The value of rank `⌈q · count⌉`, in seconds.
pub(crate) fn exact(durations: &[Duration], q: f64) -> f64 {
    let mut durations = durations.to_vec();
    durations.sort_unstable();
    let rank = (q * durations.len() as f64).ceil() as usize;
    durations[rank - 1].as_secs_f64()
}
