//! How runs leave the queue without having run to their end: cancelled, given up, not to be opened.

use lockgate_store::{RunFilter, RunState, Store};
use sqlx::Executor as _;

use crate::support::*;

async fn outcome(store: &Store, number: u64) -> Option<String> {
    let row = store.run(&project(), &id(number)).await.expect("reads");
    row.expect("there").summary.outcome
}

/// Takes the only run that waits, and loses it.
async fn lose(store: &Store, number: u64) -> lockgate_store::Recovered {
    let claimed = store.claim("before", 1, NOW).await.expect("taken");
    assert_eq!(claimed[0].id, id(number));
    store.recover("after", NOW - 1, 3).await.expect("recovers")
}

#[tokio::test]
async fn a_run_that_waits_is_cancelled() {
    let (store, _folder) = store().await;
    accept_each(&store, [id(1), id(2)]).await;
    store.claim("a", 1, NOW).await.expect("taken");
    let cancel = async |project, number| {
        store
            .cancel_waiting(&project, &id(number), NOW + 3)
            .await
            .expect("answers")
    };
    assert!(!cancel(project(), 1).await, "it runs");
    assert!(!cancel(name("other"), 2).await);
    assert!(cancel(project(), 2).await);
    assert!(!cancel(project(), 2).await, "it has ended");
    let row = store
        .run(&project(), &id(2))
        .await
        .expect("reads")
        .expect("there");
    assert_eq!(row.summary.outcome.as_deref(), Some("cancelled"));
    assert_eq!(
        (row.summary.finished_at, row.summary.started_at),
        (Some(NOW + 3), None)
    );
    assert_eq!(row.events, b"");
    assert_eq!(store.claim("a", 9, NOW).await.expect("none").len(), 0);
}

#[tokio::test]
async fn a_run_that_is_lost_again_and_again_becomes_a_dead_letter() {
    let (store, _folder) = store().await;
    accept_each(&store, [id(1)]).await;
    assert_eq!(lose(&store, 1).await.requeued, 1);
    assert_eq!(lose(&store, 1).await.requeued, 1);
    let given_up = lose(&store, 1).await;
    assert_eq!(
        (given_up.requeued, given_up.dead),
        (0, vec![(project(), id(1))])
    );

    let state = store.queue(Some(&project())).await.expect("reads");
    assert_eq!((state.waiting, state.running, state.dead), (0, 0, 1));
    let dead = store.dead(&project(), None, 10).await.expect("reads");
    assert_eq!(
        dead[0].reason,
        "it was begun 3 times, and the host ended or lost it each time"
    );
    assert_eq!(
        (dead[0].run.attempts, dead[0].run.outcome.as_deref()),
        (3, Some("failed"))
    );
    assert_eq!(
        store
            .dead(&project(), Some(dead[0].seq), 10)
            .await
            .expect("reads"),
        []
    );
    assert_eq!(
        store.dead(&name("other"), None, 10).await.expect("reads"),
        []
    );
    let row = store
        .run(&project(), &id(1))
        .await
        .expect("reads")
        .expect("there");
    assert_eq!(
        (row.summary.state, row.summary.attempts),
        (RunState::Finished, 3)
    );
    assert_eq!(row.summary.error.as_deref(), Some(dead[0].reason.as_str()));
    let listed = store
        .runs(&project(), &RunFilter::default())
        .await
        .expect("reads");
    assert_eq!(listed.runs.len(), 1, "not twice");

    // An owner that comes back late changes nothing.
    let mut late = finished(id(1));
    late.queued = true;
    store.finish_run(late).await.expect("answers");
    assert_eq!(outcome(&store, 1).await.as_deref(), Some("failed"));
    assert_eq!(store.queue(None).await.expect("reads").dead, 1);
}

