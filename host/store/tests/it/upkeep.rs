//! What goes, and what stays.

use std::time::Duration;

use lockgate_store::{Accept, RunFilter, Store, StoreConfig, Upkeep};

use crate::support::*;

const DAY: i64 = 24 * 60 * 60 * 1000;

async fn count(store: &Store) -> usize {
    let filter = RunFilter {
        limit: 1_000,
        ..RunFilter::default()
    };
    store
        .runs(&project(), &filter)
        .await
        .expect("reads")
        .runs
        .len()
}

#[tokio::test]
async fn old_runs_go_and_those_that_wait_stay() {
    let (store, _folder) = store().await;
    for number in 0..600 {
        let mut run = finished(id(number));
        run.finished_at = if number < 590 { NOW } else { NOW + DAY };
        store.finish_run(run).await.expect("stored");
    }
    accept_each(&store, [id(700)]).await;
    let none = store.upkeep(NOW + 30 * DAY).await.expect("done");
    assert_eq!((none.runs, none.idempotency, none.batches), (0, 0, 0));
    assert_eq!(
        store.upkeep(NOW + 30 * DAY + 1).await.expect("done").runs,
        590
    );
    assert_eq!(count(&store).await, 11);
    assert_eq!(store.upkeep(NOW + 90 * DAY).await.expect("done").runs, 10);
    assert_eq!(store.queue(None).await.expect("reads").waiting, 1);
}

#[tokio::test]
async fn the_oldest_go_while_the_database_is_too_large_and_its_file_shrinks() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = StoreConfig::new(folder.path());
    config.keep_bytes = 4 << 20;
    let store = Store::open(config).await.expect("opens");
    let mut noise = 1u32;
    for number in 0..300 {
        let mut run = finished(id(number));
        // What does not become smaller.
        run.events = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        })
        .take(64 << 10)
        .collect();
        store.finish_run(run).await.expect("stored");
    }
    let Upkeep { runs, bytes, .. } = store.upkeep(NOW).await.expect("done");
    assert!(runs > 0 && bytes <= 4 << 20, "{runs} {bytes}");
    let left = store
        .runs(&project(), &RunFilter::default())
        .await
        .expect("reads")
        .runs;
    assert!(left.iter().all(|run| run.id >= id(runs)), "the oldest went");
    store.close().await;
    let size = folder
        .path()
        .join("lockgate.db")
        .metadata()
        .expect("there")
        .len();
    assert!(size < 12 << 20, "{size}");
}

#[tokio::test]
async fn idempotency_keys_batches_and_dead_letters_go_in_their_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = StoreConfig::new(folder.path());
    config.keep_runs = Duration::from_secs(10 * 24 * 60 * 60);
    let store = Store::open(config).await.expect("opens");
    let ask = Accept {
        idempotency: Some(idempotency("d", id(1))),
        batch: Some(batch(id(1_000), 2)),
        ..accept(vec![queued(id(1)), queued(id(2))])
    };
    store.accept(ask).await.expect("accepted");
    store.claim("a", 1, NOW).await.expect("taken");
    store.recover("b", NOW, 1).await.expect("one is dead");

    let done = store.upkeep(NOW + DAY - 1).await.expect("done");
    assert_eq!((done.runs, done.idempotency, done.batches), (0, 0, 0));
    let done = store.upkeep(NOW + DAY).await.expect("done");
    assert_eq!((done.runs, done.idempotency, done.batches), (0, 1, 0));
    let done = store.upkeep(NOW + 11 * DAY).await.expect("done");
    assert_eq!(
        (done.runs, done.batches),
        (1, 0),
        "one of the batch still waits"
    );
    assert_eq!(store.dead(&project(), None, 10).await.expect("reads"), []);
    store
        .cancel_waiting(&project(), &id(2), NOW + 11 * DAY)
        .await
        .expect("cancelled");
    let done = store.upkeep(NOW + 22 * DAY).await.expect("done");
    assert_eq!((done.runs, done.batches), (1, 1));
}
