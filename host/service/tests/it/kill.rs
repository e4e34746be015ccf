//! A host that goes without a word.

use lockgate_service::ServiceConfig;

use crate::world::{World, outcome};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_of_a_thousand_runs_loses_none_and_repeats_those_that_ran() {
    let mut config = ServiceConfig::default();
    config.queue.at_once = 8;
    let world = World::with(config.clone()).await;
    let (queue, me) = (world.service.queue(), &world.me);
    let all = (0..1_000).map(|index| {
        let asked = crate::world::ask("hold", &index.to_string());
        async move { queue.enqueue(me, asked, 0).await.unwrap().run }
    });
    let all = futures::future::join_all(all).await;
    world.let_go(300);
    while world.stage.gate.0.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let world = world.killed(config).await;
    let before = world.stage.calls.lock().unwrap().clone();
    assert!(before.len() < 1_000);
    world.let_go(2_000);
    for run in all {
        assert_eq!(outcome(&*world.ended(run).await), "ok");
    }
    let calls = world.stage.calls.lock().unwrap().clone();
    assert_eq!(calls.len(), 1_000);
    let twice: Vec<_> = calls.iter().filter(|(_, count)| **count > 1).collect();
    // Those that were at the gate, and those that had gone through it and were not stored yet.
    assert!(twice.len() <= 8, "{twice:?}");
    assert!(
        twice
            .iter()
            .all(|(text, count)| **count == 2 && before.contains_key(*text))
    );
    let state = world.service.queue().state(&world.me).await.unwrap();
    assert_eq!((state.depth, state.running, state.dead), (0, 0, 0));
}
