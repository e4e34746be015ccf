//! Rollups: what was counted, by minute and series, on its way to where it is kept.
//!
//! Belongs here: which minute a count belongs to, and what is held until it is written. Does not belong here: how rows are
//! kept, and how minutes become hours; they are added up where they are kept ([`RollupSink`]), which loses nothing, because
//! a row has buckets and not percentiles.
//!
//! A row is one minute of one series: a node of a version of a flow with the plugin that it was resolved to, or the version
//! of the flow itself, whose node is empty. The plugin is part of what names a series, because another version of a plugin
//! changes a node without a new version of its flow, and it is the first thing to ask about a node that became slower. Runs
//! of documents that are kept nowhere are in no row: they belong to no flow that anybody could ask for.
//!
//! # When rows are written
//!
//! When their minute is over, when somebody reads ([`Rollups::flush`]), and when the host stops. A host that is killed loses
//! what was counted since the last of these. The same minute may be written several times: rows are added, never replaced.

mod counts;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use tokio::sync::Notify;

use crate::collector::Exporter;
use crate::names::{FlowId, NodeId};
use crate::own::{DROPPED, Own};
use crate::snapshot::{NodeCounts, Snapshot};

/// The most rows that wait to be written. As many as two minutes in which every series of the usual
/// [`Bounds`](crate::Bounds) is written to have; a row takes about a kilobyte.
pub const MAX_ROLLUP_ROWS: usize = 50_000;

const MINUTE_MS: i64 = 60_000;

/// For how many minutes it is tried to write a row.
const TRIED_MINUTES: i64 = 15;

/// One minute of one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupRow {
    /// When the minute began, in milliseconds since 1970.
    pub minute: i64,
    /// The node, or the flow's version itself where the node is empty.
    pub id: Arc<NodeId>,
    /// What was counted. Of a flow: durations only.
    pub counts: NodeCounts,
}

/// Where rows are kept.
pub trait RollupSink: Send + Sync {
    /// Adds rows to what is kept of the same minutes and series. Gives back those that could not be, whole: nothing of them
    /// was added.
    fn keep(&self, rows: Vec<RollupRow>) -> BoxFuture<'_, Vec<RollupRow>>;
}

/// The exporter that makes rows and has them kept.
pub struct Rollups {
    sink: Arc<dyn RollupSink>,
    own: Own,
    most: usize,
    open: Mutex<Open>,
    /// A minute is over.
    ready: Notify,
    /// Held by whoever writes.
    writing: tokio::sync::Mutex<()>,
    /// How many flushes began.
    flushes: AtomicU64,
}

/// Rows that wait to be written.
#[derive(Debug, Default)]
struct Open {
    rows: HashMap<(i64, Arc<NodeId>), NodeCounts>,
    /// The minute that the last snapshot was of.
    newest: i64,
}

impl Rollups {
    /// Rows go to `sink`. What has to be let go is counted in `own`.
    pub fn new(sink: Arc<dyn RollupSink>, own: Own) -> Arc<Self> {
        Self::bounded(sink, own, MAX_ROLLUP_ROWS)
    }

    fn bounded(sink: Arc<dyn RollupSink>, own: Own, most: usize) -> Arc<Self> {
        Arc::new(Self {
            sink,
            own,
            most,
            open: Mutex::default(),
            ready: Notify::new(),
            writing: tokio::sync::Mutex::default(),
            flushes: AtomicU64::new(0),
        })
    }

    /// Writes each minute when it is over. Goes on for ever; dropping it loses nothing that is not being written.
    pub async fn work(self: Arc<Self>) {
        loop {
            self.ready.notified().await;
            let rollups = Arc::clone(&self);
            to_its_end(async move {
                let _writing = rollups.writing.lock().await;
                // One after it too: the clock was set back, and the minute may come again, to be added to.
                rollups.write(|minute, newest| minute != newest).await;
            })
            .await;
        }
    }

    /// Writes everything that was taken until now, the minute that goes on too. Of those who ask at the same time, one does
    /// it for all, and has `collect` bring what is not even taken yet. It is done even if the future is dropped.
    pub async fn flush(self: &Arc<Self>, collect: impl FnOnce() + Send + 'static) {
        let rollups = Arc::clone(self);
        to_its_end(async move { rollups.flush_here(collect).await }).await;
    }

