//! Minutes, hours and days of what was counted. Here counts are one number, in decimal digits.

use std::collections::BTreeMap;
use std::time::Duration;

use lockgate_store::{
    Grain, HostMinute, RollupMinute, RollupQuery, RollupSeries, Store, StoreConfig, StoreError,
};
use proptest::prelude::*;
use sqlx::Executor as _;

use crate::support::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn merge(a: &[u8], b: &[u8]) -> Option<Vec<u8>> {
    let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse::<u64>().ok();
    Some((number(a)? + number(b)?).to_string().into_bytes())
}

fn minute(flow: &str, node: &str, at: i64, count: u64) -> RollupMinute {
    RollupMinute {
        series: RollupSeries {
            project: "default".into(),
            flow: flow.into(),
            version: 3,
            node: node.into(),
            plugin: "lockgate:text".into(),
            plugin_version: "1.0.0".into(),
        },
        at,
        counts: count.to_string().into_bytes(),
    }
}

async fn add(store: &Store, rows: &[RollupMinute]) {
    let mut rows = rows.to_vec();
    store.add_rollups(&mut rows, merge).await.expect("added");
    assert!(rows.is_empty());
}

fn query(grain: Grain) -> RollupQuery {
    RollupQuery {
        project: project(),
        flow: name("poem"),
        version: None,
        node: None,
        grain,
        from: NOW - DAY,
        until: NOW + DAY,
    }
}

async fn read(store: &Store, query: &RollupQuery) -> Vec<(String, i64, String)> {
    let mut found = Vec::new();
    let each = |piece: lockgate_store::RollupPiece| {
        let counts = String::from_utf8(piece.counts).expect("digits");
        found.push((piece.node, (piece.at - NOW) / MINUTE, counts));
    };
    store.rollups(query, each).await.expect("read");
    found.sort();
    found
}

fn row(node: &str, minute: i64, count: &str) -> (String, i64, String) {
    (node.into(), minute, count.into())
}

#[tokio::test]
async fn what_is_written_twice_adds_up_before_and_after_a_restart() {
    let (store, folder) = store().await;
    let rows = [
        minute("poem", "a", NOW + 5, 1),
        minute("poem", "", NOW + 59_999, 2),
        minute("poem", "a", NOW + HOUR, 4),
    ];
    add(&store, &rows).await;
    store.close().await;
    let store = open(&folder).await;
    add(&store, &rows).await;
    let minutes = read(&store, &query(Grain::Minute)).await;
    assert_eq!(
        minutes,
        [row("", 0, "4"), row("a", 0, "2"), row("a", 60, "8")]
    );
    let hours = read(&store, &query(Grain::Hour)).await;
    assert_eq!(
        hours,
        [row("", 0, "4"), row("a", 0, "2"), row("a", 60, "8")]
    );
    let days = read(&store, &query(Grain::Day)).await;
    assert_eq!(days, [row("", 0, "4"), row("a", 0, "10")]);
}

#[tokio::test]
async fn a_query_sees_its_project_flow_version_node_and_time() {
    let (store, _folder) = store().await;
    let mut other = minute("poem", "a", NOW, 64);
    other.series.project = "other".into();
    let mut newer = minute("poem", "a", NOW, 32);
    newer.series.version = 4;
    let mut swapped = minute("poem", "a", NOW, 16);
    swapped.series.plugin_version = "1.1.0".into();
    let rows = [
        minute("poem", "a", NOW, 1),
        minute("poem", "", NOW, 2),
        minute("poem", "a", NOW + MINUTE, 4),
        minute("rhyme", "a", NOW, 8),
        swapped,
        newer,
        other,
    ];
    add(&store, &rows).await;
    let sum = async |change: &dyn Fn(&mut RollupQuery)| {
        let mut query = query(Grain::Minute);
        change(&mut query);
        let rows = read(&store, &query).await.into_iter();
        rows.map(|row| row.2.parse::<u64>().expect("a number"))
            .sum::<u64>()
    };
    assert_eq!(sum(&|_| {}).await, 1 + 2 + 4 + 16 + 32);
    assert_eq!(sum(&|q| q.version = Some(3)).await, 1 + 2 + 4 + 16);
    assert_eq!(sum(&|q| q.node = Some(String::new())).await, 2);
    assert_eq!(sum(&|q| q.from = NOW + MINUTE).await, 4);
    assert_eq!(sum(&|q| q.from = NOW + MINUTE - 1).await, 55);
    assert_eq!(sum(&|q| q.until = NOW + MINUTE).await, 51);
    assert_eq!(sum(&|q| q.until = NOW).await, 0);
    assert_eq!(sum(&|q| q.from = i64::MAX).await, 0);
    assert_eq!(sum(&|q| q.flow = name("rhyme")).await, 8);
    assert_eq!(sum(&|q| q.project = name("other")).await, 64);
    assert_eq!(sum(&|q| q.project = name("none")).await, 0);
}

