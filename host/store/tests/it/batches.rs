//! Batches.

use std::collections::BTreeMap;

use lockgate_store::{Accept, RunFilter, RunState};
use uuid::Uuid;

use crate::support::*;

fn of_batch(batch_id: Uuid, count: u64) -> Accept {
    Accept {
        batch: Some(batch(batch_id, count as u32)),
        ..accept((0..count).map(|number| queued(id(number))).collect())
    }
}

#[tokio::test]
async fn a_batch_counts_its_runs_and_gives_them_in_the_order_of_lines() {
    let (store, _folder) = store().await;
    let batch_id = id(1_000);
    store
        .accept(of_batch(batch_id, 100))
        .await
        .expect("accepted");
    // Somebody else's.
    accept_each(&store, [id(500)]).await;

    let claimed = store.claim("a", 10, NOW).await.expect("taken");
    for (number, claim) in claimed.iter().enumerate().skip(2) {
        let mut run = finished(claim.id);
        run.outcome = if number % 2 == 0 { "ok" } else { "failed" };
        run.batch = claim.batch;
        run.queued = true;
        store.finish_run(run).await.expect("stored");
    }
    store
        .cancel_waiting(&project(), &id(99), NOW)
        .await
        .expect("cancelled");

    let state = store
        .batch(&project(), &batch_id)
        .await
        .expect("reads")
        .expect("there");
    assert_eq!(state.row, batch(batch_id, 100));
    assert_eq!((state.waiting, state.running), (89, 2));
    let outcomes = [("cancelled", 1), ("failed", 4), ("ok", 4)];
    assert_eq!(
        state.outcomes,
        BTreeMap::from(outcomes.map(|(word, count)| (word.to_owned(), count)))
    );
    assert_eq!(
        store.batch(&name("other"), &batch_id).await.expect("reads"),
        None
    );

    let mut lines = Vec::new();
    let mut after = None;
    loop {
        let runs = store
            .batch_runs(&project(), &batch_id, after, 7)
            .await
            .expect("reads");
        let Some(last) = runs.last() else { break };
        after = last.summary.batch.map(|place| place.index);
        lines.extend(runs);
    }
    let order: Vec<_> = lines
        .iter()
        .filter_map(|run| run.summary.batch)
        .map(|place| place.index)
        .collect();
    assert_eq!(order, (0..100).collect::<Vec<_>>());
    assert_eq!(lines[0].summary.state, RunState::Running);
    assert_eq!(lines[2].summary.outcome.as_deref(), Some("ok"));
    assert_eq!(lines[2].events, finished(id(0)).events);
    assert_eq!(lines[50].summary.state, RunState::Queued);
    assert_eq!(lines[99].summary.outcome.as_deref(), Some("cancelled"));

    let filter = RunFilter {
        batch: Some(batch_id),
        limit: 200,
        ..RunFilter::default()
    };
    assert_eq!(
        store
            .runs(&project(), &filter)
            .await
            .expect("reads")
            .runs
            .len(),
        100
    );
}

#[tokio::test]
async fn a_call_gives_about_64_mib_of_journals_and_at_least_one() {
    let (store, _folder) = store().await;
    let batch_id = id(1_000);
    store.accept(of_batch(batch_id, 5)).await.expect("accepted");
    let claimed = store.claim("a", 4, NOW).await.expect("taken");
    for claim in &claimed {
        let mut run = finished(claim.id);
        run.batch = claim.batch;
        run.queued = true;
        run.events = vec![b' '; 40 << 20];
        store.finish_run(run).await.expect("stored");
    }
    let first = store
        .batch_runs(&project(), &batch_id, None, 10)
        .await
        .expect("reads");
    assert_eq!(first.len(), 2);
    let rest = store
        .batch_runs(&project(), &batch_id, Some(1), 10)
        .await
        .expect("reads");
    assert_eq!(
        rest.len(),
        2,
        "the one that waits comes after the two that have ended"
    );
    let last = store
        .batch_runs(&project(), &batch_id, Some(3), 10)
        .await
        .expect("reads");
    assert_eq!(last.len(), 1);
}

#[tokio::test]
async fn a_batch_is_accepted_whole_or_not() {
    let (store, _folder) = store().await;
    accept_each(&store, [id(3)]).await;
    // One of its runs is there already.
    let error = store
        .accept(of_batch(id(1_000), 40))
        .await
        .expect_err("taken");
    assert_eq!(error.to_string(), "one of 32 runs is there already");
    assert_eq!(
        store.batch(&project(), &id(1_000)).await.expect("reads"),
        None
    );
    assert_eq!(store.queue(None).await.expect("reads").waiting, 1);
}
