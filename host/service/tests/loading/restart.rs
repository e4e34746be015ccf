//! A restart brings back what was in force, and a plugin that is gone keeps only what needs it from running.

use serde_json::json;

use crate::fakes::{component, with_nodes};
use crate::world::{ACTIVE, NOT_ACTIVE, World, kebab};

#[tokio::test]
async fn the_same_locks_come_back_and_only_what_they_need_is_loaded() {
    let world = World::new().await;
    world.active("text", &["1.0.0", "1.1.0", "2.0.0"]).await;
    world.active("other", &["1.0.0"]).await;
    world.flow("inner", &["text/run@1"]).await;
    world.flow("outer", &["flow:inner", "other/run"]).await;
    world.activate("text", "1.0.0").await.unwrap();
    let (locks, loads) = (world.locks().await, world.loader.loads());
    let world = world.reopened().await;
    assert_eq!(world.locks().await, locks);
    assert_eq!(world.loader.loads(), loads + 2);
    assert_eq!(world.runs("outer").await, "inner[text@1.0.0] other@1.0.0");
    // The activations go on counting where they were.
    world.activate("text", "1.1.0").await.unwrap();
    assert_eq!(world.runs("inner").await, "text@1.1.0");
    let rows = world.flows.locks(&world.me, &kebab("inner"), None).await;
    let revisions: Vec<_> = rows.unwrap().iter().map(|row| row.lock.revision).collect();
    assert_eq!(revisions, [3, 2, 1]);
}

#[tokio::test]
async fn a_plugin_that_is_refused_or_missing_breaks_the_flows_that_need_it() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    world.active("good", &["1.0.0"]).await;
    world.flow("inner", &["text/run"]).await;
    world.flow("outer", &["flow:inner", "good/run"]).await;
    world.flow("fine", &["good/run"]).await;
    let locks = world.locks().await;
    let digest = world.plugins.one(&world.me, &crate::world::plugin("text"));
    let digest = digest.unwrap().versions[0].digest.clone();
    assert!(world.store.components().remove(&digest).await.unwrap());

    let world = world.reopened().await;
    let broken = world.registry.broken();
    let names: Vec<_> = broken.iter().map(|broken| broken.flow.as_str()).collect();
    assert_eq!(names, ["inner", "outer"]);
    assert!(broken[0].reason.contains("missing"), "{}", broken[0].reason);
    let refused = world.resolve("outer", None).await.unwrap_err();
    assert_eq!(refused.code(), "flow-broken");
    assert!(
        refused.to_string().contains("lockgate:text@1.0.0"),
        "{refused}"
    );
    assert_eq!(world.runs("fine").await, "good@1.0.0");

    // Others are changed meanwhile, and what is broken is in nobody's way.
    world.active("good", &["1.1.0"]).await;
    assert_eq!(world.runs("fine").await, "good@1.1.0");
    let text = crate::world::flow("new", &["flow:inner"]);
    let refused = world.save("new", &text).await.unwrap_err();
    assert_eq!(refused.code(), "flow-faults");
    let checked = world.flows.check(&world.me, "new", &text).await.unwrap();
    assert!(
        checked
            .faults
            .iter()
            .any(|fault| fault.code == "not-loaded")
    );
    let planned = world
        .registry
        .plan_document(&world.me.project, "new", &text);
    assert_eq!(planned.await.unwrap_err().code(), "flow-faults");

    // The same bytes bring it back.
    let again = world.upload(component("text", "1.0.0"), NOT_ACTIVE).await;
    assert!(!again.unwrap().created);
    assert!(world.registry.broken().is_empty());
    let now = world.locks().await;
    assert_eq!(now["inner"], locks["inner"], "it is the same lock");
    assert_eq!(world.runs("outer").await, "inner[text@1.0.0] good@1.1.0");

    world.loader.refuse("text@1.0.0");
    let world = world.reopened().await;
    assert_eq!(world.registry.broken().len(), 2);
    assert!(world.registry.broken()[0].reason.contains("does not want"));
    // Another version brings it forward.
    world.active("text", &["1.0.1"]).await;
    assert!(world.registry.broken().is_empty());
    assert_eq!(world.runs("inner").await, "text@1.0.1");
}

#[tokio::test]
async fn a_change_that_was_refused_is_not_there_after_a_restart() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    world.flow("poem", &["text/run"]).await;
    let locks = world.locks().await;
    let other = with_nodes("text", "1.1.0", &json!([{ "name": "other" }]));
    assert!(world.upload(other, ACTIVE).await.is_err());
    let world = world.reopened().await;
    assert_eq!(world.locks().await, locks);
    let plugins = world.plugins.list(&world.me).unwrap();
    assert_eq!(plugins[0].versions, ["1.0.0"]);
}
