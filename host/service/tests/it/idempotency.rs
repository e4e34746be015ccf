//! The same request twice is one run.

use lockgate_service::Scope;

use crate::world::{World, ask, code, outcome};

#[tokio::test]
async fn the_same_key_with_the_same_request_is_the_same_run() {
    let world = World::new().await;
    let runs = world.service.runs();
    let keyed = |text: &str, key: &str| {
        let mut asked = ask("echo", text);
        asked.idempotency = Some(key.to_owned());
        asked
    };
    let first = runs.run(&world.me, keyed("x", "k")).await.unwrap();
    let again = runs.start(&world.me, keyed("x", "k")).await.unwrap();
    assert!(again.is_replayed());
    assert_eq!(again.id(), first.summary.run);
    assert_eq!(outcome(&again.ended().await.unwrap()), "ok");
    assert_eq!(
        code(runs.run(&world.me, keyed("y", "k")).await),
        "idempotency-mismatch"
    );
    let other = runs.run(&world.me, keyed("x", "l")).await.unwrap();
    assert_ne!(other.summary.run, first.summary.run);
    let somebody = world.somebody(&[Scope::Run], None);
    let theirs = runs.run(&somebody, keyed("y", "k")).await.unwrap();
    assert_ne!(theirs.summary.run, first.summary.run);
    for bad in [String::new(), "x".repeat(256), "a\nb".into()] {
        assert_eq!(
            code(runs.run(&world.me, keyed("x", &bad)).await),
            "invalid-request"
        );
    }
    assert_eq!(
        code(runs.run(&world.me, keyed("x", &"x".repeat(255))).await),
        "ok"
    );
}

#[tokio::test]
async fn a_second_request_waits_for_the_run_of_the_first() {
    let world = World::new().await;
    let runs = world.service.runs();
    let mut asked = ask("hold", "x");
    asked.idempotency = Some("k".into());
    let first = runs.start(&world.me, asked.clone()).await.unwrap();
    world.holding(1).await;
    let second = runs.start(&world.me, asked.clone()).await.unwrap();
    assert!(second.is_replayed());
    assert_eq!(second.id(), first.id());
    let mut other = ask("hold", "y");
    other.idempotency = Some("k".into());
    assert_eq!(
        code(runs.start(&world.me, other).await),
        "idempotency-mismatch"
    );
    let both = {
        let (runs, me) = (runs.clone(), world.me.clone());
        tokio::spawn(
            async move { tokio::join!(runs.run(&me, asked.clone()), runs.run(&me, asked)) },
        )
    };
    tokio::task::yield_now().await;
    world.let_go(1);
    let (third, fourth) = both.await.unwrap();
    for view in [
        third.unwrap(),
        fourth.unwrap(),
        first.ended().await.unwrap(),
    ] {
        assert_eq!(view.summary.run, first.id());
    }
    assert_eq!(world.stage.calls.lock().unwrap()["x"], 1);
}

#[tokio::test]
async fn requests_at_the_same_time_are_one_run_and_a_refused_one_leaves_nothing() {
    let world = World::new().await;
    let runs = world.service.runs();
    let mut asked = ask("echo", "x");
    asked.idempotency = Some("k".into());
    let mut wrong = asked.clone();
    wrong.input = serde_json::json!({});
    assert_eq!(code(runs.run(&world.me, wrong).await), "invalid-input");
    let all = (0..20).map(|_| runs.run(&world.me, asked.clone()));
    let all = futures::future::join_all(all).await;
    let first = all[0].as_ref().unwrap().summary.run;
    assert!(
        all.iter()
            .all(|view| view.as_ref().unwrap().summary.run == first)
    );
    assert_eq!(world.stage.calls.lock().unwrap()["x"], 1);
}

#[tokio::test]
async fn what_is_queued_is_queued_once() {
    let world = World::new().await;
    let queue = world.service.queue();
    let mut asked = ask("echo", "x");
    asked.idempotency = Some("k".into());
    let first = queue.enqueue(&world.me, asked.clone(), 0).await.unwrap();
    let again = queue.enqueue(&world.me, asked.clone(), 0).await.unwrap();
    assert!(again.replayed && !first.replayed);
    assert_eq!(again.run, first.run);
    assert_eq!(
        code(queue.enqueue(&world.me, asked, 5).await),
        "idempotency-mismatch"
    );
    world.ended(first.run).await;
    assert_eq!(world.stage.calls.lock().unwrap()["x"], 1);
}
