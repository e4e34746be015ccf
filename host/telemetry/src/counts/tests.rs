use std::time::{Duration, SystemTime};

use lockgate_model::{
    CallError, CountedNode, Failure, FailureKind, FlowOrigin, Ident, Kebab, NodeFinished,
    NodeOutcome, NodeReceipt, PluginId, RunOutcome, Usage,
};

use super::*;
use crate::{Collector, Outcome, TICKS_PER_SECOND};

struct Flow {
    name: Kebab,
    origin: FlowOrigin,
    node: Ident,
    plugin: PluginId,
}

impl Flow {
    fn new(name: &str, version: u32) -> Self {
        let kebab = |name: &str| name.parse::<Kebab>().expect("a name");
        Self {
            name: kebab(name),
            origin: FlowOrigin {
                project: kebab("default"),
                version,
            },
            node: "a".parse().expect("a name"),
            plugin: PluginId {
                name: "test:p".parse().expect("a name"),
                version: semver::Version::new(1, 0, 0),
                digest: "sha256:00".into(),
            },
        }
    }

    fn series(&self, counts: &Counts, kept: bool) -> Arc<dyn FlowSeries> {
        counts.series(&CountedFlow {
            origin: kept.then_some(&self.origin),
            name: &self.name,
            nodes: vec![CountedNode {
                name: &self.node,
                plugin: Some(&self.plugin),
            }],
        })
    }
}

fn finish(series: &dyn FlowSeries, seconds: u64) {
    let took = Duration::from_secs(seconds);
    let mut receipt = NodeReceipt {
        attempts: 2,
        ..NodeReceipt::default()
    };
    receipt.calls.fuel = 100;
    receipt.calls.memory_bytes = 65_536;
    series.node_finished(&NodeFinished {
        node: 0,
        outcome: &NodeOutcome::Ok(Vec::new()),
        receipt: &receipt,
        took,
        last_took: took,
    });
    series.run_finished(&RunOutcome::Cancelled, took);
}

#[test]
fn what_runs_tell_is_in_the_next_snapshot_and_in_the_totals() {
    let own = Own::default();
    let counts = Arc::new(Counts::new(Bounds::default(), own.clone()));
    let start = SystemTime::UNIX_EPOCH;
    let collector = Collector::new(Arc::clone(&counts), own, Vec::new(), start);
    let series = Flow::new("poem", 3).series(&counts, true);
    finish(&*series, 1);
    finish(&*series, 3);
    let snapshot = collector.collect(start + Duration::from_secs(10), None);
    assert_eq!((snapshot.flows.len(), snapshot.nodes.len()), (1, 1));
    let (flow, node) = (&snapshot.flows[0], &snapshot.nodes[0]);
    assert_eq!(flow.id.to_string(), "poem@3");
    assert_eq!(flow.durations.count(Outcome::Cancelled), 2);
    assert_eq!((&*node.id.node, &*node.id.plugin), ("a", "test:p"));
    assert_eq!(node.counts.durations.all().sum(), 4 * TICKS_PER_SECOND);
    assert_eq!((node.counts.fuel.sum(), node.counts.retries), (200, 2));
    assert_eq!(node.counts.memory.max(), 65_536);

    finish(&*series, 1);
    let next = collector.collect(start + Duration::from_secs(20), None);
    assert_eq!(next.nodes[0].counts.retries, 1);
    let total = collector.with_totals(|totals| totals.nodes[&node.id].counts.clone());
    assert_eq!((total.fuel.count(), total.retries), (3, 3));
    let empty = collector.collect(start, None);
    assert!(empty.nodes.is_empty() && empty.flows.is_empty());
    assert_eq!(empty.from, empty.to);
}

#[test]
fn what_a_call_used_that_was_cut_short_is_not_known() {
    let raw = Arc::new(RawCalls::new(1.0));
    let counts = Counts::new(Bounds::default(), Own::default()).with_raw(Some(Arc::clone(&raw)));
    let series = Flow::new("poem", 1).series(&counts, true);
    finish(&*series, 1);
    let mut receipt = NodeReceipt {
        attempts: 1,
        ..NodeReceipt::default()
    };
    // That it waited for a place is known, and nothing beside.
    for queue in [Duration::ZERO, Duration::from_millis(5)] {
        receipt.calls.queue = queue;
        series.node_finished(&NodeFinished {
            node: 0,
            outcome: &NodeOutcome::Cancelled,
            receipt: &receipt,
            took: Duration::from_secs(1),
            last_took: Duration::from_secs(1),
        });
    }
    let drained = counts.drain(Duration::ZERO);
    let node = &drained.nodes[0].counts;
    assert_eq!(node.durations.count(Outcome::Cancelled), 2);
    assert_eq!((node.fuel.count(), node.fuel.min()), (1, 100));
    assert_eq!((node.memory.count(), node.memory.min()), (1, 65_536));
    let (calls, _) = raw.drain();
    let known = calls.iter().filter(|call| call.used.is_some());
    assert_eq!((calls.len(), known.count()), (4, 1));
}

