//! Plugins and flows: changes are whole or nothing, and of one project.

use lockgate_store::{Change, StoreError};

use crate::support::*;

#[tokio::test]
async fn plugins_are_added_activated_replaced_and_removed() {
    let (store, _folder) = store().await;
    let (one, two) = (
        plugin("lockgate:text", "1.0.0"),
        plugin("lockgate:text", "1.1.0"),
    );
    let change = async |changes| {
        store
            .change(&project(), changes, vec![audit("plugin")])
            .await
    };
    change(vec![
        Change::AddPlugin(one.clone()),
        Change::AddPlugin(two.clone()),
    ])
    .await
    .expect("added");
    assert_eq!(
        store.plugins(&project()).await.expect("reads"),
        [one.clone(), two.clone()]
    );
    assert_eq!(store.plugins(&name("other")).await.expect("reads"), []);

    let activate = |version: &str| Change::ActivatePlugin {
        name: "lockgate:text".to_owned(),
        version: version.to_owned(),
        activated: 7,
    };
    change(vec![activate("1.1.0")]).await.expect("activated");
    assert_eq!(
        store.plugins(&project()).await.expect("reads")[1].activated,
        Some(7)
    );

    let error = change(vec![activate("9.9.9")])
        .await
        .expect_err("not there");
    assert_eq!(
        error.to_string(),
        "there is no plugin `lockgate:text@9.9.9`"
    );
    let error = change(vec![Change::AddPlugin(one.clone())])
        .await
        .expect_err("there");
    assert_eq!(
        error.to_string(),
        "plugin `lockgate:text@1.0.0` is there already"
    );

    let mut other = one.clone();
    other.digest = "sha256:other".to_owned();
    change(vec![Change::ReplacePlugin(other.clone())])
        .await
        .expect("replaced");
    let remove = Change::RemovePlugin {
        name: two.name.clone(),
        version: two.version.clone(),
    };
    change(vec![remove.clone()]).await.expect("removed");
    assert_eq!(store.plugins(&project()).await.expect("reads"), [other]);
    let error = change(vec![remove]).await.expect_err("gone");
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");

    let log = store.audit(&project(), None, 10).await.expect("reads");
    assert_eq!(log.len(), 4, "what failed is not in it");
}

#[tokio::test]
async fn a_change_that_fails_leaves_nothing_behind() {
    let (store, _folder) = store().await;
    let changes = vec![
        Change::AddPlugin(plugin("lockgate:text", "1.0.0")),
        Change::AddFlowVersion(flow_version("poem", 1)),
        Change::AddLock(lock("poem", 1, 1)),
        Change::ActivateFlow {
            flow: name("poem"),
            version: 2,
            at: NOW,
        },
    ];
    let error = store
        .change(&project(), changes, vec![audit("all")])
        .await
        .expect_err("version 2 is not there");
    assert_eq!(error.to_string(), "there is no version 2 of flow `poem`");
    assert_eq!(store.plugins(&project()).await.expect("reads"), []);
    assert_eq!(store.flows(&project()).await.expect("reads"), []);
    assert_eq!(store.audit(&project(), None, 10).await.expect("reads"), []);
    assert_eq!(store.projects().await.expect("reads"), []);
}

#[tokio::test]
async fn flows_have_versions_and_locks() {
    let (store, _folder) = store().await;
    let poem = name("poem");
    let changes = vec![
        Change::AddFlowVersion(flow_version("poem", 1)),
        Change::AddLock(lock("poem", 1, 1)),
        Change::ActivateFlow {
            flow: poem.clone(),
            version: 1,
            at: NOW + 9,
        },
        Change::AddFlowVersion(flow_version("poem", 2)),
        Change::AddLock(lock("poem", 2, 1)),
        Change::AddLock(lock("poem", 1, 2)),
        Change::AddFlowVersion(flow_version("idle", 1)),
    ];
    store
        .change(&project(), changes, vec![])
        .await
        .expect("changes");

    let flows = store.flows(&project()).await.expect("reads");
    let said: Vec<_> = flows
        .iter()
        .map(|flow| (flow.flow.as_str(), flow.active, flow.newest))
        .collect();
    assert_eq!(said, [("idle", None, 1), ("poem", Some(1), 2)]);
    assert_eq!(
        (flows[1].created_at, flows[1].updated_at),
        (NOW + 1, NOW + 2)
    );

    let one = store
        .flow_version(&project(), &poem, 1)
        .await
        .expect("reads");
    assert_eq!(one, Some(flow_version("poem", 1)));
    assert_eq!(
        store
            .flow_version(&project(), &poem, 3)
            .await
            .expect("reads"),
        None
    );
    let all = store.flow_versions(&project(), &poem).await.expect("reads");
    assert_eq!(
        all.iter().map(|row| row.version).collect::<Vec<_>>(),
        [2, 1]
    );
    assert_eq!(all[0].text, None);
    let by = async |digest| {
        store
            .flow_by_digest(&project(), &poem, digest)
            .await
            .expect("reads")
    };
    assert_eq!(
        (by("sha256:2").await, by("sha256:3").await),
        (Some(2), None)
    );

    let locks = async |version| {
        let locks = store
            .locks(&project(), &poem, version)
            .await
            .expect("reads");
        locks
            .iter()
            .map(|lock| (lock.version, lock.revision))
            .collect::<Vec<_>>()
    };
    assert_eq!(locks(None).await, [(2, 1), (1, 2), (1, 1)]);
    assert_eq!(locks(Some(1)).await, [(1, 2), (1, 1)]);

    let active = store.active_flows(&project()).await.expect("reads");
    assert_eq!(active.len(), 1);
    assert_eq!((active[0].version, active[0].lock.revision), (1, 2));
    assert_eq!(active[0].text, "flow: poem # 1");
}

