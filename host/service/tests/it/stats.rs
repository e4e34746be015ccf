//! What runs did, in numbers, from the end of a run to the answer.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lockgate_service::stats::{
    By, CompareAsk, CompareView, ErrorWord, StatsAsk, StatsView, Tally, VerdictWord, Window,
};
use lockgate_service::{Caller, Scope, ServiceConfig, ServiceError};
use lockgate_store::{RollupMinute, RollupSeries};
use lockgate_telemetry::{
    ByOutcome, Exporter as _, FlowId, FlowPoint, Gauges, NodeCounts, NodeId, NodePoint, Outcome,
    Sketch, Snapshot, TICKS_PER_SECOND,
};

use crate::world::{ECHO, World, code, flow, kebab};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn about(flow: &str) -> StatsAsk {
    StatsAsk {
        flow: kebab(flow),
        by: By::Node,
        since_ms: None,
        until_ms: None,
        version: None,
    }
}

fn versus(a: u32, b: u32, node: Option<&str>) -> CompareAsk {
    CompareAsk {
        a: (kebab("poem"), a),
        b: (kebab("poem"), b),
        node: node.map(str::to_owned),
        since_ms: None,
        until_ms: None,
    }
}

impl World {
    async fn stats(&self, ask: StatsAsk) -> StatsView {
        self.service.stats().get(&self.me, ask).await.unwrap()
    }

    async fn compare(&self, ask: CompareAsk) -> CompareView {
        self.service.stats().compare(&self.me, ask).await.unwrap()
    }

    /// Counts runs of `poem` that ended at this time, each with its node `a`.
    fn count(&self, project: &str, version: u32, at_ms: i64, runs: &ByOutcome) {
        let flow = Arc::new(FlowId {
            project: project.into(),
            flow: "poem".into(),
            version,
        });
        let mut counts = NodeCounts {
            durations: runs.clone(),
            ..NodeCounts::default()
        };
        counts.fuel.record(1_000 * runs.total());
        counts.memory.record(65_536);
        counts.tokens.input = 3 * runs.total();
        let at = UNIX_EPOCH + Duration::from_millis(at_ms.unsigned_abs());
        let snapshot = Snapshot {
            from: at,
            to: at,
            flows: vec![FlowPoint {
                id: Arc::clone(&flow),
                durations: runs.clone(),
            }],
            nodes: vec![NodePoint {
                id: Arc::new(NodeId {
                    flow,
                    node: "a".into(),
                    plugin: "t".into(),
                    plugin_version: "1.0.0".into(),
                }),
                counts,
            }],
            models: Vec::new(),
            gauges: Gauges::default(),
            own: Vec::new(),
        };
        self.counting.rollups.take(&Arc::new(snapshot));
    }
}

fn ended(outcome: Outcome, us: &[u64]) -> ByOutcome {
    let mut sketch = Sketch::new();
    for us in us {
        sketch.record(us * TICKS_PER_SECOND / 1_000_000);
    }
    let mut runs = ByOutcome::default();
    runs.add_to(outcome, &sketch);
    runs
}

fn ok(us: &[u64]) -> ByOutcome {
    ended(Outcome::Ok, us)
}

