//! An hour of reports with random faults from a seed, and restarts and kills in it: nothing that the spool can hold is lost, nothing comes
//! twice under different times, and what is refused or dropped is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use lockgate_cms::{
    Datum, Dimensions, MetricName, Period, Sender, SenderConfig, SenderStatus, Statistic,
};
use lockgate_stand_ins::{Fault, Gateway, VirtualTime};

use crate::sender::{idle, sender_config};
use crate::support::{BEGAN_MS, client_in, config, time};

/// How many series report each minute. Every fifth minute a fifth of them says that it is about five.
const SERIES: u64 = 60;

const MINUTES: u64 = 60;

/// What a simulation goes through.
struct Hour {
    time: VirtualTime,
    gateway: Gateway,
    spool: SenderConfig,
    dice: fastrand::Rng,
    /// What all senders said at their ends, but for what is in the spool, which is the last one's.
    total: SenderStatus,
    offered: BTreeMap<u64, u64>,
}

impl Hour {
    async fn start(&self) -> Sender {
        let client = client_in(&self.gateway, &self.time);
        let started = Sender::start(client, self.spool.clone()).await;
        started.expect("a sender")
    }

    /// A minute's reports, in pieces, as they would come.
    async fn minute(&mut self, minute: u64, sender: &Sender) {
        for second in 0..60 {
            let series = SERIES * second / 60..SERIES * (second + 1) / 60;
            let data = series.map(|series| self.datum(series, minute)).collect();
            sender.offer(data);
            self.time.sleep(Duration::from_secs(1)).await;
        }
    }

    /// A datum that says which one it is.
    fn datum(&mut self, series: u64, minute: u64) -> Datum {
        let number = self.offered.len() as u64;
        let time_ms = BEGAN_MS + minute * 60_000;
        self.offered.insert(number, time_ms);
        let dimensions = Dimensions::new()
            .with("series", series.to_string())
            .expect("kept");
        let period = if minute % 5 == 4 && series.is_multiple_of(5) {
            Period::FiveMinutes
        } else {
            Period::Minute
        };
        let statistics = [(Statistic::Sum, number as f64)];
        let name = MetricName::new("simulated").expect("a name");
        Datum::aggregated(name, dimensions, period, statistics, time_ms).expect("a datum")
    }

    fn add(&mut self, status: SenderStatus) {
        self.total.offered += status.offered;
        self.total.sent += status.sent;
        self.total.retried.unreachable += status.retried.total();
        self.total.refused.parameter += status.refused.total();
        self.total.dropped.spool_full += status.dropped.total();
        self.total.spooled = status.spooled;
    }

    /// Ends a sender in one way or another, and starts the next one on the same spool.
    async fn restart(&mut self, sender: Sender) -> Sender {
        let status = sender
            .close(Duration::from_millis(self.dice.u64(0..4_000)))
            .await;
        assert_eq!(status.waiting(), 0, "{status:?}");
        self.add(status);
        let sender = self.start().await;
        assert_eq!(sender.status().found, status.spooled);
        sender
    }

    /// Ends a sender as a kill would, and starts the next one on what that leaves on the disk. Gives how many were in its memory.
    async fn kill(&mut self, sender: Sender, folder: &Path) -> (Sender, u64) {
        let status = sender.status();
        let folder = folder.join(format!("after-{}", self.offered.len()));
        std::fs::create_dir(&folder).expect("made");
        for file in std::fs::read_dir(&self.spool.folder).expect("a folder") {
            let file = file.expect("a file");
            // One that goes meanwhile is not there.
            let _ = std::fs::copy(file.path(), folder.join(file.file_name()));
        }
        // What it still does is done elsewhere.
        drop(sender);
        self.spool.folder = folder;
        self.add(status);
        let next = self.start().await;
        assert_eq!(
            next.status().dropped.damaged,
            0,
            "a torn file has another name"
        );
        (next, status.waiting())
    }

    /// What was taken, by its number: each under one time, the one that it was offered with.
    fn taken(&self) -> BTreeSet<u64> {
        let mut taken = BTreeSet::new();
        for entry in self.gateway.entries() {
            let number = entry.values["Sum"] as u64;
            assert_eq!(entry.time_ms, self.offered[&number], "another time");
            taken.insert(number);
        }
        taken
    }
}

/// A fault for about a third of the requests. `splits`: also those by which a batch goes in parts.
fn faults(seed: u64, splits: bool) -> impl FnMut() -> Option<Fault> + Send + 'static {
    let mut dice = fastrand::Rng::with_seed(seed);
    move || {
        let error = |status, code: &str| Fault::Error {
            status,
            code: code.to_owned(),
        };
        match dice.u32(0..30) {
            0 => Some(Fault::Throttled),
            1 if splits => Some(error(503, "ServiceUnavailable")),
            2 => Some(error(400, "SignatureNonceUsed")),
            3 => Some(error(403, "Forbidden.RAM")),
            4 => Some(Fault::Garbage(
                (0..dice.usize(0..200)).map(|_| dice.u8(..)).collect(),
            )),
            5 => Some(Fault::Reset),
            6 => Some(Fault::ResetAfter),
            7 => Some(Fault::Hang),
            8 => Some(Fault::HangAfter),
            10 | 11 if splits => Some(Fault::Refused {
                code: "206".to_owned(),
                message: "reach max time series num".to_owned(),
            }),
            9 => Some(Fault::Slow(Duration::from_millis(dice.u64(0..15_000)))),
            _ => None,
        }
    }
}

