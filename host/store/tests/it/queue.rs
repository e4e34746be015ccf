//! The queue: acceptance, order, leases.

use lockgate_store::{Accept, Accepted, QueueState, RunState};
use uuid::Uuid;

use crate::support::*;

#[tokio::test]
async fn an_accepted_run_comes_out_as_it_went_in() {
    let (store, _folder) = store().await;
    let mut run = queued(id(1));
    run.version = Some(3);
    run.priority = 99;
    run.key = Some(id(7));
    run.session = Some("s".to_owned());
    run.parent = Some(id(8));
    run.labels = Some("{}".to_owned());
    let accepted = store
        .accept(accept(vec![run.clone()]))
        .await
        .expect("accepted");
    assert_eq!(accepted, Accepted::Accepted { ahead: 0 });
    let row = store
        .run(&project(), &run.id)
        .await
        .expect("reads")
        .expect("there");
    assert_eq!((row.summary.state, row.events.len()), (RunState::Queued, 0));
    assert_eq!(
        store.run(&name("other"), &run.id).await.expect("reads"),
        None
    );

    let claimed = store.claim("a", 10, NOW + 60_000).await.expect("taken");
    let [claim] = &*claimed else {
        unreachable!("{claimed:?}")
    };
    assert_eq!((claim.id, &claim.project), (run.id, &project()));
    assert_eq!((&claim.input, &claim.request), (&run.input, &run.request));
    assert_eq!(
        (&claim.flow, claim.version, claim.priority),
        (&run.flow, Some(3), 10)
    );
    assert_eq!(
        (claim.key, &claim.session, claim.parent),
        (run.key, &run.session, run.parent)
    );
    assert_eq!(
        (&claim.labels, claim.created_at, claim.attempts),
        (&run.labels, NOW, 0)
    );
    let row = store
        .run(&project(), &run.id)
        .await
        .expect("reads")
        .expect("there");
    assert_eq!(row.summary.state, RunState::Running);

    let mut end = finished(run.id);
    end.queued = true;
    store.finish_run(end.clone()).await.expect("stored");
    let row = store
        .run(&project(), &run.id)
        .await
        .expect("reads")
        .expect("there");
    assert_eq!(
        (row.summary.state, row.events),
        (RunState::Finished, end.events)
    );
    assert_eq!(
        store.queue(None).await.expect("reads"),
        QueueState::default()
    );
}

#[tokio::test]
async fn higher_priorities_go_first_and_equal_ones_in_the_order_of_acceptance() {
    let (store, _folder) = store().await;
    let mut ahead = Vec::new();
    for (number, priority) in [0, 5, 0, -10, 10, 5].into_iter().enumerate() {
        let mut run = queued(id(number as u64));
        run.priority = priority;
        match store.accept(accept(vec![run])).await.expect("accepted") {
            Accepted::Accepted { ahead: before } => ahead.push(before),
            other => unreachable!("{other:?}"),
        }
    }
    assert_eq!(ahead, [0, 0, 2, 3, 0, 2]);
    let mut places = Vec::new();
    for number in 0..6 {
        places.push(
            store
                .place(&id(number))
                .await
                .expect("reads")
                .expect("waits"),
        );
    }
    assert_eq!(places, [3, 1, 4, 5, 0, 2]);
    assert_eq!(store.place(&id(9)).await.expect("reads"), None);

    let mut order = Vec::new();
    for most in [4, 1, 9, 9] {
        order.extend(
            store
                .claim("a", most, NOW)
                .await
                .expect("taken")
                .into_iter()
                .map(|run| run.id),
        );
    }
    assert_eq!(order, [4, 1, 5, 0, 2, 3].map(id));
    assert_eq!(
        store.place(&id(0)).await.expect("reads"),
        None,
        "it does not wait"
    );
}

#[tokio::test]
async fn the_queue_is_bounded() {
    let (store, _folder) = store().await;
    let ask = |numbers: std::ops::Range<u64>| Accept {
        bound: 10,
        ..accept(numbers.map(|number| queued(id(number))).collect())
    };
    let said = async |ask| store.accept(ask).await.expect("answers");
    assert_eq!(said(ask(0..8)).await, Accepted::Accepted { ahead: 0 });
    assert_eq!(said(ask(8..11)).await, Accepted::Full { depth: 8 });
    assert_eq!(said(ask(8..10)).await, Accepted::Accepted { ahead: 8 });
    assert_eq!(said(ask(10..11)).await, Accepted::Full { depth: 10 });
    // Those that run do not wait; and those that were given back do.
    store.claim("a", 1, NOW).await.expect("taken");
    assert_eq!(said(ask(10..11)).await, Accepted::Accepted { ahead: 9 });
    assert_eq!(
        store.release("a", vec![id(0)]).await.expect("given back"),
        1
    );
    assert_eq!(said(ask(11..12)).await, Accepted::Full { depth: 11 });
    store
        .cancel_waiting(&project(), &id(1), NOW)
        .await
        .expect("cancelled");
    store
        .cancel_waiting(&project(), &id(2), NOW)
        .await
        .expect("cancelled");
    assert_eq!(said(ask(11..12)).await, Accepted::Accepted { ahead: 9 });
    let state = store.queue(Some(&project())).await.expect("reads");
    assert_eq!(
        (state.waiting, state.running, state.oldest_at),
        (10, 0, Some(NOW))
    );
    assert_eq!(
        store.queue(Some(&name("other"))).await.expect("reads"),
        QueueState::default()
    );
}