fn versions(view: &StatsView) -> Vec<(u32, u64)> {
    let items = view.items.iter();
    items
        .map(|item| (item.version.unwrap(), item.tally.count))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_counted_as_soon_as_it_is_over_and_a_plugin_that_was_swapped_is_told() {
    let world = World::new().await;
    for _ in 0..3 {
        world.run("echo", "x").await;
        assert!(world.stats(about("echo")).await.total.count > 0);
    }
    world.upload("1.1.0").await;
    world.run("echo", "x").await;
    let view = world.stats(about("echo")).await;
    assert_eq!((view.total.count, view.total.outcomes.ok), (4, 4));
    assert_eq!(view.total.error_rate, 0.0);
    let [node] = &*view.items else {
        panic!("{:?}", view.items)
    };
    assert_eq!((node.node.as_deref(), node.tally.count), (Some("a"), 4));
    let mut plugins: Vec<_> = node
        .plugins
        .iter()
        .map(|used| (used.plugin.as_str(), used.version.as_str(), used.count))
        .collect();
    plugins.sort_unstable();
    assert_eq!(
        plugins,
        [("lockgate:t", "1.0.0", 3), ("lockgate:t", "1.1.0", 1)]
    );
    let points: u64 = view.total.points.iter().map(|point| point.count).sum();
    assert_eq!(points, 4);

    world
        .save(&flow(
            "echo",
            &[ECHO, "b: { use: t/fail, in: { text: a.text } }"],
        ))
        .await;
    world.run("echo", "x").await;
    let by = By::Version;
    let view = world
        .stats(StatsAsk {
            by,
            ..about("echo")
        })
        .await;
    assert_eq!(versions(&view), [(2, 1), (1, 4)]);
    assert_eq!(view.items[0].tally.outcomes.rejected, 1);
    assert_eq!(view.items[0].tally.error_rate, 1.0);
    assert_eq!(view.total.error_rate, 0.2);
    let only = StatsAsk {
        version: Some(2),
        ..about("echo")
    };
    let view = world.stats(only).await;
    let names: Vec<_> = view.items.iter().map(|item| item.node.as_deref()).collect();
    assert_eq!(names, [Some("a"), Some("b")]);
    assert_eq!(
        (view.total.count, view.items[1].tally.outcomes.rejected),
        (1, 1)
    );
}

/// Durations of which half are around 3 ms and the rest spread up to seconds, in no order.
fn durations(count: u64) -> Vec<u64> {
    let mut state = 7_u64;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..count)
        .map(|_| {
            let spread = if next() < 0.5 { 0.2 } else { 6.0 };
            (3_000.0 * (next() * spread).exp()) as u64
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn percentiles_of_minutes_hours_and_days_are_true_to_five_percent() {
    let world = World::new().await;
    let (all, now) = (durations(2_000), now_ms());
    for (index, part) in all.chunks(20).enumerate() {
        // Spread over more than an hour, and some of it written in between.
        let at = now - 100 * MINUTE + i64::try_from(index).unwrap() * 50_000;
        world.count("default", 1, at, &ok(part));
        if index % 30 == 0 {
            world.stats(about("poem")).await;
        }
    }
    let mut sorted = all.clone();
    sorted.sort_unstable();
    let exact = |q: f64| sorted[(q * sorted.len() as f64).ceil() as usize - 1] as f64;
    for since in [2 * HOUR, 3 * DAY, 40 * DAY] {
        let view = world
            .stats(StatsAsk {
                since_ms: Some(now - since),
                ..about("poem")
            })
            .await;
        for tally in [&view.total, &view.items[0].tally] {
            assert_eq!(tally.count, 2_000, "{since}");
            let found = tally.duration.unwrap();
            for (q, found) in [
                (0.5, found.p50_us),
                (0.9, found.p90_us),
                (0.95, found.p95_us),
                (0.99, found.p99_us),
            ] {
                let (exact, found) = (exact(q), found as f64);
                assert!(
                    (found / exact - 1.0).abs() < 0.05,
                    "{q}: {found} for {exact}"
                );
            }
            let mean = all.iter().sum::<u64>() as f64 / 2_000.0;
            assert!((found.mean_us as f64 - mean).abs() <= 2.0, "{mean}");
            assert!(found.max_us.abs_diff(*sorted.last().unwrap()) <= 1);
            let points: u64 = tally.points.iter().map(|point| point.count).sum();
            assert_eq!(points, 2_000);
            assert_eq!(tally.fuel.unwrap().sum, 2_000_000);
            assert_eq!(tally.tokens.input, 6_000);
            assert_eq!(tally.memory.unwrap().max, 65_536);
        }
        // Nodes are counted of a flow that runs within another too, and its runs are not.
        assert_eq!(view.total.fuel.unwrap().mean, None);
        assert!(
            view.total.points.len() <= 101,
            "{}",
            view.total.points.len()
        );
    }
    // Of the last hour, what was counted in it.
    let since = now - now.rem_euclid(MINUTE) - HOUR;
    let last = StatsAsk {
        since_ms: Some(since),
        ..about("poem")
    };
    let within = (0..100).filter(|index| {
        let at = now - 100 * MINUTE + index * 50_000;
        at >= since
    });
    let expected = within.count() as u64 * 20;
    assert_eq!(world.stats(last).await.total.count, expected);
    let runs = Window {
        project: kebab("default"),
        flow: kebab("poem"),
        version: None,
        node: None,
    };
    let sum = world.service.stats().sum(&runs, since, now).await.unwrap();
    assert_eq!(
        (sum.durations.total(), sum.tokens.input),
        (expected, 3 * expected)
    );
    let window = Window {
        node: Some("a".into()),
        ..runs
    };
    let sum = world
        .service
        .stats()
        .sum(&window, since, now)
        .await
        .unwrap();
    assert_eq!(sum.durations.total(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_outlives_the_host() {
    let world = World::new().await;
    world.run("echo", "x").await;
    assert_eq!(world.stats(about("echo")).await.total.count, 1);
    world.run("echo", "x").await;
    world
        .counting
        .collector
        .close(Duration::from_secs(60))
        .await;
    let world = world.killed(ServiceConfig::default()).await;
    world.run("echo", "x").await;
    assert_eq!(world.stats(about("echo")).await.total.count, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_for_those_who_may_read_the_flow() {
    let world = World::new().await;
    world.save(&flow("poem", &[ECHO])).await;
    world.count("default", 1, now_ms() - MINUTE, &ok(&[5]));
    world.count("other", 1, now_ms() - MINUTE, &ok(&[5, 6, 7]));
    let count = async |caller: &Caller| {
        let view = world.service.stats().get(caller, about("poem")).await;
        view.map(|view| view.total.count)
    };
    let reader = world.somebody(&[Scope::Read], None);
    assert_eq!(count(&reader).await.unwrap(), 1);
    let mine = world.somebody(&[Scope::Read], Some(&["poem"]));
    assert_eq!(count(&mine).await.unwrap(), 1);
    for stranger in [
        world.somebody(&[Scope::Read], Some(&["echo"])),
        world.somebody(&[Scope::Run], None),
    ] {
        assert_eq!(code(count(&stranger).await), "forbidden");
        let compared = world.service.stats().compare(&stranger, versus(1, 2, None));
        assert_eq!(code(compared.await), "forbidden");
    }
    let elsewhere = Caller {
        project: kebab("other"),
        ..world.me.clone()
    };
    assert_eq!(count(&elsewhere).await.unwrap(), 3);
    let nowhere = Caller {
        project: kebab("nowhere"),
        ..world.me.clone()
    };
    assert_eq!(code(count(&nowhere).await), "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_make_no_sense() {
    let world = World::new().await;
    let refused = async |ask: StatsAsk| code(world.service.stats().get(&world.me, ask).await);
    assert_eq!(refused(about("none")).await, "not-found");
    let version = Some(9);
    assert_eq!(
        refused(StatsAsk {
            version,
            ..about("echo")
        })
        .await,
        "not-found"
    );
    let since_ms = Some(now_ms() + HOUR);
    assert_eq!(
        refused(StatsAsk {
            since_ms,
            ..about("echo")
        })
        .await,
        "invalid-request"
    );
    let none = world.stats(about("echo")).await;
    assert_eq!((none.total.count, none.items.len()), (0, 0));
    assert_eq!(none.total.duration, None);
    let compare = async |ask| {
        let compared = world.service.stats().compare(&world.me, ask).await;
        compared.map(|view| view.verdict)
    };
    assert_eq!(code(compare(versus(1, 2, None)).await), "not-found");
    world.count("default", 1, now_ms() - MINUTE, &ok(&[5]));
    assert_eq!(code(compare(versus(1, 2, None)).await), "not-found");
    world.save(&flow("poem", &[ECHO])).await;
    assert_eq!(code(compare(versus(1, 2, None)).await), "not-found");
    assert_eq!(
        code(compare(versus(1, 1, Some("nobody"))).await),
        "not-found"
    );
    assert!(matches!(
        compare(versus(1, 1, Some("a"))).await,
        Ok(VerdictWord::TooFew)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_is_left_out() {
    let world = World::new().await;
    world.count("default", 1, now_ms() - MINUTE, &ok(&[5, 5]));
    world.stats(about("poem")).await;
    let series = |node: &str| RollupSeries {
        project: "default".into(),
        flow: "poem".into(),
        version: 1,
        node: node.into(),
        plugin: "".into(),
        plugin_version: "".into(),
    };
    let mut rows: Vec<_> = [(vec![0xff; 9], "a"), (vec![1], "b"), (Vec::new(), "")]
        .into_iter()
        .map(|(counts, node)| RollupMinute {
            series: series(node),
            at: now_ms() - 3 * MINUTE,
            counts,
        })
        .collect();
    world
        .store
        .add_rollups(&mut rows, |_, _| None)
        .await
        .unwrap();
    let view = world
        .stats(StatsAsk {
            since_ms: Some(now_ms() - HOUR),
            ..about("poem")
        })
        .await;
    assert_eq!(view.total.count, 2);
    let names: Vec<_> = view.items.iter().map(|item| item.node.as_deref()).collect();
    assert_eq!(names, [Some("a")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_compared() {
    let world = World::new().await;
    let (now, all) = (now_ms(), durations(1_000));
    let slower: Vec<_> = all.iter().map(|us| us * 3).collect();
    world.count("default", 3, now - 20 * DAY, &ok(&all));
    world.count("default", 4, now - HOUR, &ok(&slower));
    world.count(
        "default",
        4,
        now - HOUR,
        &ended(Outcome::Failed, &slower[..500]),
    );
    world.count("default", 5, now - HOUR, &ok(&all[..29]));
    for node in [None, Some("a")] {
        let found = world.compare(versus(3, 4, node)).await;
        assert_eq!(found.verdict, VerdictWord::Slower);
        let ratio = found.ratio.unwrap();
        assert!((ratio.estimate - 3.0).abs() < 0.1, "{ratio:?}");
        assert!(ratio.low < ratio.estimate && ratio.estimate < ratio.high);
        assert_eq!(found.errors, ErrorWord::More);
        let tally: [&Tally; 2] = [&found.a.tally, &found.b.tally];
        assert_eq!(tally.map(|one| one.count), [1_000, 1_500]);
        let back = world.compare(versus(4, 3, node)).await;
        assert_eq!(
            (back.verdict, back.errors),
            (VerdictWord::Faster, ErrorWord::Fewer)
        );
    }
    let same = world.compare(versus(3, 3, None)).await;
    assert_eq!(same.verdict, VerdictWord::NoDifferent);
    assert_eq!(same.errors, ErrorWord::NoDifferent);
    let few = world.compare(versus(3, 5, None)).await;
    assert_eq!((few.verdict, few.needed), (VerdictWord::TooFew, 30));
    // The older is not among those of today.
    let today = CompareAsk {
        since_ms: Some(now - 5 * HOUR),
        ..versus(3, 4, None)
    };
    let asked = world.service.stats().compare(&world.me, today).await;
    assert!(
        matches!(asked, Err(ServiceError::NotFound { .. })),
        "its flow is not saved here"
    );
}
