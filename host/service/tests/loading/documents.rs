//! What becomes of documents.

use lockgate_service::ServiceError;
use lockgate_service::flows::{LockChange, Seen};

use crate::fakes::component;
use crate::world::{NOT_ACTIVE, World, flow, kebab, told};

#[tokio::test]
async fn a_document_that_means_the_same_is_the_same_version() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    let first = world.flow("poem", &["text/run"]).await;
    assert!(first.created && first.active);
    assert_eq!((first.version, first.lock.revision), (1, 1));
    assert_eq!(first.lock.lock.nodes[0].plugin, "lockgate:text");
    let same = world.flow("poem", &["text/run"]).await;
    assert!(!same.created && same.flows.is_empty());

    let commented = format!("# better now\n{}", flow("poem", &["text/run"]));
    let same = world.save("poem", &commented).await.unwrap();
    assert_eq!((same.created, same.version), (false, 1));
    assert_eq!(same.digest, first.digest);
    assert_eq!(same.lock.revision, 1);
    let view = world.flows.version(&world.me, &kebab("poem"), 1).await;
    assert_eq!(view.unwrap().text, Some(commented));

    let second = world.flow("poem", &["text/run@1"]).await;
    assert_eq!((second.version, second.active), (2, true));
    // What an older version means makes that one active again.
    let back = world.flow("poem", &["text/run"]).await;
    assert_eq!((back.version, back.created, back.active), (1, false, true));
    assert_eq!(world.resolve("poem", None).await.unwrap().version, 1);
    let beside = world
        .put("poem", &flow("poem", &["text/run@1"]), false)
        .await;
    let beside = beside.unwrap();
    assert_eq!((beside.version, beside.active), (2, false));
    assert_eq!(world.resolve("poem", None).await.unwrap().version, 1);

    let world = world.reopened().await;
    let versions = world.flows.versions(&world.me, &kebab("poem")).await;
    let versions = versions.unwrap();
    let told: Vec<_> = versions.iter().map(|v| (v.version, v.active)).collect();
    assert_eq!(told, [(2, false), (1, true)]);
}

#[tokio::test]
async fn a_document_with_faults_makes_no_version() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    let text = "flow: poem\nnodes:\n  a: { use: text/walk }\n  b: { use: text/run, in: { x: c.d } }\noutput: { o: e.f }\n";
    for activate in [true, false] {
        let refused = world.put("poem", text, activate).await.unwrap_err();
        let ServiceError::Faults { faults, total } = refused else {
            panic!("{refused}");
        };
        let lines: Vec<_> = faults.iter().filter_map(|fault| fault.line).collect();
        assert_eq!(total, faults.len());
        assert!(lines.contains(&3) && lines.contains(&4) && lines.contains(&5));
    }
    assert!(world.flows.list(&world.me).await.unwrap().is_empty());
    let checked = world.flows.check(&world.me, "poem", text).await.unwrap();
    assert!(checked.total_faults > 2 && checked.nodes.len() == 2);
    let refused = world.save("other", &flow("poem", &["text/run"])).await;
    assert_eq!(refused.unwrap_err().code(), "invalid-request");
    // Its address is where documents are checked.
    let refused = world.save("check", &flow("check", &["text/run"])).await;
    assert_eq!(refused.unwrap_err().code(), "invalid-request");
    let refused = world.save("poem", "- no\n- map").await.unwrap_err();
    assert_eq!(refused.code(), "flow-faults");
    let refused = world.save("poem", "{").await.unwrap_err();
    assert_eq!(refused.code(), "flow-faults");
}

#[tokio::test]
async fn versions_are_compared() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    world.flow("poem", &["text/run", "text/run@=1.0.0"]).await;
    world.active("text", &["1.1.0"]).await;
    world
        .flow("poem", &["text/run@>=1.1", "text/run@=1.0.0", "text/run"])
        .await;
    let diff = world.flows.diff(&world.me, &kebab("poem"), 1, 2).await;
    let diff = diff.unwrap();
    assert!(!diff.same);
    assert!(
        diff.text.starts_with("--- poem@1\n+++ poem@2\n@@"),
        "{}",
        diff.text
    );
    assert!(diff.text.contains("-  n0: { use: \"text/run\" }\n"));
    assert!(diff.text.contains("+  n0: { use: \"text/run@>=1.1\" }\n"));
    let after = Some("lockgate:text@1.1.0".to_owned());
    let change = LockChange {
        node: "n2".into(),
        before: None,
        after,
    };
    assert_eq!(diff.lock, [change], "version 1 has followed the swap");
    let same = world.flows.diff(&world.me, &kebab("poem"), 2, 2).await;
    let same = same.unwrap();
    assert!(same.same && same.text.is_empty() && same.lock.is_empty());
    let missing = world.flows.diff(&world.me, &kebab("poem"), 1, 3).await;
    assert_eq!(missing.unwrap_err().code(), "not-found");
}

