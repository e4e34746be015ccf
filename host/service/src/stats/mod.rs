//! What runs did, in numbers: by node, by version, over time, and one version against another.
//!
//! Belongs here: which rollups answer a question, who may ask it, and what the answer looks like. Does not belong here: how
//! things are counted and compared (`lockgate-telemetry`), and how rows are kept (`lockgate-store`).
//!
//! An answer has the run that ended a moment ago: what was counted is collected and written before rows are read.

mod compare;
mod gather;
mod sink;
mod span;
mod view;

use std::fmt;
use std::sync::Arc;

use lockgate_model::Kebab;
use lockgate_store::{RollupQuery, Store};
use lockgate_telemetry::{Collector, NodeCounts, Rollups, Tokens};

pub use compare::{CompareAsk, CompareView, ErrorWord, IntervalView, SideView, VerdictWord};
pub use gather::MAX_ITEMS;
pub use sink::RollupStore;
pub use span::MAX_POINTS;
pub use view::{
    By, DurationStats, FuelStats, MemoryStats, Outcomes, PluginUse, Point, StatsItem, StatsView,
    Tally, TokenStats,
};

use crate::runs::conduct::Conductor;
use crate::{Caller, Moment, Scope, ServiceError};
use gather::Gather;
use span::Span;
use view::Used;

/// What counts runs, and makes rollups of that.
#[derive(Debug, Clone)]
pub struct Counting {
    /// What brings together what was counted. The rollups are among its exporters.
    pub collector: Arc<Collector>,
    /// What makes rows of it.
    pub rollups: Arc<Rollups>,
}

/// What is asked of a flow.
#[derive(Debug, Clone)]
pub struct StatsAsk {
    /// Which flow.
    pub flow: Kebab,
    /// What the answer has a row for.
    pub by: By,
    /// From when on, in milliseconds since 1970. None: for the last 24 hours.
    pub since_ms: Option<i64>,
    /// Until when. None: now.
    pub until_ms: Option<i64>,
    /// One version only.
    pub version: Option<u32>,
}

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The project.
    pub project: Kebab,
    /// The flow.
    pub flow: Kebab,
    /// One version of it; None: all.
    pub version: Option<u32>,
    /// One node of it; None: runs.
    pub node: Option<String>,
}

/// What runs did, as callers ask for it.
#[derive(Clone)]
pub struct Stats {
    conductor: Arc<Conductor>,
    counting: Option<Counting>,
}

impl Stats {
    pub(crate) fn new(conductor: Arc<Conductor>, counting: Option<Counting>) -> Self {
        Self {
            conductor,
            counting,
        }
    }

    /// What runs of a flow did. It needs the scope `read`.
    ///
    /// # Errors
    ///
    /// The caller may not, there is no such flow or version, or the time is none.
    pub async fn get(&self, caller: &Caller, ask: StatsAsk) -> Result<StatsView, ServiceError> {
        caller.may_with(Scope::Read, &ask.flow)?;
        let span = self.span(ask.since_ms, ask.until_ms)?;
        self.freshen().await;
        let query = RollupQuery {
            project: caller.project.clone(),
            flow: ask.flow.clone(),
            version: ask.version,
            node: None,
            grain: span.grain,
            from: span.from,
            until: span.until,
        };
        let mut gather = Gather::new(ask.by, span);
        let read = self.store().rollups(&query, |piece| gather.add(piece));
        let is_all = read.await?;
        if gather.is_empty() {
            // What was deleted may have counts all the same.
            self.check_there(caller, &ask.flow, ask.version).await?;
        }
        let (total, items, more) = gather.finish();
        Ok(StatsView {
            flow: ask.flow.to_string(),
            version: ask.version,
            by: ask.by,
            from_at: Moment(span.from),
            until_at: Moment(span.until),
            step_ms: span.step.unsigned_abs(),
            total,
            items,
            more: more || !is_all,
        })
    }

    /// What was counted between two moments, in milliseconds since 1970, for the host's own use: nobody is asked whether they
    /// may. The first is rounded down to where a row begins; for times of up to three hours that is a minute. Of runs:
    /// their durations, and the tokens, retries and hits of the cache of their nodes.
    ///
    /// # Errors
    ///
    /// The time is none, or the store cannot be read.
    pub async fn sum(
        &self,
        window: &Window,
        since_ms: i64,
        until_ms: i64,
    ) -> Result<NodeCounts, ServiceError> {
        let span = self.span(Some(since_ms), Some(until_ms))?;
        self.freshen().await;
        let (mut sum, used) = self.counted(window, span).await?;
        if window.node.is_none() {
            sum.tokens = Tokens {
                input: used.tokens.input,
                output: used.tokens.output,
            };
            (sum.retries, sum.cache_hits) = (used.retries, used.cache_hits);
        }
        Ok(sum)
    }

    /// Of a node: all of it. Of runs: their durations, and what their nodes used.
    async fn counted(
        &self,
        window: &Window,
        span: Span,
    ) -> Result<(NodeCounts, Used), ServiceError> {
        let query = RollupQuery {
            project: window.project.clone(),
            flow: window.flow.clone(),
            version: window.version,
            node: window.node.clone(),
            grain: span.grain,
            from: span.from,
            until: span.until,
        };
        let (mut sum, mut used, mut damaged) = (NodeCounts::default(), Used::default(), 0_u64);
        let read = self
            .store()
            .rollups(&query, |piece| match NodeCounts::decode(&piece.counts) {
                None => damaged += 1,
                Some(counts) if window.node.is_some() || piece.node.is_empty() => sum.add(&counts),
                Some(counts) => used.add(&counts),
            });
        if !read.await? {
            tracing::warn!(flow = %window.flow, "a flow has more versions and nodes than are counted together");
        }
        if damaged > 0 {
            tracing::warn!(rows = damaged, "rollups that cannot be read are left out");
        }
        Ok((sum, used))
    }

    /// Has everything that ended until now written.
    async fn freshen(&self) {
        let Some(counting) = &self.counting else {
            return;
        };
        let collector = Arc::clone(&counting.collector);
        let engine = Arc::clone(&self.conductor.engine);
        let collect = move || {
            collector.collect(engine.clock().wall(), None);
        };
        counting.rollups.flush(collect).await;
    }

    /// An error unless there is such a flow, and such a version of it.
    async fn check_there(
        &self,
        caller: &Caller,
        flow: &Kebab,
        version: Option<u32>,
    ) -> Result<(), ServiceError> {
        let snapshot = self.conductor.registry.snapshot(&caller.project);
        if !snapshot.flows.contains_key(flow) {
            return Err(ServiceError::not_found("flow", flow));
        }
        let Some(version) = version else {
            return Ok(());
        };
        let store = self.store();
        let found = store.flow_version(&caller.project, flow, version).await?;
        let name = || format!("{flow}@{version}");
        found
            .map(drop)
            .ok_or_else(|| ServiceError::not_found("version of a flow", name()))
    }

    fn span(&self, since: Option<i64>, until: Option<i64>) -> Result<Span, ServiceError> {
        Span::of(self.store(), self.now_ms(), since, until)
    }

    fn now_ms(&self) -> i64 {
        self.conductor.now_ms()
    }

    fn store(&self) -> &Store {
        &self.conductor.store
    }
}

impl fmt::Debug for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stats").finish_non_exhaustive()
    }
}
