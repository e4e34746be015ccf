//! What nobody uses any more is freed, and what a run uses is not.

use std::sync::Arc;

use crate::fakes::component;
use crate::world::{NOT_ACTIVE, World, kebab, told};

#[tokio::test]
async fn a_swapped_plugin_lives_as_long_as_the_last_run_that_started_with_it() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    assert_eq!(world.loader.alive("text@1.0.0"), 0, "nothing needs it yet");
    world.flow("poem", &["text/run"]).await;
    assert_eq!(world.loader.alive("text@1.0.0"), 1);
    let run = world.plan("poem").await;
    let other_run = run.clone();
    world.active("text", &["1.1.0"]).await;
    assert_eq!(
        told(&run),
        "text@1.0.0",
        "a run finishes on what it started with"
    );
    assert_eq!(world.runs("poem").await, "text@1.1.0");
    assert_eq!(world.loader.alive("text@1.0.0"), 1);
    drop(run);
    assert_eq!(world.loader.alive("text@1.0.0"), 1);
    drop(other_run);
    assert_eq!(world.loader.alive("text@1.0.0"), 0);
    assert_eq!(world.loader.alive("text@1.1.0"), 1);
    world.flows.remove(&world.me, &kebab("poem")).await.unwrap();
    assert_eq!(world.loader.alive("text@1.1.0"), 0);
}

#[tokio::test]
async fn what_is_only_uploaded_or_looked_at_is_not_kept() {
    let world = World::new().await;
    let uploaded = world.upload(component("text", "1.0.0"), NOT_ACTIVE).await;
    uploaded.unwrap();
    assert_eq!(world.loader.alive("text@1.0.0"), 0);
    world.activate("text", "1.0.0").await.unwrap();
    let text = crate::world::flow("poem", &["text/run"]);
    let checked = world.flows.check(&world.me, "poem", &text).await.unwrap();
    assert_eq!((checked.total_faults, checked.nodes.len()), (0, 1));
    assert_eq!(world.loader.alive("text@1.0.0"), 0);
    let project = &world.me.project;
    let plan = world.registry.plan_document(project, "poem", &text).await;
    let plan = plan.unwrap();
    assert_eq!(world.loader.alive("text@1.0.0"), 1);
    drop(plan);
    assert_eq!(world.loader.alive("text@1.0.0"), 0);
}

#[tokio::test]
async fn versions_that_are_not_active_share_a_plan_while_they_run() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    world.flow("poem", &["text/run"]).await;
    world.flow("poem", &["text/run", "text/run"]).await;
    world.active("text", &["2.0.0"]).await;
    let first = world.resolve("poem", Some(1)).await.unwrap();
    let second = world.resolve("poem", Some(1)).await.unwrap();
    assert!(Arc::ptr_eq(&first.plan, &second.plan));
    assert_eq!((first.version, first.revision), (1, 1));
    assert_eq!(told(&first.plan), "text@1.0.0");
    assert_eq!(world.loader.alive("text@1.0.0"), 1);
    drop((first, second));
    assert_eq!(world.loader.alive("text@1.0.0"), 0);
}