    async fn flush_here(&self, collect: impl FnOnce() + Send) {
        let before = self.flushes.load(Ordering::Acquire);
        let _writing = self.writing.lock().await;
        if self.flushes.load(Ordering::Acquire) > before {
            // One that began after this was asked for is over: whoever held the lock did it.
            return;
        }
        self.flushes.fetch_add(1, Ordering::AcqRel);
        collect();
        self.write(|_, _| true).await;
    }

    /// Writes the rows of these minutes, and takes back those that could not be.
    async fn write(&self, which: impl Fn(i64, i64) -> bool) {
        let rows = {
            let open = &mut *self.open();
            let newest = open.newest;
            let taken = open
                .rows
                .extract_if(|(minute, _), _| which(*minute, newest));
            let mut rows: Vec<_> = taken
                .map(|((minute, id), counts)| RollupRow { minute, id, counts })
                .collect();
            // In the order in which they are kept.
            rows.sort_unstable_by(|a, b| (a.minute, &a.id).cmp(&(b.minute, &b.id)));
            rows
        };
        if rows.is_empty() {
            return;
        }
        let left = self.sink.keep(rows).await;
        let mut lost = 0;
        let open = &mut *self.open();
        for RollupRow { minute, id, counts } in left {
            let is_new = open.newest - minute < TRIED_MINUTES * MINUTE_MS;
            lost += u64::from(!is_new || !self.add(open, minute, id, &counts));
        }
        if lost > 0 {
            self.own
                .add(DROPPED, "rollups: they could not be written", lost);
        }
    }

    /// Adds to a row. False: there is no room for it.
    fn add(&self, open: &mut Open, minute: i64, id: Arc<NodeId>, counts: &NodeCounts) -> bool {
        let room = self.most.saturating_sub(open.rows.len());
        match open.rows.entry((minute, id)) {
            std::collections::hash_map::Entry::Occupied(row) => row.into_mut().add(counts),
            std::collections::hash_map::Entry::Vacant(row) if room > 0 => {
                row.insert(counts.clone());
            }
            std::collections::hash_map::Entry::Vacant(_) => return false,
        }
        true
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exporter for Rollups {
    fn take(&self, snapshot: &Arc<Snapshot>) {
        let minute = minute(snapshot.from, snapshot.to);
        let mut lost = 0;
        let open = &mut *self.open();
        for point in snapshot.flows.iter().filter(|point| !point.id.is_other()) {
            let counts = NodeCounts {
                durations: point.durations.clone(),
                ..NodeCounts::default()
            };
            let id = Arc::new(itself(&point.id));
            lost += u64::from(!self.add(open, minute, id, &counts));
        }
        let nodes = snapshot.nodes.iter();
        for point in nodes.filter(|point| !point.id.flow.is_other()) {
            let id = Arc::clone(&point.id);
            lost += u64::from(!self.add(open, minute, id, &point.counts));
        }
        if minute != open.newest {
            open.newest = minute;
            self.ready.notify_one();
        }
        if lost > 0 {
            let reason = "rollups: more series than are held";
            self.own.add(DROPPED, reason, lost);
        }
    }

    fn close(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(self.flush_here(|| {}))
    }
}

impl fmt::Debug for Rollups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rollups")
            .field("rows", &self.open().rows.len())
            .finish_non_exhaustive()
    }
}

/// The series of a version of a flow.
fn itself(flow: &Arc<FlowId>) -> NodeId {
    NodeId {
        flow: Arc::clone(flow),
        node: "".into(),
        plugin: "".into(),
        plugin_version: "".into(),
    }
}

/// The minute that a span lies in for the most part: so a count is at most half an interval away from its own. In
/// milliseconds since 1970.
fn minute(from: SystemTime, to: SystemTime) -> i64 {
    let half = to.duration_since(from).unwrap_or_default() / 2;
    let middle = to.checked_sub(half).unwrap_or(to);
    let since = middle.duration_since(SystemTime::UNIX_EPOCH);
    let ms = i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
    ms - ms % MINUTE_MS
}

/// Does it even if nobody waits any more: rows that were taken out are in nobody's hands but its own.
async fn to_its_end(work: impl Future<Output = ()> + Send + 'static) {
    // An error: it panicked, or the runtime stops. There is nobody to tell.
    let _ = tokio::spawn(work).await;
}

#[cfg(test)]
mod tests;
