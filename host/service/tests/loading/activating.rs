//! What happens to flows when a version of something becomes active.

use lockgate_service::ServiceError;
use lockgate_service::flows::CauseKind;
use serde_json::json;

use crate::fakes::{component, with_nodes};
use crate::world::{ACTIVE, NOT_ACTIVE, World, flow, kebab};

#[tokio::test]
async fn a_reference_means_what_was_made_active_last_among_what_it_admits() {
    let world = World::new().await;
    world.active("text", &["1.0.0", "1.1.0", "2.0.0"]).await;
    world.flow("any", &["text/run"]).await;
    world.flow("one", &["text/run@1"]).await;
    world
        .flow("both", &["text/run@~1.0", "text/run@>=1.1"])
        .await;
    assert_eq!(world.runs("any").await, "text@2.0.0");
    assert_eq!(world.runs("one").await, "text@1.1.0");
    assert_eq!(world.runs("both").await, "text@1.0.0 text@2.0.0");

    let done = world.activate("text", "1.0.0").await.unwrap();
    assert_eq!(done.before.as_deref(), Some("2.0.0"));
    let flows: Vec<_> = done.flows.iter().map(|flow| flow.flow.as_str()).collect();
    assert_eq!(flows, ["any", "one"]);
    assert_eq!(world.runs("any").await, "text@1.0.0");
    assert_eq!(world.runs("one").await, "text@1.0.0");
    assert_eq!(world.runs("both").await, "text@1.0.0 text@2.0.0");

    let again = world.activate("text", "1.0.0").await.unwrap();
    assert!(again.flows.is_empty(), "it is active already");
}

#[tokio::test]
async fn what_was_never_active_is_no_candidate_and_the_fault_says_so() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    world
        .upload(component("text", "2.0.0"), NOT_ACTIVE)
        .await
        .unwrap();
    world.flow("any", &["text/run"]).await;
    assert_eq!(world.runs("any").await, "text@1.0.0");
    let refused = world.save("two", &flow("two", &["text/run@2"])).await;
    let ServiceError::Faults { faults, total } = refused.unwrap_err() else {
        panic!("it has faults");
    };
    assert_eq!((total, &*faults[0].code), (1, "unknown-plugin"));
    let help = faults[0].help.as_deref();
    assert_eq!(
        help,
        Some("uploaded, not active yet: 2.0.0; make one active")
    );
    assert_eq!(faults[0].line, Some(3));
    let refused = world.save("gone", &flow("gone", &["nothing/run"])).await;
    assert_eq!(refused.unwrap_err().code(), "flow-faults");
}

#[tokio::test]
async fn an_activation_that_breaks_one_of_three_flows_changes_nothing() {
    let world = World::new().await;
    let both = json!([{ "name": "run" }, { "name": "old" }]);
    world
        .upload(with_nodes("text", "1.0.0", &both), ACTIVE)
        .await
        .unwrap();
    world.flow("a", &["text/run"]).await;
    world.flow("b", &["text/old"]).await;
    world.flow("c", &["text/run@1"]).await;
    world.flow("outer", &["flow:b"]).await;
    let before = world.locks().await;
    for upload in [ACTIVE, NOT_ACTIVE] {
        let uploaded = world.upload(component("text", "1.1.0"), upload).await;
        let error = match uploaded {
            Err(error) => error,
            Ok(_) => world.activate("text", "1.1.0").await.unwrap_err(),
        };
        let ServiceError::FlowsWouldBreak { flows } = error else {
            panic!("{error}");
        };
        let broken: Vec<_> = flows.iter().map(|flow| flow.flow.as_str()).collect();
        assert_eq!(broken, ["b", "outer"]);
        assert_eq!(flows[0].faults[0].code, "unknown-node");
        assert_eq!(flows[0].faults[0].line, Some(3));
        assert_eq!(world.locks().await, before);
        assert_eq!(world.runs("a").await, "text@1.0.0");
    }
    assert_eq!(world.loader.alive("text@1.1.0"), 0);
    let refusing = json!([{ "name": "run", "refuses": true }, { "name": "old" }]);
    let refused = world.upload(with_nodes("text", "1.2.0", &refusing), ACTIVE);
    let refused = refused.await.unwrap_err();
    assert_eq!(refused.code(), "flows-would-break");
    let world = world.reopened().await;
    assert_eq!(world.locks().await, before);
    let versions = &world.plugins.list(&world.me).unwrap()[0].versions;
    assert_eq!(versions[..], ["1.1.0", "1.0.0"]);
}

#[tokio::test]
async fn flows_that_run_flows_follow_them() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    world.flow("inner", &["text/run"]).await;
    world.flow("middle", &["flow:inner"]).await;
    world.flow("outer", &["flow:middle", "flow:inner"]).await;
    world.flow("apart", &["text/run@=1.0.0"]).await;
    world.active("text", &["1.1.0"]).await;
    let inner = "inner[text@1.1.0]";
    assert_eq!(
        world.runs("outer").await,
        format!("middle[{inner}] {inner}")
    );
    let locks = world.locks().await;
    let revisions: Vec<_> = locks.values().map(|(_, revision, _)| *revision).collect();
    assert_eq!(revisions, [1, 2, 2, 2], "apart stays as it is");

    // What two flows run is planned once.
    let (outer, middle) = (world.plan("outer").await, world.plan("middle").await);
    let of_outer = outer.nodes()[0].flow().unwrap();
    assert!(std::sync::Arc::ptr_eq(of_outer, &middle));

    let saved = world.flow("inner", &["text/run@1.0"]).await;
    let flows: Vec<_> = saved.flows.iter().map(|flow| flow.flow.as_str()).collect();
    assert_eq!(flows, ["inner", "middle", "outer"]);
    let saved = world.flow("inner", &["text/run@=1.0.0"]).await;
    assert_eq!((saved.version, saved.lock.revision), (3, 1));
    let outer = world.flows.locks(&world.me, &kebab("outer"), None).await;
    let outer = outer.unwrap();
    assert_eq!(outer[0].lock.revision, 4);
    let cause = &outer[0].lock.cause;
    assert_eq!(
        (cause.kind, &*cause.subject, &*cause.by),
        (CauseKind::Saved, "inner@3", "me")
    );
    let cause = &outer[2].lock.cause;
    assert_eq!(
        (cause.kind, &*cause.subject),
        (CauseKind::PluginActive, "lockgate:text@1.1.0")
    );
}