#[tokio::test]
async fn a_flow_with_more_series_than_are_read_says_so() {
    let (store, _folder) = store().await;
    let rows = |versions: std::ops::Range<u32>| -> Vec<_> {
        let version = |version| {
            let mut row = minute("poem", "a", NOW, 1);
            row.series.version = version;
            row
        };
        versions.map(version).collect()
    };
    let all = query(Grain::Minute);
    add(&store, &rows(0..5_000)).await;
    assert!(store.rollups(&all, |_| {}).await.expect("read"));
    add(&store, &rows(5_000..5_010)).await;
    let mut versions = Vec::new();
    let is_all = store.rollups(&all, |piece| versions.push(piece.version));
    assert!(!is_all.await.expect("read"));
    versions.sort_unstable();
    assert_eq!(versions, (10..5_010).collect::<Vec<_>>(), "the newest");
}

#[tokio::test]
async fn flows_of_which_something_was_counted_are_known_by_day() {
    let (store, _folder) = store().await;
    for (flow, at) in [
        ("poem", NOW),
        ("story", NOW + 2 * DAY),
        ("poem", NOW + 3 * DAY),
    ] {
        add(&store, &[minute(flow, "", at, 1), minute(flow, "a", at, 1)]).await;
    }
    for (project, from, until, expected) in [
        ("default", 0, DAY, vec!["poem"]),
        ("default", 2 * DAY + 1, 3 * DAY, vec!["poem", "story"]),
        ("default", 3 * DAY, 4 * DAY, vec!["poem"]),
        ("default", -DAY, 0, vec![]),
        ("other", 0, 4 * DAY, vec![]),
    ] {
        let found = store
            .counted_flows(&name(project), NOW + from, NOW + until)
            .await;
        assert_eq!(found.expect("read"), expected, "{project} {from} {until}");
    }
}

#[tokio::test]
async fn no_minute_is_kept_as_one_of_the_host_after_its_counts_went() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = StoreConfig::new(folder.path());
    config.keep_minutes = Duration::from_secs(2 * 60);
    let store = Store::open(config).await.expect("opens");
    assert_eq!(store.kept_since().await.expect("read").minutes, None);
    for number in 0..3 {
        let at = NOW + number * MINUTE;
        add(&store, &[minute("poem", "a", at, 1)]).await;
        let minute = HostMinute {
            at,
            queue_depth: 0,
            queue_age_s: 0.0,
            sandbox_active: 0,
        };
        store.put_host_minute(minute).await.expect("kept");
    }
    for (after, left) in [(0, 3), (3 * MINUTE - 1, 3), (3 * MINUTE, 2), (HOUR, 0)] {
        store.upkeep(NOW + after).await.expect("done");
        let counted = read(&store, &query(Grain::Minute)).await;
        let host = store.host_minutes(NOW, NOW + HOUR).await.expect("read");
        assert_eq!((counted.len(), host.len()), (left, left), "{after}");
        let first = host.first().map(|minute| minute.at);
        assert_eq!(store.kept_since().await.expect("read").minutes, first);
    }
}

