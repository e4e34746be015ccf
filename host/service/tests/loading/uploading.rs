//! What becomes of components.

use lockgate_service::plugins::{Upload, UploadStatus, Uploaded};
use lockgate_service::{Caller, RegistryConfig, Scope, ServiceError};
use serde_json::json;
use std::time::Duration;

use crate::fakes::{component, slow, with_nodes};
use crate::world::{ACTIVE, NOT_ACTIVE, World, flow, kebab, plugin};

#[tokio::test]
async fn a_component_becomes_a_version_of_its_callers_publisher() {
    let world = World::new().await;
    let done = world.upload(component("text", "1.0.0"), NOT_ACTIVE).await;
    let done = done.unwrap();
    assert!(done.created);
    assert!(done.activation.is_none());
    let version = done.plugin;
    assert_eq!(
        (&*version.plugin, &*version.version),
        ("lockgate:text", "1.0.0")
    );
    assert!(version.digest.starts_with("sha256:") && version.digest.len() == 71);
    assert!(!version.active && !version.candidate);
    assert_eq!(version.nodes[0]["name"], "run");
    assert_eq!(version.uploaded_by, "me");

    let mut acme = world.me.clone();
    acme.publisher = kebab("acme");
    let bytes = component("text", "1.0.0");
    let done = world.plugins.upload(&acme, bytes, NOT_ACTIVE).await;
    assert!(
        matches!(done, Ok(Uploaded::Done(done)) if done.created && done.plugin.plugin == "acme:text")
    );
    let names = world.plugins.list(&world.me).unwrap();
    let names: Vec<_> = names.iter().map(|plugin| &*plugin.plugin).collect();
    assert_eq!(names, ["acme:text", "lockgate:text"]);
}

#[tokio::test]
async fn the_same_bytes_are_answered_with_what_is_there_and_other_bytes_are_refused() {
    let world = World::new().await;
    let first = world.upload(component("text", "1.0.0"), NOT_ACTIVE).await;
    let loads = world.loader.loads();
    let again = world.upload(component("text", "1.0.0"), NOT_ACTIVE).await;
    let (first, again) = (first.unwrap(), again.unwrap());
    assert!(first.created && !again.created);
    assert_eq!(first.plugin.digest, again.plugin.digest);
    assert_eq!(world.loader.loads(), loads, "what is known is not compiled");

    let other = with_nodes("text", "1.0.0", &json!([{ "name": "other" }]));
    let taken = world.upload(other.clone(), ACTIVE).await.unwrap_err();
    assert_eq!(taken.code(), "version-taken");
    assert!(
        !world
            .plugins
            .one(&world.me, &plugin("text"))
            .unwrap()
            .versions[0]
            .active
    );

    let again = world.upload(component("text", "1.0.0"), ACTIVE).await;
    let again = again.unwrap();
    assert!(!again.created && again.plugin.active);
    assert_eq!(again.activation.unwrap().before, None);
}

#[tokio::test]
async fn what_is_no_plugin_leaves_nothing() {
    let world = World::new().await;
    let refused = world.upload(b"nonsense".to_vec(), ACTIVE).await;
    assert_eq!(refused.unwrap_err().code(), "plugin-refused");
    assert!(world.plugins.list(&world.me).unwrap().is_empty());
}

#[tokio::test]
async fn a_folder_that_is_watched_replaces_a_version() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    let before = world.flow("poem", &["text/run"]).await.lock;
    let nodes = json!([{ "name": "run", "outputs": ["text", "more"] }]);
    let replace = Upload {
        activate: Some(true),
        replace: true,
    };
    let done = world
        .upload(with_nodes("text", "1.0.0", &nodes), replace)
        .await;
    assert_eq!(done.unwrap().activation.unwrap().flows.len(), 1);
    let locks = world.flows.locks(&world.me, &kebab("poem"), None).await;
    let lock = &locks.unwrap()[0].lock;
    assert_eq!(lock.revision, 2);
    assert_ne!(lock.digest, before.digest);
    assert_eq!(
        world.loader.alive("text@1.0.0"),
        1,
        "the replaced one is freed"
    );

    let worse = with_nodes("text", "1.0.0", &json!([{ "name": "other" }]));
    let refused = world.upload(worse, replace).await.unwrap_err();
    assert_eq!(refused.code(), "flows-would-break");
    let world = world.reopened().await;
    assert_eq!(world.resolve("poem", None).await.unwrap().revision, 2);
}