#[tokio::test]
async fn a_sub_flow_that_no_longer_fits_its_parents_is_refused() {
    let world = World::new().await;
    let nodes = json!([{ "name": "run", "outputs": ["text", "more"] }]);
    world
        .upload(with_nodes("text", "1.0.0", &nodes), ACTIVE)
        .await
        .unwrap();
    let both =
        "flow: inner\nnodes:\n  a: { use: text/run }\noutput: { text: a.text, more: a.more }\n";
    world.save("inner", both).await.unwrap();
    let outer = "flow: outer\nnodes:\n  i: { use: \"flow:inner\" }\noutput: { text: i.more }\n";
    world.save("outer", outer).await.unwrap();
    let refused = world.save("inner", &flow("inner", &["text/run"])).await;
    let ServiceError::FlowsWouldBreak { flows } = refused.unwrap_err() else {
        panic!("outer would break");
    };
    assert_eq!((flows.len(), flows[0].flow.as_str()), (1, "outer"));
    // Saved without becoming active it is in nobody's way, until it is made active.
    let saved = world
        .put("inner", &flow("inner", &["text/run"]), false)
        .await;
    let saved = saved.unwrap();
    assert_eq!((saved.version, saved.active), (2, false));
    let refused = world.flows.activate(&world.me, &kebab("inner"), 2).await;
    assert_eq!(refused.unwrap_err().code(), "flows-would-break");
    assert_eq!(world.resolve("inner", None).await.unwrap().version, 1);
}

#[tokio::test]
async fn a_circle_of_flows_is_found() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    world.flow("a", &["text/run"]).await;
    world.flow("b", &["flow:a"]).await;
    world.flow("c", &["flow:b"]).await;
    let before = world.locks().await;
    for (name, uses) in [("a", "flow:c"), ("a", "flow:a"), ("d", "flow:d")] {
        for activate in [true, false] {
            let refused = world.put(name, &flow(name, &[uses]), activate).await;
            let ServiceError::Faults { faults, .. } = refused.unwrap_err() else {
                panic!("{name} runs itself");
            };
            assert_eq!(faults[0].code, "sub-flow");
            let what = faults[0].help.as_deref().unwrap_or_default();
            let what = format!("{} {what}", faults[0].message);
            assert!(what.contains("runs itself"), "{what}");
        }
        let text = flow(name, &[uses]);
        let checked = world.flows.check(&world.me, name, &text);
        assert_eq!(checked.await.unwrap().total_faults, 1, "{name} {uses}");
    }
    assert_eq!(world.locks().await, before);
}

#[tokio::test]
async fn rolling_back_restores_the_former_locks() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    world.flow("any", &["text/run"]).await;
    world.flow("outer", &["flow:any", "text/run@1"]).await;
    let former = world.locks().await;
    world.active("text", &["1.1.0"]).await;
    let between = world.locks().await;
    let done = world.activate("text", "1.0.0").await.unwrap();
    assert_eq!(done.before.as_deref(), Some("1.1.0"));
    let now = world.locks().await;
    for (flow, (version, revision, digest)) in &former {
        assert_ne!(between[flow].2, *digest);
        assert_eq!(now[flow], (*version, revision + 2, digest.clone()));
    }
    let saved = world.flow("any", &["text/run@=1.1.0"]).await;
    assert_eq!(saved.version, 2);
    let done = world.flows.activate(&world.me, &kebab("any"), 1).await;
    let done = done.unwrap();
    assert_eq!((done.before.as_deref(), &*done.version), (Some("2"), "1"));
    let again = world.locks().await;
    assert_eq!(
        again["any"], now["any"],
        "the version's last lock, unchanged"
    );
    assert_eq!(again["outer"].2, now["outer"].2);
}

#[tokio::test]
async fn projects_are_apart() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    world.flow("poem", &["text/run"]).await;
    let mut other = world.me.clone();
    other.project = kebab("other");
    let there = World { me: other, ..world };
    assert!(there.flows.list(&there.me).await.unwrap().is_empty());
    assert_eq!(
        there.resolve("poem", None).await.unwrap_err().code(),
        "not-found"
    );
    assert!(
        there
            .save("poem", &flow("poem", &["text/run"]))
            .await
            .is_err()
    );
    there.active("text", &["2.0.0"]).await;
    there.flow("poem", &["text/run"]).await;
    assert_eq!(there.runs("poem").await, "text@2.0.0");
    let mut back = there.me.clone();
    back.project = kebab("default");
    let here = World { me: back, ..there };
    assert_eq!(here.runs("poem").await, "text@1.0.0");
    here.active("text", &["1.5.0"]).await;
    assert_eq!(here.runs("poem").await, "text@1.5.0");
}
