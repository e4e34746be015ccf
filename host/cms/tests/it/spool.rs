//! The spool from outside: what a kill, a full disk's share and other people's files do to it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lockgate_cms::{Sender, SenderConfig, SenderError};
use lockgate_stand_ins::{Fault, Gateway};

use crate::sender::{idle, sender_config, start};
use crate::support::{client_in, config, datum, time};

const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn batches(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut batches: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "batch"))
        .collect();
    batches.sort();
    batches
}

/// Has a sender leave batches of 21 in a folder.
pub(crate) async fn leave(
    gateway: &Gateway,
    time: &lockgate_stand_ins::VirtualTime,
    folder: &Path,
    count: u64,
) {
    gateway.faults().run(|| Some(Fault::Throttled));
    let sender = start(gateway, time, folder).await;
    sender.offer((0..21 * count).map(|index| datum(index, index)).collect());
    let status = sender.close(Duration::ZERO).await;
    assert_eq!(status.spooled, 21 * count);
    gateway.faults().clear();
}

#[test]
fn damaged_files_are_dropped_and_counted() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        leave(&gateway, &time, folder.path(), 8).await;
        let files = batches(folder.path());
        assert_eq!(files.len(), 8);
        let text = |index: usize| fs::read(&files[index]).expect("a file");
        // Torn by a loss of power, empty, changed in one bit, not ours, endless, a link, half written by a kill.
        fs::write(&files[0], &text(0)[..text(0).len() / 2]).expect("written");
        fs::write(&files[1], "").expect("written");
        let mut changed = text(2);
        let last = changed.len() - 3;
        changed[last] ^= 1;
        fs::write(&files[2], changed).expect("written");
        fs::write(&files[3], "lockgate-cms 1\n00000000\n").expect("written");
        fs::File::options()
            .write(true)
            .open(&files[4])
            .and_then(|file| file.set_len(1 << 40))
            .expect("long");
        fs::remove_file(&files[5]).expect("removed");
        std::os::unix::fs::symlink("/dev/zero", &files[5]).expect("a link");
        fs::rename(&files[6], files[6].with_extension("new")).expect("renamed");
        fs::write(folder.path().join("notes.txt"), "mine").expect("written");
        fs::write(folder.path().join("1-1.batch"), "no name of ours").expect("written");

        let sender = start(&gateway, &time, folder.path()).await;
        let status = idle(&sender, &time).await;
        assert_eq!(
            (status.found, status.sent, status.dropped.damaged),
            (8 * 21, 21, 7 * 21)
        );
        assert_eq!(status.dropped.total(), status.dropped.damaged);
        let series: Vec<_> = gateway
            .entries()
            .iter()
            .map(|entry| entry.values["Sum"] as u64)
            .collect();
        assert!(
            series.into_iter().eq(7 * 21..8 * 21),
            "the one that was whole"
        );
        assert!(batches(folder.path()).len() == 1 && folder.path().join("notes.txt").exists());
    };
    time.run(test).expect("a runtime");
}

#[test]
fn a_batch_cut_anywhere_is_whole_or_none() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        leave(&gateway, &time, folder.path(), 1).await;
        let file = batches(folder.path()).remove(0);
        let whole = fs::read(&file).expect("a file");
        for length in (0..whole.len()).step_by(97) {
            fs::write(&file, &whole[..length]).expect("written");
            let sender = start(&gateway, &time, folder.path()).await;
            let status = idle(&sender, &time).await;
            assert_eq!((status.sent, status.dropped.damaged), (0, 21), "{length}");
            sender.close(Duration::ZERO).await;
        }
        assert_eq!(gateway.entries().len(), 0);
    };
    time.run(test).expect("a runtime");
}