#[tokio::test]
async fn a_flow_that_others_run_is_not_deleted() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    world.flow("inner", &["text/run"]).await;
    world.flow("outer", &["flow:inner"]).await;
    let remove = async |name: &str| {
        let removed = world.flows.remove(&world.me, &kebab(name)).await;
        removed.map_err(|error| error.code())
    };
    assert_eq!(remove("inner").await, Err("flow-needed"));
    assert_eq!(remove("outer").await, Ok(()));
    assert_eq!(remove("inner").await, Ok(()));
    assert_eq!(remove("inner").await, Err("not-found"));
    let gone = world.resolve("inner", None).await.unwrap_err();
    assert_eq!(gone.code(), "not-found");
    let world = world.reopened().await;
    assert!(world.flows.list(&world.me).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_version_that_is_not_active_runs_from_its_last_lock() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    world.flow("inner", &["text/run"]).await;
    world.flow("poem", &["flow:inner", "text/run"]).await;
    world.flow("poem", &["text/run"]).await;
    world.active("text", &["2.0.0"]).await;
    world.flow("inner", &["text/run@2"]).await;
    let old = world.resolve("poem", Some(1)).await.unwrap();
    assert_eq!(told(&old.plan), "inner[text@1.0.0] text@1.0.0");
    assert_eq!(world.runs("poem").await, "text@2.0.0");
    assert_eq!(world.resolve("poem", Some(2)).await.unwrap().version, 2);
    let missing = world.resolve("poem", Some(3)).await.unwrap_err();
    assert_eq!(missing.code(), "not-found");

    let version = "1.0.0".parse().unwrap();
    let name = crate::world::plugin("text");
    let removed = world.plugins.remove(&world.me, &name, Some(&version)).await;
    removed.unwrap();
    drop(old);
    let gone = world.resolve("poem", Some(1)).await.unwrap_err();
    assert_eq!(gone.code(), "lock-gone");
    assert!(gone.to_string().contains("lockgate:text@1.0.0"), "{gone}");
    let again = world.upload(component("text", "1.0.0"), NOT_ACTIVE).await;
    again.unwrap();
    let old = world.resolve("poem", Some(1)).await.unwrap();
    assert_eq!(told(&old.plan), "inner[text@1.0.0] text@1.0.0");
}

#[tokio::test]
async fn a_flow_without_an_active_version_says_so() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    let saved = world.put("poem", &flow("poem", &["text/run"]), false).await;
    let saved = saved.unwrap();
    assert_eq!(
        (saved.version, saved.active, saved.lock.revision),
        (1, false, 1)
    );
    let refused = world.resolve("poem", None).await.unwrap_err();
    assert_eq!(refused.code(), "not-active");
    assert_eq!(
        told(&world.resolve("poem", Some(1)).await.unwrap().plan),
        "text@1.0.0"
    );
    let world = world.reopened().await;
    let one = world.flows.one(&world.me, &kebab("poem")).await.unwrap();
    assert_eq!((one.summary.active, one.summary.newest), (None, 1));
    let done = world.flows.activate(&world.me, &kebab("poem"), 1).await;
    assert_eq!(done.unwrap().before, None);
    assert_eq!(world.resolve("poem", None).await.unwrap().revision, 1);
}

#[tokio::test]
async fn a_deleted_flow_shares_nothing_with_one_of_its_name() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    let text = "flow: poem\nnodes:\n  a: { use: text/run }\noutput: { first: a.text }\n";
    world.put("poem", text, false).await.unwrap();
    let held = world.resolve("poem", Some(1)).await.unwrap();
    world.flows.remove(&world.me, &kebab("poem")).await.unwrap();
    let text = text.replace("first", "second");
    world.put("poem", &text, false).await.unwrap();
    let other = world.resolve("poem", Some(1)).await.unwrap();
    assert_eq!(held.lock, other.lock);
    assert_eq!(other.plan.outputs().next().unwrap().as_str(), "second");
}

#[tokio::test]
async fn a_second_writer_of_a_draft_sees_a_conflict() {
    let world = World::new().await;
    let name = kebab("poem");
    let put = async |text: &str, seen: Seen| {
        let put = world.flows.put_draft(&world.me, &name, text.into(), seen);
        put.await.map(|draft| draft.etag)
    };
    let first = put("half a", Seen::Nothing).await.unwrap();
    let conflict = put("mine", Seen::Nothing).await.unwrap_err();
    assert!(matches!(conflict, ServiceError::DraftChanged { etag: Some(etag) } if etag == first));
    let second = put("half a flow", Seen::This(first.clone())).await.unwrap();
    assert_ne!(first, second);
    let conflict = put("mine", Seen::This(first.clone())).await.unwrap_err();
    assert_eq!(conflict.code(), "draft-changed");
    let draft = world.flows.draft(&world.me, &name).await.unwrap();
    assert_eq!((&*draft.text, &draft.etag), ("half a flow", &second));
    assert!(world.flows.list(&world.me).await.unwrap().is_empty());
    let conflict = world
        .flows
        .remove_draft(&world.me, &name, Seen::This(first));
    assert_eq!(conflict.await.unwrap_err().code(), "draft-changed");
    let removed = world
        .flows
        .remove_draft(&world.me, &name, Seen::This(second));
    removed.await.unwrap();
    let gone = world.flows.remove_draft(&world.me, &name, Seen::Any);
    assert_eq!(gone.await.unwrap_err().code(), "not-found");
}
