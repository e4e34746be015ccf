//! Events: replayed, followed, and both without a gap or a double.

use futures::StreamExt as _;

use crate::world::{World, ask, outcome, told};

#[tokio::test]
async fn who_follows_across_the_end_hears_everything_once() {
    let world = World::new().await;
    let handle = world
        .service
        .runs()
        .start(&world.me, ask("hold", "x"))
        .await
        .unwrap();
    world.holding(1).await;
    let follower = world.events(handle.id(), 0).await;
    let late = world.events(handle.id(), 2).await;
    let both = tokio::spawn(async move { (told(follower).await, told(late).await) });
    tokio::task::yield_now().await;
    world.let_go(1);
    let (all, late) = both.await.unwrap();
    handle.ended().await.unwrap();
    let stored = told(world.events(handle.id(), 0).await).await;
    assert_eq!(all, stored);
    assert_eq!(late, stored[2..]);
    let numbers: Vec<_> = all.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(numbers, (1..=all.len() as u64).collect::<Vec<_>>());
    assert_eq!(all.last().unwrap().1, "run.finished");
    for after in 0..all.len() as u64 {
        let replayed = told(world.events(handle.id(), after).await).await;
        assert_eq!(replayed, stored[after as usize..]);
    }
    let last = all.len() as u64;
    assert!(told(world.events(handle.id(), last).await).await.is_empty());
    assert_eq!(
        told(world.events(handle.id(), last + 1).await).await,
        stored,
        "a number of another attempt"
    );
}

#[tokio::test]
async fn events_are_the_same_lines_live_and_stored() {
    let world = World::new().await;
    let handle = world
        .service
        .runs()
        .start(&world.me, ask("echo", "春"))
        .await
        .unwrap();
    let live: Vec<_> = handle.events(0).map(Result::unwrap).collect().await;
    handle.ended().await.unwrap();
    let stored: Vec<_> = world
        .events(handle.id(), 0)
        .await
        .map(Result::unwrap)
        .collect()
        .await;
    assert_eq!(live, stored);
}

#[tokio::test]
async fn who_follows_a_run_that_waits_hears_it_begin() {
    let world = World::new().await;
    let mut config = lockgate_service::ServiceConfig::default();
    config.queue.at_once = 1;
    let world = world.killed(config).await;
    let first = world.enqueue("hold", "1").await;
    world.holding(1).await;
    let (second, third) = (
        world.enqueue("hold", "2").await,
        world.enqueue("hold", "3").await,
    );
    let follow = |run| {
        let (runs, me) = (world.service.runs().clone(), world.me.clone());
        tokio::spawn(async move { told(runs.events(&me, run, 0).await.unwrap()).await })
    };
    let (of_second, of_third) = (follow(second), follow(third));
    tokio::task::yield_now().await;
    world.service.runs().cancel(&world.me, third).await.unwrap();
    assert!(of_third.await.unwrap().is_empty(), "it never began");
    world.let_go(2);
    let of_second = of_second.await.unwrap();
    assert_eq!(of_second.first().unwrap(), &(1, "run.started".to_owned()));
    assert_eq!(of_second.last().unwrap().1, "run.finished");
    assert_eq!(outcome(&*world.ended(first).await), "ok");
}
