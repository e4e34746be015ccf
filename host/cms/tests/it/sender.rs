//! The sender: batches, pace, refusals, what becomes of data when the gateway is away, and the end.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use lockgate_cms::{Sender, SenderConfig, SenderStatus};
use lockgate_stand_ins::{Fault, Gateway, VirtualTime};

use crate::support::{BEGAN_MS, client_in, config, datum, time};

const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn sender_config(folder: &Path) -> SenderConfig {
    SenderConfig {
        seed: Some(7),
        ..SenderConfig::new(folder)
    }
}

pub(crate) async fn start(gateway: &Gateway, time: &VirtualTime, folder: &Path) -> Sender {
    let config = sender_config(folder);
    let started = Sender::start(client_in(gateway, time), config).await;
    started.expect("a sender")
}

/// Waits, in virtual time, until nothing is left to be sent.
pub(crate) async fn idle(sender: &Sender, time: &VirtualTime) -> SenderStatus {
    for _ in 0..100_000 {
        let status = sender.status();
        if status.waiting() == 0 && status.spooled == 0 {
            return status;
        }
        time.sleep(Duration::from_millis(100)).await;
    }
    unreachable!("it is never done: {:?}", sender.status())
}

#[test]
fn data_go_in_full_batches_in_their_order_below_the_regions_rate() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let mut config = config(&time);
        // Half of it is what the sender takes.
        config.requests_per_second = Some(25);
        let gateway = Gateway::start_with(config).await.expect("a gateway");
        let sender = start(&gateway, &time, folder.path()).await;
        sender.offer((0..2_100).map(|index| datum(index, index)).collect());
        let status = idle(&sender, &time).await;
        assert_eq!((status.sent, status.retried.total()), (2_100, 0));
        let taken = gateway.taken();
        assert_eq!(taken.len(), 100);
        assert!(taken.iter().all(|taken| taken.entries.len() == 21));
        let order: Vec<_> = gateway
            .entries()
            .iter()
            .map(|entry| entry.time_ms)
            .collect();
        assert!(order.is_sorted());
        assert_eq!(gateway.answers().len(), 1, "nothing was throttled");
        let span = taken[99].at.duration_since(taken[0].at).expect("later");
        assert!(span >= SECOND * 99 / 25, "{span:?}");
    };
    time.run(test).expect("a runtime");
}

#[test]
fn a_batch_that_is_not_full_waits_for_a_second() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        let sender = start(&gateway, &time, folder.path()).await;
        for index in 0..3 {
            sender.offer(vec![datum(index, 0)]);
            time.sleep(SECOND / 4).await;
        }
        idle(&sender, &time).await;
        let taken = gateway.taken();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].entries.len(), 3);
        assert_eq!(
            taken[0]
                .at
                .duration_since(std::time::UNIX_EPOCH)
                .expect("after it")
                .as_millis(),
            u128::from(BEGAN_MS) + 1_000
        );
    };
    time.run(test).expect("a runtime");
}

#[test]
fn an_entry_that_is_refused_goes_alone() {
    for bad in [&[0][..], &[20], &[3, 4, 11], &(0..21).collect::<Vec<u64>>()] {
        let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
        let test = async {
            let bad: Vec<String> = bad.iter().map(u64::to_string).collect();
            let refused = bad.len() as u64;
            let config = config(&time).refusing(move |entry| {
                let is_bad = bad.contains(&entry.dimensions["series"]);
                let (code, message) = if entry.dimensions["series"] == "4" {
                    ("206", "reach max time series num")
                } else {
                    ("400", "not this one")
                };
                is_bad.then(|| (code.to_owned(), message.to_owned()))
            });
            let gateway = Gateway::start_with(config).await.expect("a gateway");
            let sender = start(&gateway, &time, folder.path()).await;
            sender.offer((0..63).map(|index| datum(index, index)).collect());
            let status = idle(&sender, &time).await;
            assert_eq!(status.sent, 63 - refused);
            assert_eq!(status.refused.total(), refused);
            assert_eq!(status.refused.quota, u64::from(refused >= 3));
            assert_eq!(status.dropped.total() + status.retried.total(), 0);
            let order: Vec<_> = gateway
                .entries()
                .iter()
                .map(|entry| entry.time_ms)
                .collect();
            assert_eq!(order.len() as u64, 63 - refused);
            assert!(
                order.is_sorted_by(|one, next| one < next),
                "each once, in order"
            );
        };
        time.run(test).expect("a runtime");
    }
}