#[tokio::test]
async fn a_dead_letter_is_tried_anew_or_dropped() {
    let (store, _folder) = store().await;
    accept_each(&store, [id(1)]).await;
    for _ in 0..3 {
        lose(&store, 1).await;
    }
    let requeue = async |project, number| {
        store
            .requeue_dead(&project, &id(number), audit("queue.requeue"))
            .await
            .expect("answers")
    };
    assert!(!requeue(project(), 2).await);
    assert!(!requeue(name("other"), 1).await);
    assert!(requeue(project(), 1).await);
    assert!(!requeue(project(), 1).await);
    assert_eq!(outcome(&store, 1).await, None);
    let claimed = store.claim("a", 1, NOW).await.expect("taken");
    assert_eq!(
        (claimed[0].attempts, &claimed[0].input),
        (0, &queued(id(1)).input)
    );
    store.release("a", vec![id(1)]).await.expect("given back");

    for _ in 0..3 {
        lose(&store, 1).await;
    }
    let remove = async |number| {
        store
            .remove_dead(&project(), &id(number), audit("queue.remove"))
            .await
            .expect("answers")
    };
    assert!(!remove(2).await);
    assert!(remove(1).await);
    assert!(!remove(1).await);
    assert_eq!(outcome(&store, 1).await.as_deref(), Some("failed"));
    assert_eq!(
        store
            .audit(&project(), None, 10)
            .await
            .expect("reads")
            .len(),
        2
    );
}

#[tokio::test]
async fn a_run_that_its_owner_finishes_late_is_not_begun_again() {
    let (store, _folder) = store().await;
    accept_each(&store, [id(1)]).await;
    lose(&store, 1).await;
    let mut late = finished(id(1));
    late.queued = true;
    store.finish_run(late).await.expect("stored");
    assert_eq!(store.claim("a", 9, NOW).await.expect("none").len(), 0);
    let row = store
        .run(&project(), &id(1))
        .await
        .expect("reads")
        .expect("there");
    assert_eq!(
        (row.summary.outcome.as_deref(), row.summary.attempts),
        (Some("ok"), 1)
    );
}

#[tokio::test]
async fn a_run_whose_input_does_not_open_is_a_dead_letter_and_others_are_not() {
    let (store, folder) = store().await;
    accept_each(&store, [id(1), id(2), id(3), id(4)]).await;
    let mut raw = raw(&folder).await;
    for change in [
        "UPDATE queue_inputs SET sealed = (SELECT sealed FROM queue_inputs WHERE seq = 4) WHERE seq = 1",
        "UPDATE queue_inputs SET sealed = x'00' WHERE seq = 2",
        "DELETE FROM queue_inputs WHERE seq = 3",
    ] {
        raw.execute(change).await.expect("changed");
    }
    let claimed = store.claim("a", 9, NOW).await.expect("taken");
    assert_eq!(
        claimed.iter().map(|run| run.id).collect::<Vec<_>>(),
        [id(4)]
    );
    let dead = store.dead(&project(), None, 10).await.expect("reads");
    assert_eq!(
        dead.iter().map(|dead| dead.run.id).collect::<Vec<_>>(),
        [id(3), id(2), id(1)]
    );
    assert!(
        dead[0].reason.contains("cannot be opened"),
        "{}",
        dead[0].reason
    );
    assert_eq!(outcome(&store, 1).await.as_deref(), Some("failed"));
}

#[tokio::test]
async fn inputs_are_in_no_file_as_plain_text() {
    let (store, folder) = store().await;
    let secret = "the-secret-of-this-input";
    let mut run = queued(id(1));
    run.input = secret.repeat(20).into_bytes();
    run.request = serde_json::json!({ "vars": { "token": secret } });
    store.accept(accept(vec![run])).await.expect("accepted");
    let found = || {
        let files = std::fs::read_dir(folder.path()).expect("there");
        files
            .filter_map(|file| std::fs::read(file.expect("there").path()).ok())
            .any(|bytes| {
                bytes
                    .windows(secret.len())
                    .any(|window| window == secret.as_bytes())
            })
    };
    assert!(!found(), "before a checkpoint");
    store.claim("a", 1, NOW).await.expect("taken");
    store.close().await;
    assert!(!found(), "after one");
    let again = open(&folder).await;
    again.recover("b", NOW, 3).await.expect("recovers");
    let claimed = again.claim("b", 1, NOW).await.expect("taken");
    assert_eq!(claimed[0].input, secret.repeat(20).as_bytes());
}
