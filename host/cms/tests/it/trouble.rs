//! What must not be lost, or hold up others: more data than there is room for, one that CMS fails at, an end that nobody waits for, a
//! machine that has no descriptors left.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use lockgate_cms::{Sender, SenderConfig};
use lockgate_stand_ins::{Fault, Gateway};

use crate::sender::{idle, sender_config, start};
use crate::spool::{batches, leave};
use crate::support::{client, client_in, config, datum, time};

const SECOND: Duration = Duration::from_secs(1);

fn fault() -> Fault {
    Fault::Error {
        status: 503,
        code: "ServiceUnavailable".to_owned(),
    }
}

/// Which series were taken.
fn taken(gateway: &Gateway) -> BTreeSet<u64> {
    let entries = gateway.entries();
    entries
        .iter()
        .map(|entry| entry.values["Sum"] as u64)
        .collect()
}

#[test]
fn what_is_fed_waits_for_room_and_loses_nothing() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        let small = SenderConfig {
            queue: 100,
            requests_per_second: Some(1_000),
            ..sender_config(folder.path())
        };
        let sender = Sender::start(client_in(&gateway, &time), small.clone());
        let sender = sender.await.expect("a sender");
        sender.feed((0..6_000).map(|index| datum(index, index)));
        sender.feed((6_000..6_010).map(|index| datum(index, index)));
        let status = sender.close(SECOND * 1_000).await;
        assert_eq!((status.offered, status.sent), (6_010, 6_010), "{status:?}");
        assert!(taken(&gateway).into_iter().eq(0..6_010));

        // While there is no gateway all of it goes to the disk, however many of them there are.
        gateway.listen(false);
        let sender = Sender::start(client_in(&gateway, &time), small.clone());
        let sender = sender.await.expect("a sender");
        for round in 0..10 {
            let series = 10_000 + round * 500;
            sender.feed((series..series + 500).map(|index| datum(index, index)));
            time.sleep(SECOND * 5).await;
        }
        let status = sender.status();
        assert_eq!((status.spooled, status.dropped.total()), (5_000, 0));

        // And what nobody had time for, at the end.
        sender.feed((15_000..16_000).map(|index| datum(index, index)));
        let status = sender.close(Duration::ZERO).await;
        assert_eq!((status.spooled, status.dropped.total()), (6_000, 0));
        gateway.listen(true);
        let sender = Sender::start(client_in(&gateway, &time), small).await;
        assert_eq!(idle(&sender.expect("a sender"), &time).await.sent, 6_000);
        assert!(taken(&gateway).into_iter().skip(6_010).eq(10_000..16_000));
    };
    time.run(test).expect("a runtime");
}

#[test]
fn more_sources_than_may_wait_go_to_the_disk() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        // Far less than what comes.
        let slow = SenderConfig {
            requests_per_second: Some(1),
            ..sender_config(folder.path())
        };
        let sender = Sender::start(client_in(&gateway, &time), slow).await;
        let sender = sender.expect("a sender");
        for round in 0..12 {
            let series = round * 2_000;
            sender.feed((series..series + 2_000).map(|index| datum(index, index)));
            time.sleep(SECOND).await;
        }
        let status = sender.status();
        assert!(status.spooled > 10_000, "{status:?}");
        let status = sender.close(Duration::ZERO).await;
        assert_eq!(status.offered, 24_000);
        assert_eq!(
            (status.sent + status.spooled, status.dropped.total()),
            (24_000, 0)
        );
    };
    time.run(test).expect("a runtime");
}

#[test]
fn a_slow_way_does_not_bound_how_much_is_sent() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        gateway.faults().run(|| Some(Fault::Slow(SECOND / 4)));
        let sender = start(&gateway, &time, folder.path()).await;
        let before = time.now();
        sender.offer((0..840).map(|index| datum(index, index)).collect());
        let status = sender.close(SECOND * 100).await;
        assert_eq!(status.sent, 840);
        let took = time.now().duration_since(before).expect("later");
        assert!(took <= SECOND * 4, "40 requests, 4 at once: {took:?}");
    };
    time.run(test).expect("a runtime");
}

#[test]
fn a_datum_that_cms_fails_at_holds_up_no_other() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let config = config(&time).refusing(|entry| {
            let bad = entry.dimensions["series"] == "4";
            bad.then(|| ("500".to_owned(), "cannot".to_owned()))
        });
        let gateway = Gateway::start_with(config).await.expect("a gateway");
        let sender = start(&gateway, &time, folder.path()).await;
        sender.offer((0..63).map(|index| datum(index, index)).collect());
        time.sleep(SECOND * 600).await;
        let status = sender.status();
        assert_eq!((status.sent, status.spooled), (62, 1), "{status:?}");
        assert!(status.retried.fault > 5 && status.retried.total() == status.retried.fault);
        // It alone cannot say whose fault it is. Each minute's report that is taken does.
        for minute in 100..160 {
            sender.offer(vec![datum(minute, minute)]);
            time.sleep(SECOND * 60).await;
        }
        let status = sender.status();
        assert_eq!((status.sent, status.refused.other), (122, 1), "{status:?}");
        assert_eq!(status.spooled, 0);
        let all = (0..63).filter(|series| *series != 4).chain(100..160);
        assert!(taken(&gateway).into_iter().eq(all));
    };
    time.run(test).expect("a runtime");
}

