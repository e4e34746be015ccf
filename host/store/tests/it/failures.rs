//! Files that are not what they should be.

use lockgate_store::{Store, StoreConfig, StoreError};
use sqlx::Executor as _;

use crate::support::*;

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused() {
    let (store, folder) = store().await;
    store.close().await;
    raw(&folder)
        .await
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'later', 1, x'00', 0)",
        )
        .await
        .expect("changed");
    let error = Store::open(StoreConfig::new(folder.path()))
        .await
        .expect_err("newer");
    assert!(
        matches!(
            error,
            StoreError::Newer {
                found: 9999,
                known: 2..,
                ..
            }
        ),
        "{error}"
    );
    let said = error.to_string();
    assert!(
        said.contains("lockgate.db") && said.contains("newer version"),
        "{said}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_damaged() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("lockgate.db"), vec![b'x'; 8192]).expect("written");
    let error = Store::open(StoreConfig::new(folder.path()))
        .await
        .expect_err("damaged");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("lockgate.db"), "{error}");
}

#[tokio::test]
async fn damage_in_the_middle_is_told_and_not_fatal() {
    let (store, folder) = store().await;
    for number in 0..200 {
        let mut run = finished(id(number));
        run.error = Some("x".repeat(2_000));
        store.finish_run(run).await.expect("stored");
    }
    store.close().await;
    let file = folder.path().join("lockgate.db");
    let mut bytes = std::fs::read(&file).expect("there");
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xA5);
    std::fs::write(&file, bytes).expect("written");
    let store = open(&folder).await;
    let mut damaged = 0;
    for number in 0..200 {
        match store.run(&project(), &id(number)).await {
            Ok(_) => {}
            Err(StoreError::Damaged { .. }) => damaged += 1,
            Err(other) => unreachable!("{other:?}"),
        }
    }
    assert!(damaged > 0);
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "x").expect("written");
    let error = Store::open(StoreConfig::new(file.join("data")))
        .await
        .expect_err("no folder");
    assert!(matches!(error, StoreError::File { .. }), "{error}");
    assert!(
        error.to_string().contains("file/data cannot be made"),
        "{error}"
    );
}

#[tokio::test]
async fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let (store, folder) = store().await;
    store.close().await;
    let key = folder.path().join("host.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("ours");
    let error = Store::open(StoreConfig::new(folder.path()))
        .await
        .expect_err("refused");
    assert!(matches!(error, StoreError::HostKey { .. }), "{error}");
}

#[tokio::test]
async fn a_name_that_is_none_is_damage() {
    let (store, folder) = store().await;
    store
        .change(
            &project(),
            vec![lockgate_store::Change::AddFlowVersion(flow_version(
                "poem", 1,
            ))],
            vec![],
        )
        .await
        .expect("a flow");
    raw(&folder)
        .await
        .execute("PRAGMA foreign_keys = OFF; UPDATE flows SET name = 'No Name'")
        .await
        .expect("changed");
    let error = store.flows(&project()).await.expect_err("no name");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}
