//! A host that is told to stop.

use std::time::{Duration, SystemTime};

use futures::StreamExt as _;
use lockgate_service::ServiceConfig;
use lockgate_service::runs::RunState;

use crate::world::{World, ask, code, outcome};

#[tokio::test]
async fn nothing_new_starts_and_what_goes_on_may_end() {
    let world = World::new().await;
    let runs = world.service.runs();
    let handle = runs.start(&world.me, ask("hold", "x")).await.unwrap();
    let queued = world.enqueue("hold", "y").await;
    world.holding(2).await;
    assert!(world.service.is_ready());
    let drain = {
        let service = world.service.clone();
        tokio::spawn(async move { service.drain(Duration::from_secs(60)).await })
    };
    while world.service.is_ready() {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        code(runs.run(&world.me, ask("echo", "x")).await),
        "draining"
    );
    assert_eq!(
        code(
            world
                .service
                .queue()
                .enqueue(&world.me, ask("echo", "x"), 0)
                .await
        ),
        "draining"
    );
    world.let_go(2);
    drain.await.unwrap();
    assert_eq!(outcome(&handle.ended().await.unwrap()), "ok");
    assert_eq!(outcome(&*world.get(queued).await), "ok");
}

#[tokio::test]
async fn what_does_not_end_is_cancelled_or_goes_back_to_the_queue() {
    let world = World::new().await;
    let handle = world
        .service
        .runs()
        .start(&world.me, ask("hold", "x"))
        .await
        .unwrap();
    let queued = world.enqueue("hold", "y").await;
    world.holding(2).await;
    let follower = world.events(queued, 0).await;
    world.service.drain(Duration::ZERO).await;
    assert_eq!(outcome(&handle.ended().await.unwrap()), "cancelled");
    let kinds: Vec<_> = follower.map(|event| event.unwrap().kind).collect().await;
    assert!(
        !kinds.contains(&"run.finished".to_owned()),
        "it is not over: {kinds:?}"
    );
    assert_eq!(world.get(queued).await.summary.state, RunState::Queued);
    // Whoever counts hears of one end as well.
    let snapshot = world.counting.collector.collect(SystemTime::now(), None);
    let ends = snapshot.flows.iter().map(|point| point.durations.total());
    assert_eq!(ends.sum::<u64>(), 1);
    let world = world.killed(ServiceConfig::default()).await;
    world.let_go(1);
    let view = world.ended(queued).await;
    assert_eq!((outcome(&view), view.summary.lost_attempts), ("ok", 0));
}