#[test]
fn hours_in_which_cms_fails_at_everything_lose_nothing() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        gateway.faults().run(|| Some(fault()));
        let sender = start(&gateway, &time, folder.path()).await;
        for minute in 0..180 {
            sender.offer((0..22).map(|index| datum(minute * 22 + index, 0)).collect());
            time.sleep(SECOND * 60).await;
        }
        let status = sender.status();
        assert_eq!(
            (status.sent, status.spooled, status.refused.total()),
            (0, 180 * 22, 0)
        );
        gateway.faults().clear();
        assert_eq!(idle(&sender, &time).await.sent, 180 * 22);
        assert!(taken(&gateway).into_iter().eq(0..180 * 22));
    };
    time.run(test).expect("a runtime");
}

/// As a process that ends when it has waited for long enough, and takes its runtime with it.
#[test]
fn the_spool_is_written_to_its_end_though_nobody_waits_any_more() {
    const BATCHES: u64 = 600;
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build()
    };
    let servers = runtime().expect("a runtime");
    let gateway = servers.block_on(Gateway::start()).expect("a gateway");
    gateway.faults().run(|| Some(Fault::Hang));
    let host = runtime().expect("a runtime");
    host.block_on(async {
        let sender = Sender::start(client(&gateway), sender_config(folder.path())).await;
        let sender = sender.expect("a sender");
        sender.feed((0..BATCHES * 21).map(|index| datum(index, index)));
        let closing = tokio::spawn(sender.close(Duration::ZERO));
        while batches(folder.path()).is_empty() {
            tokio::task::yield_now().await;
        }
        closing.abort();
    });
    drop(host);
    let next = servers.block_on(Sender::start(
        client(&gateway),
        sender_config(folder.path()),
    ));
    assert_eq!(next.expect("a sender").status().found, BATCHES * 21);
}

#[test]
fn a_disk_that_failed_is_tried_again() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let spool = folder.path().join("spool");
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        gateway.listen(false);
        let sender = start(&gateway, &time, &spool).await;
        std::fs::remove_dir_all(&spool).expect("removed");
        sender.offer((0..300 * 21).map(|index| datum(index, index)).collect());
        // More than may go past what waits in memory, which is not drawn while the disk cannot take it.
        sender.feed((6_300..21_000).map(|index| datum(index, index)));
        time.sleep(SECOND * 5).await;
        assert_eq!(sender.status().spooled, 0);
        std::fs::create_dir(&spool).expect("made");
        time.sleep(SECOND * 15).await;
        let status = sender.status();
        assert_eq!((status.spooled, status.dropped.total()), (21_000, 0));
    };
    time.run(test).expect("a runtime");
}

/// Descriptors are a process's, so this is done in one of its own.
#[test]
fn a_spool_that_cannot_be_read_for_now_stays() {
    const CHILD: &str = "LOCKGATE_CMS_TEST_WITHOUT_DESCRIPTORS";
    if std::env::var_os(CHILD).is_some() {
        return without_descriptors();
    }
    let this = std::env::current_exe().expect("a path");
    let name = "trouble::a_spool_that_cannot_be_read_for_now_stays";
    let child = Command::new("sh")
        .args(["-c", r#"ulimit -n 100 && exec "$0" "$@""#])
        .arg(this)
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("a process");
    let said = String::from_utf8_lossy(&child.stdout);
    let complains = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{said} {complains}");
    assert!(said.contains("1 passed"), "{said}");
}

fn without_descriptors() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        leave(&gateway, &time, folder.path(), 8).await;
        let slow = SenderConfig {
            requests_per_second: Some(1),
            ..sender_config(folder.path())
        };
        let sender = Sender::start(client_in(&gateway, &time), slow).await;
        let sender = sender.expect("a sender");
        let mut taken = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            taken.push(file);
        }
        time.sleep(SECOND * 120).await;
        drop(taken);
        let status = sender.status();
        assert_eq!(status.dropped.total(), 0, "{status:?}");
        assert!(status.spooled > 0, "{status:?}");
        assert_eq!(batches(folder.path()).len() as u64 * 21, status.spooled);
        assert_eq!(idle(&sender, &time).await.sent, 8 * 21);
    };
    time.run(test).expect("a runtime");
}