#[test]
fn a_full_spool_drops_the_oldest_and_counts_them() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        gateway.listen(false);
        let small = SenderConfig {
            spool_bytes: 1024 * 1024,
            ..sender_config(folder.path())
        };
        let sender = Sender::start(client_in(&gateway, &time), small.clone())
            .await
            .expect("one");
        let rounds = 400;
        for round in 0..rounds {
            sender.offer(
                (0..21)
                    .map(|index| datum(index, round * 21 + index))
                    .collect(),
            );
            time.sleep(MINUTE / 60).await;
        }
        time.sleep(MINUTE).await;
        let status = sender.status();
        assert_eq!(status.waiting(), 0);
        assert!(
            status.spooled_bytes <= 1024 * 1024 && status.dropped.spool_full > 0,
            "{status:?}"
        );
        assert_eq!(status.dropped.total() + status.spooled, rounds * 21);
        let on_disk: u64 = batches(folder.path())
            .iter()
            .map(|path| path.metadata().expect("there").len().next_multiple_of(4096))
            .sum();
        assert_eq!(on_disk, status.spooled_bytes);

        gateway.listen(true);
        let done = idle(&sender, &time).await;
        assert_eq!(done.sent, status.spooled);
        let times: Vec<_> = gateway
            .entries()
            .iter()
            .map(|entry| entry.time_ms)
            .collect();
        assert!(
            times.is_sorted_by(|one, next| one < next),
            "the oldest first"
        );
        let lost = times[0] - crate::support::BEGAN_MS;
        assert_eq!(lost, status.dropped.spool_full, "the oldest went");
    };
    time.run(test).expect("a runtime");
}

#[test]
fn a_spool_is_its_owners_and_one_senders() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let spool = folder.path().join("deep/spool");
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        leave(&gateway, &time, &spool, 2).await;
        let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&spool), 0o700);
        for file in batches(&spool) {
            assert_eq!(mode(&file), 0o600);
        }
        let sender = start(&gateway, &time, &spool).await;
        let second = Sender::start(client_in(&gateway, &time), sender_config(&spool)).await;
        assert!(matches!(second, Err(SenderError::InUse(_))), "{second:?}");
        sender.close(Duration::ZERO).await;

        let tiny = SenderConfig {
            spool_bytes: 1024,
            ..sender_config(&spool)
        };
        let refused = Sender::start(client_in(&gateway, &time), tiny).await;
        assert!(matches!(refused, Err(SenderError::TooSmall)), "{refused:?}");
        let file = folder.path().join("a file");
        fs::write(&file, "").expect("written");
        let refused = Sender::start(client_in(&gateway, &time), sender_config(&file)).await;
        assert!(
            matches!(refused, Err(SenderError::Folder { .. })),
            "{refused:?}"
        );
    };
    time.run(test).expect("a runtime");
}

#[test]
fn half_of_a_spooled_batch_that_was_taken_is_not_sent_again() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let config = config(&time).refusing(|entry| {
            let bad = entry.dimensions["series"] == "20";
            bad.then(|| ("400".to_owned(), "not this one".to_owned()))
        });
        let gateway = Gateway::start_with(config).await.expect("a gateway");
        leave(&gateway, &time, folder.path(), 1).await;
        // The whole is refused, its first half is taken, and then the gateway is away.
        let mut requests = 0;
        gateway.faults().run(move || {
            requests += 1;
            (requests > 2).then_some(Fault::Throttled)
        });
        let sender = start(&gateway, &time, folder.path()).await;
        time.sleep(MINUTE).await;
        let status = sender.close(Duration::ZERO).await;
        assert_eq!((status.sent, status.spooled), (11, 10));
        assert_eq!(batches(folder.path()).len(), 1);

        gateway.faults().clear();
        let sender = start(&gateway, &time, folder.path()).await;
        let status = idle(&sender, &time).await;
        assert_eq!(
            (status.found, status.sent, status.refused.parameter),
            (10, 9, 1)
        );
        let times: Vec<_> = gateway
            .entries()
            .iter()
            .map(|entry| entry.time_ms)
            .collect();
        assert!(
            times.len() == 20 && times.is_sorted_by(|one, next| one < next),
            "each once"
        );
    };
    time.run(test).expect("a runtime");
}

#[test]
fn a_spool_that_cannot_be_written_leaves_in_memory_what_has_room_there() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let spool = folder.path().join("spool");
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        gateway.listen(false);
        let sender = start(&gateway, &time, &spool).await;
        fs::remove_dir_all(&spool).expect("removed");
        sender.offer((0..600 * 21).map(|index| datum(index, index)).collect());
        time.sleep(MINUTE).await;
        let status = sender.status();
        assert_eq!((status.spooled, status.dropped.spool_failed), (0, 88 * 21));
        assert_eq!(status.waiting(), 512 * 21);

        gateway.listen(true);
        assert_eq!(idle(&sender, &time).await.sent, 512 * 21);
        let first = gateway.entries()[0].time_ms - crate::support::BEGAN_MS;
        assert_eq!(first, 88 * 21, "the oldest went");
    };
    time.run(test).expect("a runtime");
}
