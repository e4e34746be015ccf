use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use futures::FutureExt as _;
use lockgate_model::{CountedFlow, FlowOrigin, RunOutcome, Telemetry as _};

use super::*;
use crate::{Bounds, Counts};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn collector(exporters: Vec<Arc<dyn Exporter>>) -> (Arc<Counts>, Arc<Collector>, Own) {
    let own = Own::default();
    let counts = Arc::new(Counts::new(Bounds::default(), own.clone()));
    let collector = Collector::new(Arc::clone(&counts), own.clone(), exporters, at(0));
    (counts, Arc::new(collector), own)
}

fn run(counts: &Counts, version: u32) {
    let origin = FlowOrigin {
        project: "default".parse().expect("a name"),
        version,
    };
    let flow = CountedFlow {
        origin: Some(&origin),
        name: &"poem".parse().expect("a name"),
        nodes: Vec::new(),
    };
    let series = counts.series(&flow);
    series.run_finished(&RunOutcome::Cancelled, Duration::from_secs(1));
}

#[test]
fn a_clock_that_is_set_back_far_is_followed() {
    let (counts, collector, _) = collector(Vec::new());
    run(&counts, 1);
    collector.collect(at(7_200), None);
    run(&counts, 1);
    // A little: time stands still.
    let little = collector.collect(at(7_190), None);
    assert_eq!((little.from, little.to), (at(7_200), at(7_200)));
    run(&counts, 1);
    run(&counts, 2);
    let far = collector.collect(at(10), None);
    assert_eq!((far.from, far.to, far.middle()), (at(10), at(10), at(10)));
    assert_eq!(far.flows.len(), 2, "nothing is lost");
    let next = collector.collect(at(20), None);
    assert_eq!((next.from, next.to), (at(10), at(20)));
    collector.with_totals(|totals| {
        assert_eq!(totals.at, at(20));
        for (id, total) in &totals.flows {
            assert!(total.since <= at(10) && total.written <= at(10), "{id}");
            assert_eq!(total.counts.total(), if id.version == 1 { 3 } else { 1 });
        }
    });
    // What nobody writes to goes at its time, and not two hours later.
    collector.collect(at(20 + 3_600), None);
    assert!(collector.with_totals(|totals| totals.flows.is_empty()));
}

#[test]
fn who_reads_sees_new_counts_although_the_clock_was_set_back() {
    let (counts, collector, _) = collector(Vec::new());
    run(&counts, 1);
    collector.refresh(at(7_200), Duration::from_secs(1));
    run(&counts, 1);
    collector.refresh(at(7_199), Duration::from_secs(1));
    let runs = |collector: &Collector| {
        collector.with_totals(|totals| totals.flows.values().next().map(|one| one.counts.total()))
    };
    assert_eq!(runs(&collector), Some(1));
    collector.refresh(at(10), Duration::from_secs(1));
    assert_eq!(runs(&collector), Some(2));
}

#[test]
fn what_was_counted_before_the_clock_was_set_forward_is_of_now() {
    let (_, collector, _) = collector(Vec::new());
    assert_eq!(collector.collect(at(10), None).middle(), at(5));
    assert_eq!(collector.collect(at(7_210), None).middle(), at(7_180));
}

/// Takes its time to close, and says whether it could.
#[derive(Default)]
struct Slow {
    beyond: Duration,
    has_closed: AtomicBool,
    taken: AtomicU64,
}

impl Exporter for Slow {
    fn take(&self, _: &Arc<Snapshot>) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    fn close(&self, within: Duration) -> BoxFuture<'_, ()> {
        async move {
            tokio::time::sleep(within + self.beyond).await;
            self.has_closed.store(true, Ordering::Relaxed);
        }
        .boxed()
    }
}

#[tokio::test]
async fn who_needs_all_of_its_time_may_still_put_away_what_is_left() {
    let slow = |beyond| {
        Arc::new(Slow {
            beyond,
            ..Slow::default()
        })
    };
    let (puts_away, hangs) = (
        slow(Duration::from_millis(100)),
        slow(Duration::from_secs(3600)),
    );
    let (_, collector, _) = collector(vec![puts_away.clone(), hangs.clone()]);
    collector.close(Duration::ZERO).await;
    assert!(puts_away.has_closed.load(Ordering::Relaxed));
    assert!(!hangs.has_closed.load(Ordering::Relaxed));
}

#[tokio::test]
async fn gauges_that_are_not_told_stop_nothing() {
    let taken = Arc::new(Slow::default());
    let (_, collector, own) = collector(vec![taken.clone()]);
    let known = Gauges {
        queue_depth: 7,
        ..Gauges::default()
    };
    collector.collect(SystemTime::now(), Some(known));
    for fails in [true, false] {
        let before = taken.taken.load(Ordering::Relaxed);
        let gauges: GaugeSource = Arc::new(move || match fails {
            true => Box::pin(std::future::ready(None)),
            false => Box::pin(std::future::pending()),
        });
        let twice = async {
            while taken.taken.load(Ordering::Relaxed) < before + 2 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        collector
            .run(Duration::from_millis(10), gauges, twice)
            .await;
        assert_eq!(
            collector.with_totals(|totals| totals.gauges),
            known,
            "as they were"
        );
    }
    let dropped = own.all();
    assert!(dropped.len() == 1 && dropped[0].total >= 4, "{dropped:?}");
    // Who is asked to stop does not wait for them.
    let gauges: GaugeSource = Arc::new(|| Box::pin(std::future::pending()));
    let stop = tokio::time::sleep(Duration::from_millis(50));
    collector.run(Duration::from_secs(1), gauges, stop).await;
}
