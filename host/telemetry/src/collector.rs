//! Once an interval, what all series counted becomes one snapshot, which every exporter is given.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures::future::{BoxFuture, join_all};

use crate::counts::Counts;
use crate::own::Own;
use crate::snapshot::{Gauges, Snapshot, unix_ms};
use crate::totals::Totals;

/// Somewhere that counts go to.
pub trait Exporter: Send + Sync {
    /// Takes what was counted. It neither waits nor fails: what it cannot keep it counts as dropped.
    fn take(&self, snapshot: &Arc<Snapshot>);

    /// Sends what is open. It is given so much time, and whoever calls it waits no longer.
    fn close(&self, within: Duration) -> BoxFuture<'_, ()>;
}

/// What is at this moment.
pub type GaugeSource = Arc<dyn Fn() -> BoxFuture<'static, Gauges> + Send + Sync>;

/// Drains all series and gives what was counted to the exporters.
pub struct Collector {
    counts: Arc<Counts>,
    own: Own,
    exporters: Vec<Arc<dyn Exporter>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    last: SystemTime,
    gauges: Gauges,
    totals: Totals,
}

impl Collector {
    /// A collector of these counts, from `now` on.
    pub fn new(
        counts: Arc<Counts>,
        own: Own,
        exporters: Vec<Arc<dyn Exporter>>,
        now: SystemTime,
    ) -> Self {
        Self {
            counts,
            own,
            exporters,
            state: Mutex::new(State {
                last: now,
                gauges: Gauges::default(),
                totals: Totals::new(now),
            }),
        }
    }

    /// Takes a snapshot now, and gives it to every exporter. `gauges`: as they are; None: as they were.
    pub fn collect(&self, now: SystemTime, gauges: Option<Gauges>) -> Arc<Snapshot> {
        // One at a time, so that exporters see snapshots in their order.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.gauges = gauges.unwrap_or(state.gauges);
        let drained = self.counts.drain();
        // A clock that was set back makes an empty span, not a negative one.
        let now = now.max(state.last);
        let snapshot = Arc::new(Snapshot {
            from: std::mem::replace(&mut state.last, now),
            to: now,
            flows: drained.flows,
            nodes: drained.nodes,
            models: drained.models,
            gauges: state.gauges,
            own: self.own.all(),
        });
        state.totals.add(&snapshot);
        for exporter in &self.exporters {
            exporter.take(&snapshot);
        }
        snapshot
    }

    /// Takes a snapshot if the last one is at least so old: what somebody reads who does not wait for the next interval.
    pub fn refresh(&self, now: SystemTime, age: Duration) {
        let last = self.with_totals(|totals| totals.at);
        if now.duration_since(last).is_ok_and(|since| since >= age) {
            self.collect(now, None);
        }
    }

    /// Everything since the host started, as of the last snapshot.
    pub fn with_totals<T>(&self, read: impl FnOnce(&Totals) -> T) -> T {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        read(&state.totals)
    }

    /// Collects at each multiple of `interval` on the clock, until `stop` resolves: so a minute ends with a snapshot.
    pub async fn run(
        &self,
        interval: Duration,
        gauges: GaugeSource,
        stop: impl Future<Output = ()>,
    ) {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = tokio::time::sleep(until_next(interval, SystemTime::now())) => {}
            }
            let gauges = gauges().await;
            self.collect(SystemTime::now(), Some(gauges));
        }
    }

    /// Collects a last time, and has every exporter send what is open.
    pub async fn close(&self, within: Duration) {
        self.collect(SystemTime::now(), None);
        let closing = self.exporters.iter().map(|exporter| exporter.close(within));
        // Each keeps to its time by itself; one that does not is left behind.
        let _ = tokio::time::timeout(within, join_all(closing)).await;
    }
}

/// How long it is to the next multiple of `interval` on the clock.
fn until_next(interval: Duration, now: SystemTime) -> Duration {
    let interval = interval.as_millis().max(1);
    let now = u128::from(unix_ms(now));
    let rest = interval - now % interval;
    Duration::from_millis(u64::try_from(rest).unwrap_or(u64::MAX))
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector")
            .field("exporters", &self.exporters.len())
            .finish_non_exhaustive()
    }
}
