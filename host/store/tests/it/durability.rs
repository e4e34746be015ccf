//! Groups, handles, processes that end: what was answered is there.

use lockgate_store::{Change, RunFilter, Store, StoreConfig, StoreError};
use sqlx::{Connection as _, Executor as _};

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_writers_at_once_and_the_one_that_fails_takes_no_other_along() {
    let (store, _folder) = store().await;
    let taken = vec![Change::AddPlugin(plugin("lockgate:text", "1.0.0"))];
    store
        .change(&project(), taken.clone(), vec![])
        .await
        .expect("added");
    let writers = (0..1_000).map(|number| {
        let (store, taken) = (store.clone(), taken.clone());
        tokio::spawn(async move {
            match number {
                500 => store.change(&project(), taken, vec![audit("x")]).await,
                _ if number % 10 == 3 => store
                    .accept(accept(vec![queued(id(number))]))
                    .await
                    .map(|_| ()),
                _ => store.finish_run(finished(id(number))).await,
            }
        })
    });
    let answers = futures::future::join_all(writers).await;
    for (number, answer) in answers.into_iter().enumerate() {
        let answer = answer.expect("no panic");
        match number {
            500 => assert!(
                matches!(answer, Err(StoreError::Taken { .. })),
                "{answer:?}"
            ),
            _ => answer.expect("stored"),
        }
    }
    for number in (0..1_000).filter(|number| *number != 500) {
        assert!(
            store
                .run(&project(), &id(number))
                .await
                .expect("reads")
                .is_some(),
            "{number}"
        );
    }
    assert_eq!(store.audit(&project(), None, 1).await.expect("reads"), []);
    assert_eq!(store.queue(None).await.expect("reads").waiting, 100);
}

#[tokio::test]
async fn whoever_stops_waiting_is_stored_all_the_same() {
    let (store, folder) = store().await;
    let writer = tokio::spawn({
        let store = store.clone();
        async move { store.finish_run(finished(id(1))).await }
    });
    tokio::task::yield_now().await;
    writer.abort();
    let _ = writer.await;
    store.close().await;
    let again = open(&folder).await;
    // Either it never came so far, or it is whole.
    if let Some(row) = again.run(&project(), &id(1)).await.expect("reads") {
        assert_eq!(row.events, finished(id(1)).events);
    }
}

#[tokio::test]
async fn everything_is_there_after_a_drop_without_a_close() {
    let (store, folder) = store().await;
    let changes = vec![
        Change::AddFlowVersion(flow_version("poem", 1)),
        Change::AddLock(lock("poem", 1, 1)),
        Change::ActivateFlow {
            flow: name("poem"),
            version: 1,
            at: NOW,
        },
    ];
    store
        .change(&project(), changes, vec![audit("x")])
        .await
        .expect("changes");
    for number in 0..100 {
        store
            .finish_run(finished(id(number)))
            .await
            .expect("stored");
    }
    accept_each(&store, [id(200)]).await;
    drop(store);

    let store = open(&folder).await;
    assert_eq!(
        store.active_flows(&project()).await.expect("reads").len(),
        1
    );
    let filter = RunFilter {
        limit: 500,
        ..RunFilter::default()
    };
    assert_eq!(
        store
            .runs(&project(), &filter)
            .await
            .expect("reads")
            .runs
            .len(),
        101
    );
    let claimed = store.claim("a", 9, NOW).await.expect("taken");
    assert_eq!(claimed[0].input, queued(id(200)).input);
}

#[tokio::test]
async fn a_copy_of_the_files_at_any_moment_is_a_whole_store() {
    // What a kill leaves behind: the files as they are, with what was answered.
    let (store, folder) = store().await;
    for round in 0..5 {
        accept_each(&store, [id(round)]).await;
        let copy = tempfile::tempdir().expect("a folder");
        for file in ["lockgate.db", "lockgate.db-wal", "host.key"] {
            std::fs::copy(folder.path().join(file), copy.path().join(file)).expect("copied");
        }
        let other = open(&copy).await;
        let claimed = other.claim("b", 99, NOW).await.expect("taken");
        assert_eq!(claimed.len() as u64, round + 1);
    }
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let (store, folder) = store().await;
    let other = store.clone();
    store.finish_run(finished(id(1))).await.expect("stored");
    store.close().await;
    let error = other.finish_run(finished(id(2))).await.expect_err("closed");
    assert!(matches!(error, StoreError::Closed), "{error}");
    let error = other.run(&project(), &id(1)).await.expect_err("closed");
    assert!(matches!(error, StoreError::Closed), "{error}");
    let error = other
        .change(&project(), vec![], vec![])
        .await
        .expect_err("closed");
    assert!(matches!(error, StoreError::Closed), "{error}");
    other.close().await;
    let wal = folder.path().join("lockgate.db-wal");
    assert!(!wal.exists() || wal.metadata().expect("there").len() == 0);
}

#[tokio::test]
async fn one_handle_serves_a_folder_and_others_may_use_it() {
    let (store, folder) = store().await;
    let other = open(&folder).await;
    let owner = store.own().expect("ours");
    let error = other.own().expect_err("in use");
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(&*folder.path().to_string_lossy()),
        "{error}"
    );

    // Both write and see what the other wrote.
    store.finish_run(finished(id(1))).await.expect("stored");
    other.finish_run(finished(id(2))).await.expect("stored");
    assert!(
        other
            .run(&project(), &id(1))
            .await
            .expect("reads")
            .is_some()
    );
    assert!(
        store
            .run(&project(), &id(2))
            .await
            .expect("reads")
            .is_some()
    );

    drop(owner);
    other.own().expect("free again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_open_a_new_folder_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/new");
    let opens = (0..8).map(|_| {
        let config = StoreConfig::new(&path);
        tokio::spawn(async move { Store::open(config).await })
    });
    for opened in futures::future::join_all(opens).await {
        let store = opened.expect("no panic").expect("opens");
        store
            .change(&project(), vec![], vec![audit("x")])
            .await
            .expect("writes");
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mode = path.metadata().expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn readers_do_not_wait_for_a_write_nor_see_half_of_it() {
    let (store, folder) = store().await;
    store.finish_run(finished(id(1))).await.expect("stored");
    let mut other = raw(&folder).await;
    let mut long = other.begin_with("BEGIN IMMEDIATE").await.expect("begins");
    long.execute("DELETE FROM runs").await.expect("deletes");
    assert!(
        store
            .run(&project(), &id(1))
            .await
            .expect("reads")
            .is_some()
    );
    let other = open(&folder).await;
    let seen = other.run(&project(), &id(1)).await.expect("reads");
    assert!(seen.is_some(), "opening does not wait either");
    long.commit().await.expect("commits");
    assert!(
        store
            .run(&project(), &id(1))
            .await
            .expect("reads")
            .is_none()
    );
}

#[tokio::test]
async fn the_log_stays_short_however_much_is_written() {
    let (store, folder) = store().await;
    let wal = folder.path().join("lockgate.db-wal");
    let mut longest = 0;
    let mut noise = 1u32;
    for number in 0..1_500 {
        let mut run = finished(id(number));
        run.events = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        })
        .take(128 << 10)
        .collect();
        store.finish_run(run).await.expect("stored");
        longest = longest.max(wal.metadata().expect("there").len());
    }
    // About 190 MiB were written.
    assert!(longest < 96 << 20, "{longest}");
}
