//! What cannot be done from outside: to make SQLite fail in the middle of a group.

use crate::{AuditRow, Store, StoreConfig, StoreError, audit};

use super::Durability;

async fn store() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(StoreConfig::new(folder.path()))
        .await
        .expect("opens");
    (store, folder)
}

async fn pragma(store: &Store, statement: &'static str) -> crate::Result<()> {
    store
        .0
        .writer
        .write(Durability::Process, move |tx| {
            Box::pin(async move {
                sqlx::query(statement).fetch_all(&mut tx.connection).await?;
                Ok(())
            })
        })
        .await
}

fn row(detail: usize) -> AuditRow {
    AuditRow {
        project: "default".parse().expect("a name"),
        at: 0,
        actor: String::new(),
        key: None,
        address: None,
        action: String::new(),
        subject: String::new(),
        detail: "x".repeat(detail),
    }
}

async fn note(store: &Store, detail: usize) -> crate::Result<()> {
    store
        .0
        .writer
        .write(Durability::Power, move |tx| {
            Box::pin(audit::add(tx, row(detail)))
        })
        .await
}

#[tokio::test]
async fn a_full_disk_is_told_to_all_of_a_group_and_the_next_is_written() {
    let (store, _folder) = store().await;
    note(&store, 10).await.expect("written");
    pragma(&store, "PRAGMA max_page_count = 200")
        .await
        .expect("set");
    let group = (0..20).map(|_| note(&store, 1 << 20));
    for answer in futures::future::join_all(group).await {
        assert!(matches!(answer, Err(StoreError::Full { .. })), "{answer:?}");
    }
    pragma(&store, "PRAGMA max_page_count = 100000")
        .await
        .expect("set");
    note(&store, 1 << 20).await.expect("written");
    let log = store
        .audit(&row(0).project, None, 100)
        .await
        .expect("reads");
    assert_eq!(log.len(), 2);
}

#[tokio::test]
async fn a_database_that_may_not_be_written_is_told() {
    let (store, _folder) = store().await;
    pragma(&store, "PRAGMA query_only = ON").await.expect("set");
    let error = note(&store, 1).await.expect_err("read only");
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    assert!(error.to_string().contains("lockgate.db"), "{error}");
}

#[tokio::test]
async fn a_work_that_fails_under_a_savepoint_leaves_the_rest_of_its_group() {
    let (store, _folder) = store().await;
    let fails = store.0.writer.write(Durability::Process, |tx| {
        Box::pin(async move {
            audit::add(tx, row(1)).await?;
            Err::<(), _>(StoreError::Closed.into())
        })
    });
    let (one, failed, two) = tokio::join!(note(&store, 1), fails, note(&store, 1));
    one.expect("written");
    failed.expect_err("its own");
    two.expect("written");
    let log = store
        .audit(&row(0).project, None, 100)
        .await
        .expect("reads");
    assert_eq!(log.len(), 2);
}