#[tokio::test]
async fn each_length_goes_in_its_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = StoreConfig::new(folder.path());
    config.keep_minutes = Duration::from_secs(2 * 60);
    config.keep_hours = Duration::from_secs(2 * 60 * 60);
    config.keep_days = Duration::from_secs(3 * 24 * 60 * 60);
    let store = Store::open(config).await.expect("opens");
    let rows: Vec<_> = (0..1_000)
        .map(|node| minute("poem", &format!("n{node}"), NOW, 1))
        .collect();
    add(&store, &rows).await;
    let left = async |after: i64| {
        let done = store.upkeep(NOW + after).await.expect("done");
        let mut counts = [0; 3];
        for (count, grain) in counts.iter_mut().zip(Grain::ALL) {
            *count = read(&store, &query(grain)).await.len();
        }
        (done.rollups, counts)
    };
    assert_eq!(left(3 * MINUTE - 1).await, (0, [1_000; 3]));
    assert_eq!(left(3 * MINUTE).await, (1_000, [0, 1_000, 1_000]));
    assert_eq!(left(3 * HOUR - 1).await, (0, [0, 1_000, 1_000]));
    assert_eq!(left(3 * HOUR).await, (1_000, [0, 0, 1_000]));
    assert_eq!(left(4 * DAY).await, (1_000, [0, 0, 0]));
    // A series goes after its last row, and comes again.
    left(6 * DAY).await;
    let mut raw = raw(&folder).await;
    let series: i64 = sqlx::query_scalar("SELECT count(*) FROM rollup_series")
        .fetch_one(&mut raw)
        .await
        .expect("a count");
    assert_eq!(series, 0);
    add(&store, &[minute("poem", "n5", NOW, 7)]).await;
    assert_eq!(read(&store, &query(Grain::Day)).await, [row("n5", 0, "7")]);
}

#[tokio::test]
async fn counts_that_cannot_be_read_give_way_to_what_is_new() {
    let (store, folder) = store().await;
    let rows = [minute("poem", "a", NOW, 1), minute("poem", "b", NOW, 2)];
    add(&store, &rows).await;
    raw(&folder)
        .await
        .execute("UPDATE rollups SET counts = x'ff00' WHERE grain = 1")
        .await
        .expect("damaged");
    add(&store, &rows[..1]).await;
    let minutes = read(&store, &query(Grain::Minute)).await;
    assert_eq!(minutes, [row("a", 0, "2"), row("b", 0, "2")]);
    let hours = RollupQuery {
        node: Some("a".into()),
        ..query(Grain::Hour)
    };
    assert_eq!(read(&store, &hours).await, [row("a", 0, "1")]);
}

#[tokio::test]
async fn what_is_left_was_not_written() {
    let (store, _folder) = store().await;
    let mut rows = vec![minute("poem", "a", NOW, 1)];
    store.clone().close().await;
    let error = store.add_rollups(&mut rows, merge).await;
    assert!(matches!(error, Err(StoreError::Closed)), "{error:?}");
    assert_eq!(rows.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_are_stored_between_the_steps_of_many_minutes() {
    let (store, _folder) = store().await;
    let rows: Vec<_> = (0..5_000)
        .map(|node| minute("poem", &format!("n{node}"), NOW, 1))
        .collect();
    let writing = tokio::spawn({
        let store = store.clone();
        async move { add(&store, &rows).await }
    });
    let mut before = 0;
    let mut number = 0;
    while !writing.is_finished() {
        store
            .finish_run(finished(id(number)))
            .await
            .expect("stored");
        number += 1;
        before += u64::from(!writing.is_finished());
    }
    writing.await.expect("no panic");
    assert!(before > 10, "{before} runs while 5,000 rows were written");
    assert_eq!(read(&store, &query(Grain::Day)).await.len(), 5_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn minutes_add_up_to_hours_and_days(
        groups in prop::collection::vec(
            prop::collection::vec((0_usize..4, 0_i64..3 * DAY, 1_u64..1_000), 1..90), 1..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let (store, _folder) = store().await;
            let mut expected: BTreeMap<(Grain, usize, i64), u64> = BTreeMap::new();
            for group in &groups {
                let rows: Vec<_> = group
                    .iter()
                    .map(|&(node, at, count)| minute("poem", &format!("n{node}"), NOW + at, count))
                    .collect();
                add(&store, &rows).await;
                for &(node, at, count) in group {
                    for grain in Grain::ALL {
                        *expected.entry((grain, node, grain.floor(NOW + at))).or_default() += count;
                    }
                }
            }
            let mut found = BTreeMap::new();
            for grain in Grain::ALL {
                let query = RollupQuery { until: NOW + 3 * DAY, from: NOW, ..query(grain) };
                // More minutes than one query reads: day by day.
                for day in 0..3 {
                    let query = RollupQuery {
                        from: NOW + day * DAY,
                        until: NOW + (day + 1) * DAY,
                        ..query.clone()
                    };
                    for (node, at, count) in read(&store, &query).await {
                        let node = node[1..].parse::<usize>().expect("a number");
                        let place = (grain, node, NOW + at * MINUTE);
                        found.insert(place, count.parse::<u64>().expect("a number"));
                    }
                }
            }
            assert_eq!(found, expected);
        });
    }
}