#[tokio::test]
async fn a_digest_a_version_and_a_revision_are_there_once() {
    let (store, _folder) = store().await;
    let change = async |change| store.change(&project(), vec![change], vec![]).await;
    change(Change::AddFlowVersion(flow_version("poem", 1)))
        .await
        .expect("added");
    change(Change::AddLock(lock("poem", 1, 1)))
        .await
        .expect("added");

    let mut same_digest = flow_version("poem", 2);
    same_digest.digest = "sha256:1".to_owned();
    let error = change(Change::AddFlowVersion(same_digest))
        .await
        .expect_err("taken");
    assert_eq!(
        error.to_string(),
        "version 2 of flow `poem` is there already"
    );
    let error = change(Change::AddFlowVersion(flow_version("poem", 1)))
        .await
        .expect_err("taken");
    assert!(matches!(error, StoreError::Taken { .. }), "{error}");
    let error = change(Change::AddLock(lock("poem", 1, 1)))
        .await
        .expect_err("taken");
    assert!(matches!(error, StoreError::Taken { .. }), "{error}");
    let error = change(Change::AddLock(lock("poem", 2, 1)))
        .await
        .expect_err("no version");
    assert_eq!(error.to_string(), "there is no version 2 of flow `poem`");

    let flows = store.flows(&project()).await.expect("reads");
    assert_eq!(flows[0].newest, 1);
}

#[tokio::test]
async fn a_text_is_replaced_and_a_flow_goes_with_what_belongs_to_it() {
    let (store, _folder) = store().await;
    let poem = name("poem");
    let set = |version| Change::SetFlowText {
        flow: name("poem"),
        version,
        text: "{}".to_owned(),
        format: "json".to_owned(),
    };
    let change = async |changes| store.change(&project(), changes, vec![]).await;
    change(vec![
        Change::AddFlowVersion(flow_version("poem", 1)),
        Change::AddLock(lock("poem", 1, 1)),
        set(1),
    ])
    .await
    .expect("added");
    let row = store
        .flow_version(&project(), &poem, 1)
        .await
        .expect("reads")
        .expect("there");
    assert_eq!(
        (row.text.as_deref(), row.format.as_str()),
        (Some("{}"), "json")
    );
    let error = change(vec![set(2)]).await.expect_err("not there");
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");

    let expected = lockgate_store::Expected::Absent;
    store
        .put_draft(&project(), &poem, "x".to_owned(), expected, "ann", NOW)
        .await
        .expect("put");
    change(vec![Change::RemoveFlow { flow: poem.clone() }])
        .await
        .expect("removed");
    assert_eq!(
        store.flow_versions(&project(), &poem).await.expect("reads"),
        []
    );
    assert_eq!(
        store.locks(&project(), &poem, None).await.expect("reads"),
        []
    );
    assert_eq!(store.draft(&project(), &poem).await.expect("reads"), None);
    let error = change(vec![Change::RemoveFlow { flow: poem }])
        .await
        .expect_err("gone");
    assert_eq!(error.to_string(), "there is no flow `poem`");
}

#[tokio::test]
async fn projects_do_not_see_each_other() {
    let (store, _folder) = store().await;
    let (ours, theirs) = (project(), name("theirs"));
    for project in [&ours, &theirs] {
        let changes = vec![
            Change::AddPlugin(plugin("lockgate:text", "1.0.0")),
            Change::AddFlowVersion(flow_version("poem", 1)),
            Change::AddLock(lock("poem", 1, 1)),
            Change::ActivateFlow {
                flow: name("poem"),
                version: 1,
                at: NOW,
            },
        ];
        store
            .change(project, changes, vec![])
            .await
            .expect("each has its own");
    }
    let remove = vec![Change::RemoveFlow { flow: name("poem") }];
    store
        .change(&theirs, remove, vec![])
        .await
        .expect("removed");
    assert_eq!(store.active_flows(&ours).await.expect("reads").len(), 1);
    assert_eq!(store.active_flows(&theirs).await.expect("reads"), []);
    assert_eq!(store.projects().await.expect("reads"), [ours, theirs]);
}

#[tokio::test]
async fn the_audit_log_is_read_backwards() {
    let (store, _folder) = store().await;
    for action in ["a", "b", "c"] {
        store
            .change(&project(), vec![], vec![audit(action)])
            .await
            .expect("noted");
    }
    let newest = store.audit(&project(), None, 2).await.expect("reads");
    assert_eq!(
        newest
            .iter()
            .map(|entry| entry.row.action.as_str())
            .collect::<Vec<_>>(),
        ["c", "b"]
    );
    assert_eq!(newest[0].row, audit("c"));
    let rest = store
        .audit(&project(), Some(newest[1].seq), 2)
        .await
        .expect("reads");
    assert_eq!(
        rest.iter()
            .map(|entry| entry.row.action.as_str())
            .collect::<Vec<_>>(),
        ["a"]
    );
    assert_eq!(
        store.audit(&name("other"), None, 2).await.expect("reads"),
        []
    );
}