#[test]
fn past_the_bound_and_without_a_place_series_are_counted_together() {
    let own = Own::default();
    let bounds = Bounds { flows: 2, nodes: 1 };
    let counts = Counts::new(bounds, own.clone());
    let held: Vec<_> = (1..=3)
        .map(|version| Flow::new("poem", version).series(&counts, true))
        .collect();
    let unsaved = Flow::new("poem", 9).series(&counts, false);
    held.iter()
        .chain([&unsaved])
        .for_each(|series| finish(&**series, 1));
    let drained = counts.drain(Duration::ZERO);
    let other = |is: bool| {
        let flows = drained
            .flows
            .iter()
            .filter(move |point| point.id.is_other() == is);
        let runs = flows
            .map(|point| point.durations.all().count())
            .sum::<u64>();
        let nodes = drained
            .nodes
            .iter()
            .filter(move |point| (&*point.id.node == OTHER) == is);
        (
            runs,
            nodes.map(|point| point.counts.fuel.count()).sum::<u64>(),
        )
    };
    assert_eq!((other(false), other(true)), ((2, 1), (2, 3)));
    let dropped = own.all();
    assert_eq!(dropped.len(), 2, "{dropped:?}");
    assert!(
        dropped
            .iter()
            .all(|count| count.name == DROPPED && count.total == 1)
    );
}

#[test]
fn series_of_plans_that_are_gone_make_room() {
    let counts = Counts::new(Bounds { flows: 1, nodes: 1 }, Own::default());
    drop(Flow::new("poem", 1).series(&counts, true));
    let kept = Flow::new("poem", 2);
    let minute = Duration::from_secs(60);
    (0..15).for_each(|_| drop(counts.drain(minute)));
    let series = kept.series(&counts, true);
    finish(&*series, 1);
    let drained = counts.drain(Duration::ZERO);
    assert_eq!(drained.flows[0].id.version, 2);
    // One that a plan holds stays, however idle.
    (0..30).for_each(|_| drop(counts.drain(minute)));
    finish(&*series, 1);
    assert_eq!(counts.drain(minute).flows[0].id.version, 2);
}

#[test]
fn scrapes_make_no_series_old() {
    let counts = Counts::new(Bounds { flows: 1, nodes: 1 }, Own::default());
    drop(Flow::new("poem", 1).series(&counts, true));
    (0..1_000).for_each(|_| drop(counts.drain(Duration::from_millis(800))));
    let series = Flow::new("poem", 2).series(&counts, true);
    finish(&*series, 1);
    assert!(
        counts.drain(Duration::ZERO).flows[0].id.is_other(),
        "the first one is there"
    );
}

#[test]
fn what_ends_while_its_series_is_forgotten_is_counted() {
    let counts = Counts::new(Bounds::default(), Own::default());
    let series = Flow::new("poem", 1).series(&counts, true);
    counts.drain(IDLE);
    // A long run of a version that nobody runs any more ends after it was drained.
    finish(&*series, 1_000);
    drop(series);
    let mut drained = Drained::default();
    counts.forget_idle(&mut drained);
    assert_eq!((drained.flows.len(), drained.nodes.len()), (1, 1));
    assert_eq!(drained.nodes[0].counts.fuel.sum(), 100);
    assert!(counts.drain(IDLE).flows.is_empty());
}

#[test]
fn calls_of_models_that_fail_are_counted_by_why() {
    let counts = Counts::new(Bounds::default(), Own::default());
    let series = Flow::new("poem", 1).series(&counts, true);
    let failed = CallError::Failed(Failure::new(FailureKind::RateLimited, "429"));
    let failed = NodeOutcome::Failed(Arc::new(failed));
    let mut receipt = NodeReceipt {
        attempts: 3,
        ..NodeReceipt::default()
    };
    let end = |outcome: &NodeOutcome, receipt: &NodeReceipt| {
        series.node_finished(&NodeFinished {
            node: 0,
            outcome,
            receipt,
            took: Duration::from_secs(21),
            last_took: Duration::from_secs(1),
        });
    };
    // Nobody knows yet that it calls models.
    end(&failed, &receipt);
    receipt.usage = Some(Usage {
        provider: "acme".into(),
        model: "m-1".into(),
        input_tokens: 3,
        output_tokens: 5,
        cached_tokens: None,
    });
    end(&NodeOutcome::Ok(Vec::new()), &receipt);
    receipt.usage = None;
    end(&failed, &receipt);
    end(&NodeOutcome::Cancelled, &receipt);
    let models = counts.drain(Duration::ZERO).models;
    let [model] = &*models else {
        unreachable!("{models:?}");
    };
    assert_eq!((&*model.id.provider, &*model.id.model), ("acme", "m-1"));
    // The last attempt is the operation: it is what the tokens are of.
    assert_eq!(
        (model.duration.count(), model.duration.sum()),
        (1, TICKS_PER_SECOND)
    );
    let failed: Vec<_> = model
        .failed
        .iter()
        .map(|(kind, one)| (*kind, one.count()))
        .collect();
    assert_eq!(failed, [("rate-limited", 1)]);
}
