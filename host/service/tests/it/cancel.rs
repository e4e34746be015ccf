//! Runs are cancelled at any moment, and end once.

use lockgate_service::ServiceError;
use lockgate_service::runs::RunState;

use crate::world::{World, ask, json_of, outcome, told};

#[tokio::test]
async fn a_run_is_cancelled_and_kept_as_that() {
    let world = World::new().await;
    let handle = world
        .service
        .runs()
        .start(&world.me, ask("hold", "x"))
        .await
        .unwrap();
    world.holding(1).await;
    let cancelled = world
        .service
        .runs()
        .cancel(&world.me, handle.id())
        .await
        .unwrap();
    assert_eq!(cancelled.state, RunState::Running);
    let view = handle.ended().await.unwrap();
    assert_eq!(outcome(&view), "cancelled");
    assert!(view.error.is_none());
    world.holding(0).await;
    assert_eq!(json_of(&*world.get(handle.id()).await), json_of(&*view));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_it_is_cancelled_a_run_ends_once_and_is_kept() {
    let world = World::new().await;
    let runs = world.service.runs();
    for moment in 0..120_usize {
        let queued = moment % 2 == 1;
        let run = if queued {
            world.enqueue("echo", "x").await
        } else {
            runs.start(&world.me, ask("echo", "x")).await.unwrap().id()
        };
        for _ in 0..moment / 2 {
            tokio::task::yield_now().await;
        }
        match runs.cancel(&world.me, run).await {
            Ok(_) | Err(ServiceError::Finished) => {}
            Err(error) => panic!("{moment}: {error}"),
        }
        let view = world.ended(run).await;
        assert!(["ok", "cancelled"].contains(&outcome(&view)), "{moment}");
        let events = told(world.events(run, 0).await).await;
        let ends = events
            .iter()
            .filter(|(_, kind)| kind == "run.finished")
            .count();
        assert!(ends == 1 || events.is_empty(), "{moment}: {events:?}");
    }
    let state = world.service.queue().state(&world.me).await.unwrap();
    assert_eq!((state.depth, state.running, state.dead), (0, 0, 0));
}