#[tokio::test]
async fn the_bound_counts_what_another_handle_accepted() {
    let (store, folder) = store().await;
    let other = open(&folder).await;
    let ask = |number| Accept {
        bound: 2,
        ..accept(vec![queued(id(number))])
    };
    store.accept(ask(0)).await.expect("answers");
    other.accept(ask(1)).await.expect("answers");
    let full = Accepted::Full { depth: 2 };
    assert_eq!(store.accept(ask(2)).await.expect("answers"), full);
    assert_eq!(other.accept(ask(2)).await.expect("answers"), full);
    other.claim("b", 1, NOW).await.expect("taken");
    assert_eq!(
        store.accept(ask(2)).await.expect("answers"),
        Accepted::Accepted { ahead: 1 }
    );
}

#[tokio::test]
async fn a_repeated_request_is_known_and_a_different_one_told_apart() {
    let (store, _folder) = store().await;
    let ask = |number, digest: &str, at| Accept {
        idempotency: Some(lockgate_store::IdempotencyRow {
            at,
            ..idempotency(digest, id(number))
        }),
        bound: 2,
        ..accept(vec![queued(id(number))])
    };
    let said = async |ask| store.accept(ask).await.expect("answers");
    assert_eq!(
        said(ask(1, "d", NOW)).await,
        Accepted::Accepted { ahead: 0 }
    );
    let known = idempotency("d", id(1));
    assert_eq!(
        said(ask(2, "d", NOW + 1)).await,
        Accepted::Known(known.clone())
    );
    assert_eq!(said(ask(2, "e", NOW + 1)).await, Accepted::Mismatch(known));
    assert_eq!(store.queue(None).await.expect("reads").waiting, 1);

    let other = Accept {
        project: name("other"),
        ..ask(3, "e", NOW)
    };
    assert_eq!(said(other).await, Accepted::Accepted { ahead: 1 });
    // What was not accepted is not remembered.
    let later = NOW + lockgate_store::IDEMPOTENCY_MS;
    assert_eq!(said(ask(4, "f", later)).await, Accepted::Full { depth: 2 });
    store.claim("a", 2, NOW).await.expect("taken");
    // After a day the key means what it is used for next.
    assert_eq!(
        said(ask(4, "f", later)).await,
        Accepted::Accepted { ahead: 0 }
    );
    assert!(matches!(
        said(ask(5, "d", later)).await,
        Accepted::Mismatch(_)
    ));
}

#[tokio::test]
async fn the_same_request_many_times_at_once_is_accepted_once() {
    let (store, _folder) = store().await;
    let asks = (0..64).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let ask = Accept {
                idempotency: Some(idempotency("d", id(number))),
                ..accept(vec![queued(id(number))])
            };
            store.accept(ask).await.expect("answers")
        })
    });
    let said = futures::future::join_all(asks).await;
    let accepted = said
        .iter()
        .filter(|said| matches!(said, Ok(Accepted::Accepted { .. })))
        .count();
    assert_eq!(accepted, 1);
    let known = said
        .iter()
        .filter(|said| matches!(said, Ok(Accepted::Known(_))))
        .count();
    assert_eq!(known, 63);
    assert_eq!(store.queue(None).await.expect("reads").waiting, 1);
}

#[tokio::test]
async fn runs_are_taken_once_however_many_take() {
    let (store, _folder) = store().await;
    let all: Vec<Uuid> = (0..200).map(id).collect();
    store
        .accept(accept(all.iter().copied().map(queued).collect()))
        .await
        .expect("accepted");
    let takers = (0..50).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .claim(&format!("o{number}"), 7, NOW)
                .await
                .expect("taken")
        })
    });
    let mut taken: Vec<Uuid> = futures::future::join_all(takers)
        .await
        .into_iter()
        .flat_map(|taken| taken.expect("no panic"))
        .map(|run| run.id)
        .collect();
    taken.sort();
    assert_eq!(taken, all);
}

#[tokio::test]
async fn leases_are_renewed_by_who_has_them() {
    let (store, _folder) = store().await;
    accept_each(&store, [id(1), id(2)]).await;
    store.claim("a", 1, NOW + 10).await.expect("taken");
    let lost = async |owner| {
        store
            .renew(owner, vec![id(1), id(2), id(3)], NOW + 20)
            .await
            .expect("answers")
    };
    assert_eq!(lost("a").await, [id(2), id(3)]);
    assert_eq!(lost("b").await, [id(1), id(2), id(3)]);
    assert_eq!(store.release("b", vec![id(1)]).await.expect("answers"), 0);

    let recovered = store.recover("a", NOW + 19, 3).await.expect("answers");
    assert_eq!(
        (recovered.requeued, recovered.dead.len()),
        (0, 0),
        "it was renewed"
    );
    let recovered = store.recover("a", NOW + 20, 3).await.expect("answers");
    assert_eq!(recovered.requeued, 1);
    let again = store.claim("a", 9, NOW + 30).await.expect("taken");
    let said: Vec<_> = again.iter().map(|run| (run.id, run.attempts)).collect();
    assert_eq!(said, [(id(1), 1), (id(2), 0)], "at the place that it had");
}

#[tokio::test]
async fn giving_back_does_not_count_as_an_attempt() {
    let (store, _folder) = store().await;
    accept_each(&store, [id(1)]).await;
    for _ in 0..10 {
        let claimed = store.claim("a", 1, NOW).await.expect("taken");
        assert_eq!(claimed[0].attempts, 0);
        assert_eq!(
            store.release("a", vec![id(1)]).await.expect("given back"),
            1
        );
    }
    assert_eq!(
        store
            .release("a", vec![id(1)])
            .await
            .expect("waits already"),
        0
    );
}