#[tokio::test]
async fn a_long_compile_answers_with_a_status_to_follow() {
    let config = RegistryConfig {
        upload_wait: Duration::ZERO,
        compiling: 2,
        uploads: 3,
        ..RegistryConfig::default()
    };
    let world = World::with(config).await;
    let mut ids = Vec::new();
    for version in ["1.0.0", "2.0.0", "3.0.0"] {
        let uploaded = world
            .plugins
            .upload(&world.me, slow("text", version), ACTIVE);
        match uploaded.await.unwrap() {
            Uploaded::Compiling(id) => ids.push(id),
            Uploaded::Done(_) => panic!("it is slow"),
        }
    }
    let full = world
        .plugins
        .upload(&world.me, slow("text", "4.0.0"), ACTIVE);
    assert_eq!(full.await.unwrap_err().code(), "busy");
    while world.loader.now() < 2 {
        tokio::task::yield_now().await;
    }
    let status = world.plugins.upload_status(&world.me, ids[0]).await;
    assert!(matches!(status, Ok(UploadStatus::Compiling)));
    let mut other = world.me.clone();
    other.project = kebab("other");
    let status = world.plugins.upload_status(&other, ids[0]).await;
    assert_eq!(status.unwrap_err().code(), "not-found");

    world.loader.go.add_permits(3);
    for id in ids {
        loop {
            match world.plugins.upload_status(&world.me, id).await.unwrap() {
                UploadStatus::Compiling => tokio::task::yield_now().await,
                UploadStatus::Done(done) => break assert!(done.created),
                UploadStatus::Refused(error) => panic!("{error}"),
            }
        }
    }
    assert_eq!(world.loader.most_at_once(), 2);
    assert_eq!(world.plugins.list(&world.me).unwrap()[0].versions.len(), 3);
}

#[tokio::test]
async fn what_is_needed_or_active_is_not_deleted() {
    let world = World::new().await;
    world.active("text", &["1.0.0", "2.0.0", "3.0.0"]).await;
    world.flow("poem", &["text/run@1"]).await;
    let version = |text: &str| text.parse().unwrap();
    let remove = async |at: Option<&str>| {
        let at = at.map(version);
        let removed = world
            .plugins
            .remove(&world.me, &plugin("text"), at.as_ref())
            .await;
        removed.map_err(|error| error.code())
    };
    assert_eq!(remove(Some("1.0.0")).await, Err("plugin-needed"));
    assert_eq!(remove(Some("3.0.0")).await, Err("active-version"));
    assert_eq!(remove(None).await, Err("plugin-needed"));
    assert_eq!(remove(Some("9.0.0")).await, Err("not-found"));
    let files = || std::fs::read_dir(world.folder().join("components")).map(Iterator::count);
    let before = files().ok();
    assert_eq!(remove(Some("2.0.0")).await, Ok(()));
    assert_eq!(files().ok(), before.map(|count| count - 1));
    world.flows.remove(&world.me, &kebab("poem")).await.unwrap();
    assert_eq!(remove(None).await, Ok(()));
    assert_eq!(remove(None).await, Err("not-found"));
    let world = world.reopened().await;
    assert!(world.plugins.list(&world.me).unwrap().is_empty());
}

#[tokio::test]
async fn who_may_not_is_told_what_it_needs() {
    let world = World::new().await;
    let reader = Caller {
        scopes: [Scope::Read].into_iter().collect(),
        ..world.me.clone()
    };
    let bytes = component("text", "1.0.0");
    let refused = world.plugins.upload(&reader, bytes.clone(), ACTIVE).await;
    assert!(matches!(refused, Err(ServiceError::Forbidden { needs }) if needs == "deploy"));
    let limited = Caller {
        flows: Some([kebab("poem")].into()),
        ..world.me.clone()
    };
    let refused = world.plugins.upload(&limited, bytes, ACTIVE).await;
    assert_eq!(refused.unwrap_err().code(), "forbidden");
    world.active("text", &["1.0.0"]).await;
    world.flow("other", &["text/run"]).await;
    let put = lockgate_service::flows::Put {
        activate: true,
        format: None,
    };
    let text = flow("other", &["text/run"]);
    let refused = world.flows.put(&limited, &kebab("other"), text, put).await;
    assert_eq!(refused.unwrap_err().code(), "forbidden");
    assert!(world.flows.list(&limited).await.unwrap().is_empty());
}
