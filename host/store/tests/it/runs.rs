//! Runs that ended: kept, found, listed.

use lockgate_store::{BatchPlace, RunFilter, RunState, Store, StoreError};
use sqlx::Executor as _;
use uuid::Uuid;

use crate::support::*;

#[tokio::test]
async fn a_run_comes_back_as_it_was() {
    let (store, _folder) = store().await;
    let mut run = finished(id(1));
    run.outcome = "failed";
    run.key = Some(id(7));
    run.session = Some("s".to_owned());
    run.parent = Some(id(8));
    run.labels = Some("{\"team\":\"red\"}".to_owned());
    run.error = Some("it broke".to_owned());
    run.cut = true;
    run.masked = true;
    run.batch = Some(BatchPlace {
        batch: id(9),
        index: 3,
    });
    store.finish_run(run.clone()).await.expect("stored");

    let row = store
        .run(&project(), &run.id)
        .await
        .expect("reads")
        .expect("there");
    assert_eq!(row.events, run.events);
    let summary = row.summary;
    assert_eq!(summary.state, RunState::Finished);
    assert_eq!(summary.outcome.as_deref(), Some("failed"));
    assert_eq!(
        (summary.flow, summary.version, summary.revision),
        (run.flow, run.version, run.revision)
    );
    assert_eq!(
        (summary.key, summary.session, summary.parent),
        (run.key, run.session, run.parent)
    );
    assert_eq!(
        (summary.labels, summary.error, summary.batch),
        (run.labels, run.error, run.batch)
    );
    assert_eq!(
        (summary.cut, summary.masked, summary.attempts),
        (true, true, 0)
    );
    assert_eq!((summary.created_at, summary.started_at), (NOW, Some(NOW)));
    assert_eq!(
        (summary.finished_at, summary.duration_us),
        (Some(NOW + 5), Some(5_000))
    );
    assert_eq!(summary.trigger, "api");

    assert_eq!(
        store.run(&name("other"), &run.id).await.expect("reads"),
        None
    );
    assert_eq!(store.run(&project(), &id(2)).await.expect("reads"), None);
}

#[tokio::test]
async fn a_run_ends_once() {
    let (store, _folder) = store().await;
    store.finish_run(finished(id(1))).await.expect("stored");
    let mut again = finished(id(1));
    again.outcome = "failed";
    store.finish_run(again).await.expect("nothing to do");
    let row = store
        .run(&project(), &id(1))
        .await
        .expect("reads")
        .expect("there");
    assert_eq!(row.summary.outcome.as_deref(), Some("ok"));
}

#[tokio::test]
async fn a_run_remembers_its_idempotency_key() {
    let (store, _folder) = store().await;
    let mut run = finished(id(1));
    run.idempotency = Some(Box::new(idempotency("d", id(1))));
    store.finish_run(run).await.expect("stored");
    let find = async |project, route, at| {
        store
            .idempotent(&project, "k/1", route, at)
            .await
            .expect("reads")
    };
    let route = "POST /flows/poem/runs";
    assert_eq!(
        find(project(), route, NOW).await,
        Some(idempotency("d", id(1)))
    );
    assert_eq!(find(name("other"), route, NOW).await, None);
    assert_eq!(find(project(), "POST /other", NOW).await, None);
    let day = lockgate_store::IDEMPOTENCY_MS;
    assert!(find(project(), route, NOW + day - 1).await.is_some());
    assert_eq!(find(project(), route, NOW + day).await, None);
}

async fn many(store: &Store, count: u64) {
    for number in 0..count {
        let mut run = finished(id(number));
        run.outcome = ["ok", "ok", "failed"][(number % 3) as usize];
        run.flow = Some(name(["poem", "song"][(number % 2) as usize]));
        run.trigger = if number == 4 { "webhook" } else { "api" }.into();
        run.session = (number == 5).then(|| "s".to_owned());
        run.key = (number == 6).then(|| id(100));
        run.labels = (number == 7).then(|| "{\"team\":\"red\",\"n\":\"1\"}".to_owned());
        store.finish_run(run).await.expect("stored");
    }
}

async fn listed(store: &Store, filter: RunFilter) -> Vec<u64> {
    let page = store.runs(&project(), &filter).await.expect("reads");
    numbers(page.runs.iter().map(|run| run.id))
}

fn numbers(ids: impl Iterator<Item = Uuid>) -> Vec<u64> {
    ids.map(|found| {
        (0..1_000)
            .find(|number| id(*number) == found)
            .expect("ours")
    })
    .collect()
}

