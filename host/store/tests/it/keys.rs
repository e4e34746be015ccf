//! Keys and webhooks.

use lockgate_store::{Change, KeyRow, StoreError, WebhookRow};
use sqlx::Executor as _;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::support::*;

fn key(title: &str, byte: u8) -> KeyRow {
    KeyRow {
        id: Uuid::from_bytes([byte; 16]),
        project: project(),
        publisher: name("acme"),
        name: title.to_owned(),
        hash: [byte; 32],
        scopes: vec!["deploy".to_owned(), "read".to_owned()],
        flows: Some(vec![name("poem")]),
        created_at: NOW,
        revoked_at: None,
    }
}

#[tokio::test]
async fn keys_are_found_by_their_hash_until_they_are_revoked_and_after() {
    let (store, _folder) = store().await;
    let mut all = key("root", 2);
    all.flows = None;
    for row in [key("ci", 1), all.clone()] {
        store
            .add_key(row, audit("key.create"))
            .await
            .expect("added");
    }
    let found = async |byte| store.key_by_hash(&[byte; 32]).await.expect("reads");
    assert_eq!(found(1).await, Some(key("ci", 1)));
    assert_eq!(found(2).await, Some(all));
    assert_eq!(found(3).await, None);

    for (row, why) in [(key("ci", 3), "name"), (key("new", 1), "id and hash")] {
        let error = store
            .add_key(row, audit("key.create"))
            .await
            .expect_err(why);
        assert!(matches!(error, StoreError::Taken { .. }), "{error}");
    }

    let revoke = async |byte| {
        let id = Uuid::from_bytes([byte; 16]);
        store
            .revoke_key(&id, NOW + 1, audit("key.revoke"))
            .await
            .expect("answers")
    };
    assert!(revoke(1).await);
    assert!(!revoke(1).await, "only once");
    assert!(!revoke(9).await, "there is none");
    assert_eq!(
        found(1).await.expect("still there").revoked_at,
        Some(NOW + 1)
    );
    store
        .add_key(key("ci", 4), audit("key.create"))
        .await
        .expect("the name is free again");
    let names: Vec<_> = store
        .keys()
        .await
        .expect("reads")
        .into_iter()
        .map(|row| row.name)
        .collect();
    assert_eq!(names, ["ci", "root", "ci"]);
    let log = store.audit(&project(), None, 10).await.expect("reads");
    assert_eq!(log.len(), 4);
}

fn webhook(byte: u8, secret: Option<&[u8]>) -> WebhookRow {
    WebhookRow {
        id: Uuid::from_bytes([byte; 16]),
        project: project(),
        flow: name("poem"),
        hash: [byte; 32],
        secret: secret.map(|secret| Zeroizing::new(secret.to_vec())),
        detail: "{}".to_owned(),
        created_at: NOW,
        created_by: "ann".to_owned(),
    }
}

#[tokio::test]
async fn webhooks_belong_to_a_flow_and_their_secrets_are_sealed() {
    let (store, folder) = store().await;
    let poem = name("poem");
    let error = store
        .add_webhook(webhook(1, None), audit("webhook"))
        .await
        .expect_err("no flow");
    assert_eq!(error.to_string(), "there is no flow `poem`");

    let changes = vec![Change::AddFlowVersion(flow_version("poem", 1))];
    store
        .change(&project(), changes, vec![])
        .await
        .expect("a flow");
    let (open, checked) = (webhook(1, None), webhook(2, Some(b"hush-hush-hush")));
    for row in [open.clone(), checked.clone()] {
        store
            .add_webhook(row, audit("webhook"))
            .await
            .expect("added");
    }
    let error = store
        .add_webhook(webhook(1, None), audit("webhook"))
        .await
        .expect_err("taken");
    assert!(matches!(error, StoreError::Taken { .. }), "{error}");

    let found = async |byte| store.webhook_by_hash(&[byte; 32]).await;
    assert_eq!(found(1).await.expect("reads"), Some(open.clone()));
    assert_eq!(found(2).await.expect("opens"), Some(checked));
    assert_eq!(found(3).await.expect("reads"), None);
    let listed = store.webhooks(&project(), &poem).await.expect("reads");
    assert_eq!(listed, [open, webhook(2, None)]);

    let mut raw = raw(&folder).await;
    let raw_secret =
        "UPDATE webhooks SET secret = x'0102' WHERE id = x'02020202020202020202020202020202'";
    raw.execute(raw_secret).await.expect("changed");
    let error = found(2).await.expect_err("changed");
    assert!(matches!(error, StoreError::Unsealable { .. }), "{error}");

    let id = Uuid::from_bytes([1; 16]);
    let remove = async |project| {
        store
            .remove_webhook(&project, &id, audit("webhook"))
            .await
            .expect("answers")
    };
    assert!(!remove(name("other")).await);
    assert!(remove(project()).await);
    assert!(!remove(project()).await);

    let gone = vec![Change::RemoveFlow { flow: poem.clone() }];
    store
        .change(&project(), gone, vec![])
        .await
        .expect("removed");
    assert_eq!(found(2).await.expect("reads"), None);
}
