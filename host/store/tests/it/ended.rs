//! Runs in the order of their ends, and what is said where not all were looked at.

use lockgate_store::{EndedRuns, FinishedRun, Store};
use sqlx::Executor as _;

use crate::support::*;

const HOUR: i64 = 60 * 60 * 1000;

/// A run that ended so long after [`NOW`].
fn ended(number: u64, flow: &str, after: i64) -> FinishedRun {
    FinishedRun {
        flow: Some(name(flow)),
        finished_at: NOW + after,
        ..finished(id(number))
    }
}

async fn read(store: &Store, flow: Option<&str>, from: i64, until: i64, most: usize) -> EndedRuns {
    let (project, flow) = (project(), flow.map(name));
    let span = (NOW + from, NOW + until);
    let read = store.ended_runs(&project, flow.as_ref(), span, most);
    read.await.expect("read")
}

fn ends(read: &EndedRuns) -> Vec<i64> {
    let runs = read.runs.iter();
    runs.map(|run| run.finished_at - NOW).collect()
}

#[tokio::test]
async fn runs_come_in_the_order_of_their_ends_from_a_span() {
    let (store, _folder) = store().await;
    assert!(read(&store, None, 0, HOUR, 10).await.is_all);
    assert_eq!(store.kept_since().await.expect("read").runs, None);
    // As they were written: neighbours are a little out of order.
    let all = [10, 30, 20, HOUR, HOUR + 20, HOUR + 10, 5 * HOUR, 9 * HOUR];
    for (number, after) in (0..).zip(all) {
        let flow = if number % 2 == 0 { "poem" } else { "story" };
        store
            .finish_run(ended(number, flow, after))
            .await
            .expect("stored");
    }
    let since = store.kept_since().await.expect("read").runs;
    assert_eq!(since, Some(NOW + 10));
    for (flow, from, until, most, expected, is_all) in [
        (
            None,
            0,
            10 * HOUR,
            10,
            vec![10, 20, 30, HOUR, HOUR + 10, HOUR + 20, 5 * HOUR, 9 * HOUR],
            true,
        ),
        (None, 20, HOUR, 10, vec![20, 30], true),
        (None, 20, HOUR + 1, 10, vec![20, 30, HOUR], true),
        (Some("poem"), 0, 2 * HOUR, 10, vec![10, 20, HOUR + 20], true),
        (None, 0, 2 * HOUR, 2, vec![HOUR + 10, HOUR + 20], false),
        (
            None,
            0,
            2 * HOUR,
            6,
            vec![10, 20, 30, HOUR, HOUR + 10, HOUR + 20],
            true,
        ),
        (None, 2 * HOUR, 5 * HOUR, 10, vec![], true),
        (None, -HOUR, 0, 10, vec![], true),
        (None, 10 * HOUR, 11 * HOUR, 10, vec![], true),
    ] {
        let read = read(&store, flow, from, until, most).await;
        assert_eq!(
            (ends(&read), read.is_all),
            (expected, is_all),
            "{flow:?} {from} {until}"
        );
    }
}

#[tokio::test]
async fn runs_of_long_ago_are_found_behind_any_number_of_newer_ones() {
    let (store, folder) = store().await;
    for number in 0..5 {
        let run = ended(
            number,
            "poem",
            1_000 * i64::try_from(number).expect("small"),
        );
        store.finish_run(run).await.expect("stored");
    }
    // Somebody else's, a day later; some in the middle are gone, as far as places go.
    let many = "INSERT INTO runs (seq, id, project, outcome, started_by, created_at, finished_at, cut, masked, journal) \
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200100) \
         SELECT 1000000 + n, randomblob(16), 'other', 'ok', 'api', 0, ";
    let many = format!("{many}{NOW} + 86400000 + n, 0, 0, x'' FROM n");
    let mut raw = raw(&folder).await;
    raw.execute(sqlx::AssertSqlSafe(many)).await.expect("rows");
    let found = read(&store, Some("poem"), 0, HOUR, 100).await;
    assert_eq!(
        (ends(&found), found.is_all),
        (vec![0, 1_000, 2_000, 3_000, 4_000], true)
    );
    // Of a span with more rows than are looked at, it is said.
    let found = read(&store, Some("poem"), 0, 48 * HOUR, 100).await;
    assert_eq!((found.runs.len(), found.is_all), (0, false));
}