#[test]
fn what_fails_is_tried_again_as_it_was_and_later_each_time() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        let sender = start(&gateway, &time, folder.path()).await;
        let forbidden = Fault::Error {
            status: 403,
            code: "Forbidden.RAM".to_owned(),
        };
        let expired = Fault::Error {
            status: 400,
            code: "InvalidTimeStamp.Expired".to_owned(),
        };
        for fault in [
            Fault::Throttled,
            forbidden,
            expired,
            Fault::Hang,
            Fault::HangAfter,
        ] {
            gateway.faults().push(fault);
        }
        sender.offer(vec![datum(1, 1)]);
        let status = idle(&sender, &time).await;
        assert_eq!((status.sent, status.retried.total()), (1, 5));
        let retried = status.retried;
        assert_eq!((retried.throttled, retried.unreachable), (1, 2));
        assert_eq!((retried.authentication, retried.expired), (1, 1));
        let taken = gateway.taken();
        // The last one that hung was taken, which nobody could know: it came again with the same time.
        assert_eq!(taken.len(), 2);
        assert_eq!(taken[0].entries, taken[1].entries);
        let waited = taken[1].at.duration_since(taken[0].at).expect("later");
        assert!(
            waited >= SECOND * 18,
            "10 for the answer, 8 to wait: {waited:?}"
        );
    };
    time.run(test).expect("a runtime");
}

#[test]
fn who_asks_is_refused_and_nothing_is_lost() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        let keys = std::sync::Mutex::new(Vec::new());
        gateway.change(|config| *keys.lock().expect("free") = std::mem::take(&mut config.keys));
        let sender = start(&gateway, &time, folder.path()).await;
        sender.offer((0..50).map(|index| datum(index, index)).collect());
        time.sleep(SECOND * 600).await;
        let status = sender.status();
        assert_eq!(
            (status.sent, status.spooled, status.refused.total()),
            (0, 50, 0),
            "{status:?} {:?}",
            gateway.answers()
        );
        assert!(
            (8..30).contains(&status.retried.authentication),
            "{status:?}"
        );
        gateway.change(|config| config.keys = keys.into_inner().expect("free"));
        assert_eq!(idle(&sender, &time).await.sent, 50);
        assert_eq!(gateway.entries().len(), 50);
    };
    time.run(test).expect("a runtime");
}

#[test]
fn a_gateway_that_hangs_holds_up_neither_who_offers_nor_the_end() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        gateway.faults().run(|| Some(Fault::Hang));
        let sender = start(&gateway, &time, folder.path()).await;
        let before = time.now();
        for round in 0..100 {
            sender.offer((0..21).map(|index| datum(index, round)).collect());
        }
        assert_eq!(time.now(), before, "to offer takes no time");
        time.sleep(SECOND * 2).await;
        // Its first request is on its way, and would be for 8 seconds more.
        let asked = time.now();
        let status = sender.close(SECOND * 3).await;
        let took = time.now().duration_since(asked).expect("later");
        assert!(took <= SECOND * 3, "{took:?}");
        assert_eq!(
            (status.spooled, status.waiting(), status.dropped.total()),
            (2_100, 0, 0)
        );

        // The next one finds all of it.
        gateway.faults().clear();
        let sender = start(&gateway, &time, folder.path()).await;
        assert_eq!(sender.status().found, 2_100);
        let status = idle(&sender, &time).await;
        assert_eq!((status.sent, status.spooled_bytes), (2_100, 0));
    };
    time.run(test).expect("a runtime");
}

#[test]
fn the_end_sends_what_is_in_memory_if_it_can() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        let sender = start(&gateway, &time, folder.path()).await;
        sender.offer((0..30).map(|index| datum(index, index)).collect());
        let status = sender.close(SECOND * 5).await;
        assert_eq!((status.sent, status.spooled), (30, 0));

        gateway.listen(false);
        let sender = start(&gateway, &time, folder.path()).await;
        sender.offer((0..30).map(|index| datum(index, index)).collect());
        let asked = time.now();
        let status = sender.close(SECOND * 500).await;
        assert_eq!((status.sent, status.spooled), (0, 30));
        let took = time.now().duration_since(asked).expect("later");
        assert!(
            took < SECOND * 5,
            "it does not wait for what cannot be: {took:?}"
        );
    };
    time.run(test).expect("a runtime");
}

#[test]
fn a_sender_that_is_dropped_leaves_everything_to_the_spool() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        gateway.faults().run(|| Some(Fault::Hang));
        let sender = start(&gateway, &time, folder.path()).await;
        sender.offer((0..30).map(|index| datum(index, index)).collect());
        time.sleep(SECOND * 2).await;
        drop(sender);
        time.sleep(SECOND).await;
        gateway.faults().clear();
        let sender = start(&gateway, &time, folder.path()).await;
        assert_eq!(sender.status().found, 30);
        assert_eq!(idle(&sender, &time).await.sent, 30);
    };
    time.run(test).expect("a runtime");
}

#[test]
fn what_there_is_no_room_for_is_counted() {
    let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
    let test = async {
        let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
        let config = SenderConfig {
            queue: 100,
            ..sender_config(folder.path())
        };
        let sender = Sender::start(client_in(&gateway, &time), config)
            .await
            .expect("one");
        sender.offer((0..130).map(|index| datum(index, index)).collect());
        let status = idle(&sender, &time).await;
        assert_eq!(
            (status.offered, status.sent, status.dropped.queue_full),
            (130, 100, 30)
        );
        let by_series: BTreeMap<_, _> = gateway
            .entries()
            .into_iter()
            .map(|entry| (entry.values["Sum"] as u64, ()))
            .collect();
        assert!(by_series.into_keys().eq(0..100), "the first ones");
    };
    time.run(test).expect("a runtime");
}
