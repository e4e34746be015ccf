//! Everything is bounded.

use lockgate_service::flows::Seen;
use lockgate_service::{RegistryConfig, ServiceError};

use crate::fakes::component;
use crate::world::{NOT_ACTIVE, World, flow};

#[tokio::test]
async fn a_project_has_so_many_of_each_and_no_more() {
    let config = RegistryConfig {
        max_plugins: 2,
        max_plugin_versions: 2,
        max_flows: 2,
        max_flow_versions: 2,
        max_component_bytes: 200,
        max_drafts: 1,
        ..RegistryConfig::default()
    };
    let world = World::with(config).await;
    let upload = async |name: &str, version: &str| {
        let uploaded = world.upload(component(name, version), NOT_ACTIVE).await;
        uploaded.map(|_| ()).map_err(|error| error.to_string())
    };
    for (name, version) in [("a", "1.0.0"), ("a", "2.0.0"), ("b", "1.0.0")] {
        assert_eq!(upload(name, version).await, Ok(()));
    }
    let refused = upload("a", "3.0.0").await.unwrap_err();
    assert!(refused.contains("2 versions of the plugin"), "{refused}");
    let refused = upload("c", "1.0.0").await.unwrap_err();
    assert!(refused.contains("2 plugins"), "{refused}");
    assert_eq!(upload("a", "2.0.0").await, Ok(()), "what is there is there");

    let large = world.upload(vec![b' '; 201], NOT_ACTIVE).await;
    assert!(matches!(
        large,
        Err(ServiceError::TooLarge { most: 200, .. })
    ));
    assert_eq!(
        world.loader.loads(),
        5,
        "what is too large is not looked at"
    );

    world.activate("a", "1.0.0").await.unwrap();
    world.flow("x", &["a/run"]).await;
    world.flow("x", &["a/run", "a/run"]).await;
    world.flow("y", &["a/run"]).await;
    for (name, uses) in [("x", vec!["a/run@1"]), ("z", vec!["a/run"])] {
        let refused = world.save(name, &flow(name, &uses)).await.unwrap_err();
        assert_eq!(refused.code(), "too-many", "{name}");
    }
    assert!(!world.flow("x", &["a/run"]).await.created);

    let draft = async |name: &str| {
        let name = crate::world::kebab(name);
        let text = "x".to_owned();
        let put = world.flows.put_draft(&world.me, &name, text, Seen::Nothing);
        put.await.map(|_| ()).map_err(|error| error.code())
    };
    assert_eq!(draft("one").await, Ok(()));
    assert_eq!(draft("two").await, Err("too-many"));
    let name = crate::world::kebab("one");
    let again = world
        .flows
        .put_draft(&world.me, &name, "y".into(), Seen::Any);
    assert_eq!(again.await.unwrap().text, "y");
}

#[tokio::test]
async fn an_answer_names_so_many_flows_and_no_more() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    for index in 0..60 {
        world.flow(&format!("f{index}"), &["text/run"]).await;
    }
    let other =
        crate::fakes::with_nodes("text", "1.1.0", &serde_json::json!([{ "name": "other" }]));
    let refused = world.upload(other, crate::world::ACTIVE).await.unwrap_err();
    let ServiceError::FlowsWouldBreak { flows } = refused else {
        panic!("all would break");
    };
    assert_eq!(flows.len(), lockgate_service::MAX_FLOWS_NAMED);
    let name = crate::world::plugin("text");
    let refused = world.plugins.remove(&world.me, &name, None).await;
    let Err(ServiceError::PluginNeeded { flows, .. }) = refused else {
        panic!("all need it");
    };
    assert_eq!(flows.len(), lockgate_service::MAX_FLOWS_NAMED);
}

#[tokio::test]
async fn a_text_that_is_too_large_is_no_document_and_no_draft() {
    let world = World::new().await;
    let large = "x".repeat(lockgate_flow::MAX_DOCUMENT_BYTES + 1);
    let refused = world.save("x", &large).await.unwrap_err();
    assert_eq!(refused.code(), "flow-faults");
    let name = crate::world::kebab("x");
    let seen = Seen::Nothing;
    let refused = world.flows.put_draft(&world.me, &name, large, seen).await;
    assert_eq!(refused.unwrap_err().code(), "too-large");
}