#[tokio::test]
async fn lists_are_newest_first_and_filtered() {
    let (store, _folder) = store().await;
    many(&store, 10).await;
    let of = |change: fn(&mut RunFilter)| {
        let mut filter = RunFilter::default();
        change(&mut filter);
        listed(&store, filter)
    };
    assert_eq!(of(|_| ()).await, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(of(|f| f.flow = Some(name("poem"))).await, [8, 6, 4, 2, 0]);
    assert_eq!(
        of(|f| f.outcome = Some("failed".to_owned())).await,
        [8, 5, 2]
    );
    assert_eq!(
        of(|f| f.outcome = Some("ok".to_owned())).await,
        [9, 7, 6, 4, 3, 1, 0]
    );
    assert_eq!(
        of(|f| {
            f.outcome = Some("failed".to_owned());
            f.flow = Some(name("song"));
        })
        .await,
        [5]
    );
    assert_eq!(of(|f| f.trigger = Some("webhook".to_owned())).await, [4]);
    assert_eq!(of(|f| f.session = Some("s".to_owned())).await, [5]);
    assert_eq!(
        of(|f| f.label = Some(("team".to_owned(), "red".to_owned()))).await,
        [7]
    );
    assert_eq!(
        of(|f| f.label = Some(("team".to_owned(), "blue".to_owned()))).await,
        [0; 0]
    );
    assert_eq!(of(|f| f.since_ms = Some(NOW + 7)).await, [9, 8, 7]);
    assert_eq!(of(|f| f.until_ms = Some(NOW + 2)).await, [1, 0]);
    assert_eq!(of(|f| f.state = Some(RunState::Queued)).await, [0; 0]);
    assert_eq!(of(|f| f.state = Some(RunState::Finished)).await.len(), 10);
    assert_eq!(of(|f| f.limit = 3).await, [9, 8, 7]);
    let other = store
        .runs(&name("other"), &RunFilter::default())
        .await
        .expect("reads");
    assert_eq!((other.runs.len(), other.next), (0, None));

    let mut key = finished(id(50));
    key.key = Some(id(100));
    let key_id = key.key;
    store.finish_run(key).await.expect("stored");
    assert_eq!(
        listed(
            &store,
            RunFilter {
                key: key_id,
                ..RunFilter::default()
            }
        )
        .await,
        [50, 6]
    );
}

#[tokio::test]
async fn pages_follow_each_other_through_the_queue_and_what_ended() {
    let (store, _folder) = store().await;
    // Every third waits.
    let mut all = Vec::new();
    for number in 0..40 {
        let run = id(number);
        all.push(run);
        if number % 3 == 0 {
            accept_each(&store, [run]).await;
        } else {
            store.finish_run(finished(run)).await.expect("stored");
        }
    }
    store.claim("a", 5, NOW).await.expect("some go on");
    for limit in [1, 2, 7, 39, 40, 100] {
        let mut filter = RunFilter {
            limit,
            ..RunFilter::default()
        };
        let mut seen = Vec::new();
        loop {
            let page = store.runs(&project(), &filter).await.expect("reads");
            assert!(page.runs.len() <= limit as usize);
            seen.extend(page.runs.iter().map(|run| run.id));
            match page.next {
                Some(next) => filter.before = Some(next),
                None => break,
            }
        }
        let expected: Vec<_> = all.iter().rev().copied().collect();
        assert_eq!(seen, expected, "in pages of {limit}");
    }
}

#[tokio::test]
async fn a_filter_that_fits_few_runs_gives_short_pages_rather_than_long_waits() {
    let (store, folder) = store().await;
    let mut wanted = finished(id(0));
    wanted.trigger = "webhook".into();
    store.finish_run(wanted.clone()).await.expect("stored");
    let mut raw = raw(&folder).await;
    let more = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20100) \
                INSERT INTO runs (id, project, outcome, started_by, created_at, finished_at, cut, masked, journal) \
                SELECT unhex(printf('7fff%028x', n)), 'default', 'ok', 'api', 0, 0, 0, 0, x'' FROM n";
    raw.execute(more).await.expect("added");

    let mut filter = RunFilter {
        trigger: Some("webhook".to_owned()),
        ..RunFilter::default()
    };
    let first = store.runs(&project(), &filter).await.expect("reads");
    assert_eq!(first.runs, []);
    filter.before = first.next;
    assert!(filter.before.is_some());
    let second = store.runs(&project(), &filter).await.expect("reads");
    assert_eq!(
        second.runs.iter().map(|run| run.id).collect::<Vec<_>>(),
        [wanted.id]
    );
    assert_eq!(second.next, None);
}

#[tokio::test]
async fn a_journal_that_somebody_made_a_bomb_of_is_refused() {
    let (store, folder) = store().await;
    store.finish_run(finished(id(1))).await.expect("stored");
    let bomb = zstd::bulk::compress(&vec![0; 129 << 20], 1).expect("zeros");
    sqlx::query("UPDATE runs SET journal = ?")
        .bind(bomb)
        .execute(&mut raw(&folder).await)
        .await
        .expect("changed");
    let error = store.run(&project(), &id(1)).await.expect_err("a bomb");
    assert!(
        matches!(
            error,
            StoreError::Damaged { .. } | StoreError::TooLarge { .. }
        ),
        "{error}"
    );
}