fn hour(seed: u64, time: &VirtualTime, gateway: Gateway, spool: SenderConfig) -> Hour {
    Hour {
        time: time.clone(),
        gateway,
        spool,
        dice: fastrand::Rng::with_seed(seed),
        total: SenderStatus::default(),
        offered: BTreeMap::new(),
    }
}

#[test]
fn an_hour_of_faults_loses_nothing_that_the_spool_can_hold() {
    for seed in 0..3 {
        let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
        let test = async {
            let mut config = config(&time);
            // A little more than what the sender takes of it.
            config.requests_per_second = Some(30);
            let gateway = Gateway::start_with(config).await.expect("a gateway");
            gateway.faults().run(faults(seed, true));
            let mut hour = hour(seed, &time, gateway, sender_config(folder.path()));
            let mut sender = hour.start().await;
            for minute in 0..MINUTES {
                // Every eleventh minute the gateway is away.
                hour.gateway.listen(minute % 11 != 3);
                hour.minute(minute, &sender).await;
                if hour.dice.u32(0..8) == 0 {
                    sender = hour.restart(sender).await;
                }
            }
            hour.gateway.faults().clear();
            idle(&sender, &time).await;
            hour.restart(sender).await;
            let offered = hour.offered.len() as u64;
            assert_eq!(offered, SERIES * MINUTES);
            let (total, taken) = (hour.total, hour.taken().len() as u64);
            let refused = total.refused.total();
            assert_eq!((total.offered, total.spooled), (offered, 0));
            assert_eq!((total.sent + refused, total.dropped.total()), (offered, 0));
            assert!(total.retried.total() > 20, "there were faults: {total:?}");
            // One that was taken without an answer may be refused when it comes again.
            assert!(refused > 20, "there were refusals: {total:?}");
            assert!(
                (total.sent..=offered).contains(&taken),
                "seed {seed}: {taken} of {offered} were taken: {total:?}"
            );
            let answers = hour.gateway.answers();
            assert!(!answers.contains_key("Throttling.User"), "{answers:?}");
        };
        time.run(test).expect("a runtime");
    }
}

#[test]
fn an_hour_of_kills_loses_nothing_but_what_was_in_memory() {
    for seed in 0..1 {
        let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
        let test = async {
            let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
            gateway.faults().run(faults(seed, false));
            let spool = sender_config(&folder.path().join("spool"));
            let mut hour = hour(seed, &time, gateway, spool);
            let mut sender = hour.start().await;
            let (mut lost, mut kills) = (0, 0);
            for minute in 0..MINUTES {
                hour.gateway.listen(minute % 4 != 3);
                hour.minute(minute, &sender).await;
                if minute % 4 == 3 || hour.dice.u32(0..4) == 0 {
                    let killed = hour.kill(sender, folder.path()).await;
                    sender = killed.0;
                    lost += killed.1;
                    kills += 1;
                }
            }
            hour.gateway.listen(true);
            hour.gateway.faults().clear();
            idle(&sender, &time).await;
            let (offered, taken) = (hour.offered.len() as u64, hour.taken().len() as u64);
            assert!(kills > 15);
            assert!(lost < offered / 10, "{lost} of {offered}");
            assert!(taken + lost >= offered, "seed {seed}: {taken}, {lost}");
        };
        time.run(test).expect("a runtime");
    }
}

#[test]
fn an_hour_without_a_gateway_counts_what_it_drops() {
    for seed in 0..2 {
        let (time, folder) = (time(), tempfile::tempdir().expect("a folder"));
        let test = async {
            let gateway = Gateway::start_with(config(&time)).await.expect("a gateway");
            let spool = SenderConfig {
                spool_bytes: 1024 * 1024,
                linger: Duration::from_secs(2),
                ..sender_config(folder.path())
            };
            let mut hour = hour(seed, &time, gateway, spool);
            let mut sender = hour.start().await;
            for minute in 0..MINUTES {
                hour.gateway.listen(minute < 2);
                hour.minute(minute, &sender).await;
                if hour.dice.u32(0..8) == 0 {
                    sender = hour.restart(sender).await;
                }
            }
            hour.gateway.listen(true);
            idle(&sender, &time).await;
            hour.restart(sender).await;
            let (total, offered) = (hour.total, hour.offered.len() as u64);
            let taken = hour.taken();
            assert!(total.dropped.total() > 0, "{total:?}");
            assert_eq!(total.sent, taken.len() as u64);
            assert_eq!(total.offered, offered);
            assert_eq!(total.sent + total.dropped.total(), offered, "seed {seed}");
            // What is left of the hour without a gateway is its end.
            let rest: Vec<_> = taken
                .iter()
                .copied()
                .filter(|number| *number >= 3 * SERIES)
                .collect();
            let newest = offered - rest.len() as u64..offered;
            assert!(rest.into_iter().eq(newest), "the oldest went");
        };
        time.run(test).expect("a runtime");
    }
}
