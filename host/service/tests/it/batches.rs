//! Batches: all lines or none, how far they are, what came of them.

use futures::StreamExt as _;
use lockgate_service::batches::BatchAsk;
use lockgate_service::runs::RunState;
use lockgate_service::{Scope, ServiceConfig, ServiceError};
use serde_json::{Map, Value as Tree, json};

use crate::world::{World, code, flow, kebab};

pub(crate) fn batch(flow: &str, lines: &str) -> BatchAsk {
    BatchAsk {
        flow: kebab(flow),
        version: None,
        lines: lines.to_owned(),
        vars: Map::new(),
        until: None,
        session: None,
        priority: 0,
        idempotency: None,
        trace: None,
    }
}

async fn results(world: &World, batch: uuid::Uuid) -> Vec<Tree> {
    let results = world
        .service
        .batches()
        .results(&world.me, batch)
        .await
        .unwrap();
    let results = results.map(|line| serde_json::from_str(&line.unwrap()).unwrap());
    results.collect().await
}

#[tokio::test]
async fn results_come_in_the_order_of_the_lines() {
    let world = World::new().await;
    let lines: String = (0..120)
        .map(|n| format!("{{\"text\": \"{n}\"}}\n\n"))
        .collect();
    let batches = world.service.batches();
    let accepted = batches
        .accept(&world.me, batch("echo", &lines))
        .await
        .unwrap();
    assert_eq!(
        (accepted.total, accepted.ahead, accepted.state),
        (120, Some(0), RunState::Queued)
    );
    loop {
        let view = batches.get(&world.me, accepted.batch).await.unwrap();
        assert_eq!(view.waiting + view.running + view.finished, 120);
        if view.state == RunState::Finished {
            assert_eq!(view.outcomes["ok"], 120);
            break;
        }
        tokio::task::yield_now().await;
    }
    let results = results(&world, accepted.batch).await;
    assert_eq!(results.len(), 120);
    for (index, line) in results.iter().enumerate() {
        assert_eq!(line["line"], index);
        assert_eq!(
            (&line["state"], &line["outcome"]),
            (&json!("finished"), &json!("ok"))
        );
        assert_eq!(line["output"]["text"], index.to_string());
    }
}

#[tokio::test]
async fn bad_lines_are_named_and_nothing_is_accepted() {
    let world = World::new().await;
    let batches = world.service.batches();
    let lines = "{\"text\": \"good\"}\n{\"text\": 7}\n\nno json\n{}\n";
    let refused = batches.accept(&world.me, batch("echo", lines)).await;
    let Err(ServiceError::BadLines { lines, total }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(total, 3);
    assert_eq!(
        lines.iter().map(|bad| bad.line).collect::<Vec<_>>(),
        [2, 4, 5]
    );
    assert_eq!(lines[0].faults[0].path, "/text");
    let many = "x\n".repeat(200);
    let Err(ServiceError::BadLines { lines, total }) =
        batches.accept(&world.me, batch("echo", &many)).await
    else {
        panic!("they are no JSON");
    };
    assert_eq!((lines.len(), total), (100, 200));
    assert_eq!(
        code(batches.accept(&world.me, batch("echo", "\n")).await),
        "invalid-request"
    );
    assert_eq!(
        code(batches.accept(&world.me, batch("nosuch", "{}")).await),
        "not-found"
    );
    assert_eq!(
        code(batches.get(&world.me, uuid::Uuid::now_v7()).await),
        "not-found"
    );
    assert_eq!(
        world.service.queue().state(&world.me).await.unwrap().depth,
        0
    );
}

#[tokio::test]
async fn a_batch_is_bounded_by_lines_and_by_the_queue() {
    let mut config = ServiceConfig::default();
    config.queue.batch_lines = 10;
    config.queue.length = 5;
    let world = World::with(config).await;
    let batches = world.service.batches();
    let lines = |count| "{\"text\": \"x\"}\n".repeat(count);
    assert_eq!(
        code(batches.accept(&world.me, batch("hold", &lines(11))).await),
        "invalid-request"
    );
    assert_eq!(
        code(batches.accept(&world.me, batch("hold", &lines(6))).await),
        "queue-full"
    );
    assert_eq!(
        code(batches.accept(&world.me, batch("hold", &lines(5))).await),
        "ok"
    );
}

#[tokio::test]
async fn a_batch_is_accepted_once() {
    let world = World::new().await;
    let batches = world.service.batches();
    let keyed = |lines: &str| BatchAsk {
        idempotency: Some("k".into()),
        ..batch("echo", lines)
    };
    let first = batches
        .accept(&world.me, keyed("{\"text\": \"1\"}"))
        .await
        .unwrap();
    let again = batches
        .accept(&world.me, keyed("{\"text\": \"1\"}"))
        .await
        .unwrap();
    assert!(again.replayed);
    assert_eq!(again.batch, first.batch);
    assert_eq!(
        code(batches.accept(&world.me, keyed("{\"text\": \"2\"}")).await),
        "idempotency-mismatch"
    );
}

#[tokio::test]
async fn a_cancelled_batch_ends_whole() {
    let mut config = ServiceConfig::default();
    config.queue.at_once = 2;
    let world = World::with(config).await;
    world
        .save(&flow(
            "other",
            &["a: { use: t/hold, in: { text: input.text } }"],
        ))
        .await;
    let batches = world.service.batches();
    let lines = "{\"text\": \"x\"}\n".repeat(50);
    let accepted = batches
        .accept(&world.me, batch("other", &lines))
        .await
        .unwrap();
    world.holding(2).await;
    let stranger = world.somebody(&[Scope::Run], None);
    assert_eq!(
        code(batches.cancel(&stranger, accepted.batch).await),
        "not-found"
    );
    let reader = world.somebody(&[Scope::Read], None);
    assert_eq!(
        code(batches.cancel(&reader, accepted.batch).await),
        "forbidden"
    );
    let cancelled = batches.cancel(&world.me, accepted.batch).await.unwrap();
    assert_eq!((cancelled.cancelled, cancelled.ending), (48, 2));
    loop {
        let view = batches.get(&world.me, accepted.batch).await.unwrap();
        if view.state == RunState::Finished {
            assert_eq!(view.outcomes["cancelled"], 50);
            break;
        }
        tokio::task::yield_now().await;
    }
    let results = results(&world, accepted.batch).await;
    assert!(results.iter().all(|line| line["outcome"] == "cancelled"));
}
