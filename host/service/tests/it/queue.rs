//! The queue: order, bound, place, dead letters, and versions that change while runs wait.

use std::time::SystemTime;

use lockgate_service::runs::{RunState, Target};
use lockgate_service::{Scope, ServiceConfig, ServiceError};
use serde_json::json;

use crate::world::{ECHO, HOLD, World, ask, code, flow, json_of, outcome};

fn one_at_once() -> ServiceConfig {
    let mut config = ServiceConfig::default();
    config.queue.at_once = 1;
    config
}

/// A host whose only place of the queue is taken.
async fn busy(config: ServiceConfig) -> World {
    let world = World::with(config).await;
    world.enqueue("hold", "first").await;
    world.holding(1).await;
    world
}

#[tokio::test]
async fn the_highest_priority_goes_first_and_then_who_came_first() {
    let world = busy(one_at_once()).await;
    let queue = world.service.queue();
    let mut last = None;
    for (text, priority, ahead) in [
        ("c", 0, 0),
        ("d", 0, 1),
        ("e", -10, 2),
        ("b", 1, 0),
        ("a", 10, 0),
    ] {
        let accepted = queue
            .enqueue(&world.me, ask("echo", text), priority)
            .await
            .unwrap();
        assert_eq!(accepted.ahead, Some(ahead), "{text}");
        let view = world.get(accepted.run).await;
        assert_eq!(
            (view.summary.state, view.ahead),
            (RunState::Queued, Some(ahead))
        );
        if text == "e" {
            last = Some(accepted.run);
        }
    }
    let state = queue.state(&world.me).await.unwrap();
    assert_eq!((state.depth, state.running, state.bound), (5, 1, 100_000));
    assert!(state.oldest_at.is_some());
    assert_eq!(
        code(queue.enqueue(&world.me, ask("echo", "x"), 11).await),
        "invalid-request"
    );
    world.let_go(1);
    assert_eq!(outcome(&*world.ended(last.unwrap()).await), "ok");
    assert_eq!(
        *world.stage.order.lock().unwrap(),
        ["first", "a", "b", "c", "d", "e"]
    );
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back_and_takes_nothing() {
    let mut config = one_at_once();
    config.queue.length = 2;
    let world = busy(config).await;
    world.enqueue("echo", "a").await;
    world.enqueue("echo", "b").await;
    let full = world
        .service
        .queue()
        .enqueue(&world.me, ask("echo", "c"), 0)
        .await;
    let Err(ServiceError::QueueFull { retry_after }) = full else {
        panic!("{full:?}");
    };
    assert!(retry_after >= std::time::Duration::from_secs(1));
    assert_eq!(
        world.service.queue().state(&world.me).await.unwrap().depth,
        2
    );
}

#[tokio::test]
async fn inputs_are_checked_when_they_are_accepted() {
    let world = World::new().await;
    let mut wrong = ask("echo", "x");
    wrong.input = json!({});
    assert_eq!(
        code(world.service.queue().enqueue(&world.me, wrong, 0).await),
        "invalid-input"
    );
    let mut until = ask("echo", "x");
    until.until = Some("nosuch".into());
    assert_eq!(
        code(world.service.queue().enqueue(&world.me, until, 0).await),
        "invalid-request"
    );
    assert_eq!(
        code(
            world
                .service
                .queue()
                .enqueue(&world.me, ask("nosuch", "x"), 0)
                .await
        ),
        "not-found"
    );
    let reader = world.somebody(&[Scope::Read], None);
    assert_eq!(
        code(
            world
                .service
                .queue()
                .enqueue(&reader, ask("echo", "x"), 0)
                .await
        ),
        "forbidden"
    );
}

#[tokio::test]
async fn what_waits_runs_what_is_active_when_it_begins_or_the_version_it_asked_for() {
    let world = busy(one_at_once()).await;
    let newest = world.enqueue("echo", "x").await;
    let mut first = ask("echo", "x");
    first.target = Target::Flow {
        flow: "echo".parse().unwrap(),
        version: Some(1),
    };
    let first = world
        .service
        .queue()
        .enqueue(&world.me, first, 0)
        .await
        .unwrap()
        .run;
    world
        .save(&flow(
            "echo",
            &["a: { use: t/echo, in: { text: \"input.text + '!'\" } }"],
        ))
        .await;
    world.let_go(1);
    let newest = world.ended(newest).await;
    assert_eq!(
        (
            json_of(&*newest)["output"]["text"].clone(),
            newest.summary.version
        ),
        (json!("x!"), Some(2))
    );
    let first = world.ended(first).await;
    assert_eq!(
        (
            json_of(&*first)["output"]["text"].clone(),
            first.summary.version
        ),
        (json!("x"), Some(1))
    );
}

#[tokio::test]
async fn what_no_longer_runs_ends_as_failed_and_says_why() {
    let world = busy(one_at_once()).await;
    world.save(&flow("gone", &[ECHO])).await;
    let gone = world.enqueue("gone", "x").await;
    let narrowed = world.enqueue("echo", "x").await;
    world
        .service
        .flows()
        .remove(&world.me, &"gone".parse().unwrap())
        .await
        .unwrap();
    world
        .save(&flow("echo", &[ECHO]).replace("required: [text]", "required: [text, more]"))
        .await;
    world.let_go(1);
    for (run, reason) in [
        (gone, "the flow `gone` does not run"),
        (narrowed, "the input does not meet"),
    ] {
        let view = world.ended(run).await;
        assert_eq!(outcome(&view), "failed");
        let message = json_of(&*view)["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(message.contains(reason), "{message}");
    }
    let snapshot = world.counting.collector.collect(SystemTime::now(), None);
    let errors = |flow: &str| {
        let points = snapshot.flows.iter();
        let points = points.filter(|point| &*point.id.flow == flow);
        points.map(|point| point.durations.errors()).sum::<u64>()
    };
    // A flow that is gone has no version that its run could be counted under.
    assert_eq!((errors("_other"), errors("echo")), (1, 1));
}

#[tokio::test]
async fn what_waits_is_cancelled_and_does_not_run() {
    let world = busy(one_at_once()).await;
    let run = world.enqueue("echo", "never").await;
    let cancelled = world.service.runs().cancel(&world.me, run).await.unwrap();
    assert_eq!(cancelled.state, RunState::Queued);
    assert_eq!(outcome(&*world.get(run).await), "cancelled");
    let running = world.service.runs().list(
        &world.me,
        lockgate_service::runs::RunsQuery {
            state: Some("running".into()),
            ..Default::default()
        },
    );
    let running = running.await.unwrap().items;
    assert_eq!(running.len(), 1);
    world
        .service
        .runs()
        .cancel(&world.me, running[0].run)
        .await
        .unwrap();
    assert_eq!(outcome(&*world.ended(running[0].run).await), "cancelled");
    assert!(!world.stage.calls.lock().unwrap().contains_key("never"));
}

#[tokio::test]
async fn a_run_that_is_lost_too_often_is_a_dead_letter_until_it_is_put_back() {
    let mut world = World::new().await;
    let run = world.enqueue("hold", "x").await;
    for _ in 0..3 {
        world.holding(1).await;
        world = world.killed(ServiceConfig::default()).await;
    }
    let view = world.ended(run).await;
    assert_eq!(outcome(&view), "failed");
    let queue = world.service.queue();
    let dead = queue.dead(&world.me, None, None).await.unwrap().items;
    assert_eq!((dead.len(), dead[0].summary.run), (1, run));
    let runner = world.somebody(&[Scope::Run], None);
    assert_eq!(code(queue.requeue(&runner, run).await), "forbidden");
    assert_eq!(
        code(queue.dead(&world.me, Some("x".into()), None).await),
        "invalid-request"
    );
    queue.requeue(&world.me, run).await.unwrap();
    assert_eq!(code(queue.requeue(&world.me, run).await), "not-found");
    world.let_go(1);
    world.holding(0).await;
    assert_eq!(outcome(&*world.ended(run).await), "ok");
    assert_eq!(code(queue.forget(&world.me, run).await), "not-found");
    assert_eq!(world.stage.calls.lock().unwrap()["x"], 4);
}

#[tokio::test]
async fn a_dead_letter_is_dropped_and_its_run_stays() {
    let mut config = ServiceConfig::default();
    config.queue.max_attempts = 1;
    let world = World::with(config.clone()).await;
    world.save(&flow("other", &[HOLD])).await;
    let run = world.enqueue("other", "x").await;
    world.holding(1).await;
    let world = world.killed(config).await;
    world.service.queue().forget(&world.me, run).await.unwrap();
    assert!(
        world
            .service
            .queue()
            .dead(&world.me, None, None)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert_eq!(outcome(&*world.get(run).await), "failed");
    let audit = world
        .service
        .audit()
        .list(&world.me, None, None)
        .await
        .unwrap();
    assert_eq!(audit.items[0].action, "queue.forget");
}

#[tokio::test]
async fn leases_of_what_goes_on_are_kept_and_those_of_who_is_gone_are_taken_back() {
    let mut config = one_at_once();
    config.queue.lease = std::time::Duration::from_millis(30);
    let world = busy(config).await;
    let run = world.enqueue("echo", "x").await;
    let claimed = world
        .store
        .claim("somebody who is gone", 1, i64::MAX)
        .await
        .unwrap();
    assert_eq!(claimed[0].id, run);
    // It waits again after a few renewals, during which the first run goes on.
    while world.get(run).await.summary.state != RunState::Queued {
        tokio::task::yield_now().await;
    }
    world.let_go(1);
    let view = world.ended(run).await;
    assert_eq!((outcome(&view), view.summary.lost_attempts), ("ok", 1));
    let calls = world.stage.calls.lock().unwrap().clone();
    assert_eq!((calls["first"], calls["x"]), (1, 1));
}
