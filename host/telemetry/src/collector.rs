//! Once an interval, what all series counted becomes one snapshot, which every exporter is given.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures::future::{BoxFuture, join_all};

use crate::counts::Counts;
use crate::own::{DROPPED, Own};
use crate::snapshot::{Gauges, Snapshot, unix_ms};
use crate::totals::Totals;

/// Somewhere that counts go to.
pub trait Exporter: Send + Sync {
    /// Takes what was counted. It neither waits nor fails: what it cannot keep it counts as dropped.
    fn take(&self, snapshot: &Arc<Snapshot>);

    /// Sends what is open. So much time it has for those whom it sends to; then it has [`TO_LEAVE`] to put away what they did
    /// not take, and whoever calls it waits no longer.
    fn close(&self, within: Duration) -> BoxFuture<'_, ()>;
}

/// What is at this moment; None where that cannot be known.
pub type GaugeSource = Arc<dyn Fn() -> BoxFuture<'static, Option<Gauges>> + Send + Sync>;

/// What exporters may take beyond their time when they are closed: for a disk, and not for a network.
pub const TO_LEAVE: Duration = Duration::from_secs(2);

/// How far a clock may be set back without anybody being told: so far, time stands still until it has caught up.
const STEP_BACK: Duration = Duration::from_secs(60);

/// Drains all series and gives what was counted to the exporters.
pub struct Collector {
    counts: Arc<Counts>,
    own: Own,
    exporters: Vec<Arc<dyn Exporter>>,
    /// Held while a snapshot is taken and given away: one at a time, so that exporters see them in their order.
    turn: Mutex<()>,
    /// Held for a moment by whoever reads or adds.
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
            turn: Mutex::default(),
            state: Mutex::new(State {
                last: now,
                gauges: Gauges::default(),
                totals: Totals::new(now),
            }),
        }
    }

    /// Takes a snapshot now, and gives it to every exporter. `gauges`: as they are; None: as they were.
    ///
    /// A clock that was set back a little makes an empty span. One that was set back by more than a minute is followed, or
    /// nothing would be told until it had caught up: then the span is empty, too, and the next ones are before the last ones.
    pub fn collect(&self, now: SystemTime, gauges: Option<Gauges>) -> Arc<Snapshot> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let last = self.state().last;
        let is_set_back = is_set_back(last, now);
        if is_set_back {
            tracing::warn!("the clock was set back; what was counted since is told as of now");
        }
        let to = if is_set_back { now } else { now.max(last) };
        let from = last.min(to);
        let drained = self
            .counts
            .drain(to.duration_since(from).unwrap_or_default());
        let mut state = self.state();
        state.gauges = gauges.unwrap_or(state.gauges);
        let snapshot = Arc::new(Snapshot {
            from,
            to,
            flows: drained.flows,
            nodes: drained.nodes,
            models: drained.models,
            gauges: state.gauges,
            own: self.own.all(),
        });
        state.last = to;
        state.totals.add(&snapshot);
        drop(state);
        for exporter in &self.exporters {
            exporter.take(&snapshot);
        }
        snapshot
    }

    /// Takes a snapshot if the last one is at least so old: what somebody reads who does not wait for the next interval.
    pub fn refresh(&self, now: SystemTime, age: Duration) {
        let last = self.with_totals(|totals| totals.at);
        let is_old = now.duration_since(last).is_ok_and(|since| since >= age);
        if is_old || is_set_back(last, now) {
            self.collect(now, None);
        }
    }

    /// Everything since the host started, as of the last snapshot.
    pub fn with_totals<T>(&self, read: impl FnOnce(&Totals) -> T) -> T {
        read(&self.state().totals)
    }

    /// Collects at each multiple of `interval` on the clock, until `stop` resolves: so a minute ends with a snapshot.
    pub async fn run(
        self: &Arc<Self>,
        interval: Duration,
        gauges: GaugeSource,
        stop: impl Future<Output = ()>,
    ) {
        tokio::pin!(stop);
        loop {
            let collected = async {
                tokio::time::sleep(until_next(interval, SystemTime::now())).await;
                // Whoever does not say how it is does not keep what was counted from being told.
                let gauges = tokio::time::timeout(interval / 2, gauges()).await;
                let gauges = gauges.ok().flatten();
                if gauges.is_none() {
                    self.own.add(DROPPED, "gauges: not read", 1);
                }
                gauges
            };
            let gauges = tokio::select! {
                biased;
                () = &mut stop => return,
                gauges = collected => gauges,
            };
            self.collect_beside(SystemTime::now(), gauges).await;
        }
    }

    /// Collects a last time, and has every exporter send what is open.
    pub async fn close(self: &Arc<Self>, within: Duration) {
        self.close_at(SystemTime::now(), within).await;
    }

    /// The same, for who has a clock of their own.
    pub async fn close_at(self: &Arc<Self>, now: SystemTime, within: Duration) {
        self.collect_beside(now, None).await;
        let closing = self.exporters.iter().map(|exporter| exporter.close(within));
        // Each keeps to its time by itself; one that does not is left behind.
        let _ = tokio::time::timeout(within + TO_LEAVE, join_all(closing)).await;
    }

    /// Collects on a thread that may take a while: those that serve others do not stand still for it.
    async fn collect_beside(self: &Arc<Self>, now: SystemTime, gauges: Option<Gauges>) {
        let collector = Arc::clone(self);
        let collect = move || drop(collector.collect(now, gauges));
        if let Err(error) = tokio::task::spawn_blocking(collect).await {
            tracing::error!(%error, "what was counted could not be collected");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a clock went back so far that it has to be followed.
fn is_set_back(last: SystemTime, now: SystemTime) -> bool {
    last.duration_since(now).is_ok_and(|by| by > STEP_BACK)
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

#[cfg(test)]
mod tests;
