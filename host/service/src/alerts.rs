//! What rules of alerts are asked about, from the store: minutes of rollups, what the host was like in each, and runs as they
//! ended.
//!
//! Belongs here: how rows become what rules look at. Does not belong here: rules.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use lockgate_model::{Kebab, RunOutcome};
use lockgate_store::{EndedRun, EndedRuns, Grain, HostMinute, RollupQuery, Store, StoreError};
use lockgate_telemetry::alerts::{
    Answer, Ended, KnownSince, Minute, Minutes, Moment, Past, PastError, RunEnded, Series, Timeline,
};
use lockgate_telemetry::{
    DROPPED, Exporter, FlowId, Gauges, NodeCounts, NodeId, Outcome, Own, Snapshot,
};
use tokio::runtime::Handle;

use crate::runs::live::Birth;

/// How many minutes are read at once: fewer than one read of the store gives.
const PIECE: u64 = 1_440;

/// So many minutes at the old end may be removed while rules are looked at.
const EDGE: u64 = 2;

/// The past of a host, as its store has it.
#[derive(Debug, Clone)]
pub struct StorePast(Store);

impl StorePast {
    /// What this store kept.
    pub fn new(store: Store) -> Arc<Self> {
        Arc::new(Self(store))
    }

    /// The flows that a series is about: the one that it names, or all, of which some may be deleted by now.
    async fn flows(&self, of: &Series, span: &Range<Minute>) -> Result<Vec<Kebab>, PastError> {
        if let Some(flow) = of.subject.flow() {
            return Ok(vec![flow.clone()]);
        }
        let flows = self
            .0
            .counted_flows(&of.project, ms(span.start), ms(span.end));
        let flows = flows.await.map_err(unread)?.into_iter();
        Ok(flows.filter_map(|flow| flow.parse().ok()).collect())
    }

    async fn add(
        &self,
        of: &Series,
        flow: &Kebab,
        span: Range<Minute>,
        minutes: &mut Minutes,
    ) -> Result<(), PastError> {
        let query = RollupQuery {
            project: of.project.clone(),
            flow: flow.clone(),
            version: of.subject.version(),
            node: of.subject.node().map(|node| node.as_str().to_owned()),
            grain: Grain::Minute,
            from: ms(span.start),
            until: ms(span.end),
        };
        let mut unreadable = 0;
        let read = self.0.rollups(&query, |piece| {
            let counts = NodeCounts::decode(&piece.counts);
            let at = u64::try_from(piece.at / Grain::Minute.ms());
            let (Some(counts), Ok(at)) = (counts, at) else {
                unreadable += 1;
                return;
            };
            let id = NodeId {
                flow: Arc::new(FlowId {
                    project: of.project.as_str().into(),
                    flow: flow.as_str().into(),
                    version: piece.version,
                }),
                node: piece.node.into(),
                plugin: piece.plugin.into(),
                plugin_version: piece.plugin_version.into(),
            };
            of.add_row(&id, &counts, minutes.entry(Minute(at)).or_default());
        });
        if !read.await.map_err(unread)? {
            tracing::warn!(%flow, "there are more series of a flow than rules are tried on: the newest versions are");
        }
        if unreadable > 0 {
            tracing::warn!(%flow, rows = unreadable, "rollups that cannot be read are left out");
        }
        Ok(())
    }
}

impl Past for StorePast {
    fn minutes<'a>(&'a self, of: &'a Series, span: Range<Minute>) -> Answer<'a, Minutes> {
        Box::pin(async move {
            let mut minutes = Minutes::new();
            for flow in self.flows(of, &span).await? {
                let mut from = span.start;
                while from < span.end {
                    let until = Minute(from.0.saturating_add(PIECE)).min(span.end);
                    self.add(of, &flow, from..until, &mut minutes).await?;
                    from = until;
                }
            }
            Ok(minutes)
        })
    }

    fn gauges(&self, span: Range<Minute>) -> Answer<'_, BTreeMap<Minute, Gauges>> {
        Box::pin(async move {
            let kept = self.0.host_minutes(ms(span.start), ms(span.end));
            let kept = kept.await.map_err(unread)?.into_iter();
            let gauges = kept.filter_map(|minute| {
                let at = u64::try_from(minute.at / Grain::Minute.ms()).ok()?;
                let gauges = Gauges {
                    queue_depth: minute.queue_depth,
                    queue_age_s: minute.queue_age_s,
                    sandbox_active: minute.sandbox_active,
                };
                Some((Minute(at), gauges))
            });
            Ok(gauges.collect())
        })
    }

    fn runs<'a>(
        &'a self,
        project: &'a Kebab,
        flow: Option<&'a Kebab>,
        span: Range<Moment>,
        most: usize,
    ) -> Answer<'a, Ended> {
        Box::pin(async move {
            let time = |moment: Moment| i64::try_from(moment.ms()).unwrap_or(i64::MAX);
            let between = (time(span.start), time(span.end));
            let read = self.0.ended_runs(project, flow, between, most);
            let EndedRuns { runs, is_all } = read.await.map_err(unread)?;
            let runs = runs.into_iter();
            Ok(Ended {
                runs: runs.filter_map(|run| ended(project, run)).collect(),
                is_all,
            })
        })
    }

    fn known_since(&self) -> Answer<'_, KnownSince> {
        Box::pin(async move {
            let kept = self.0.kept_since().await.map_err(unread)?;
            let ms = |ms: i64| u64::try_from(ms).ok().map(Moment::of_ms);
            let first = kept.minutes.and_then(ms).map(Moment::minute);
            Ok(KnownSince {
                minutes: first.map(|first| Minute(first.0.saturating_add(EDGE))),
                runs: kept.runs.and_then(ms),
            })
        })
    }
}

/// A run as the store has it. Which node ended it is in its journal alone.
fn ended(project: &Kebab, run: EndedRun) -> Option<RunEnded> {
    Some(RunEnded {
        run: run.id,
        project: project.as_str().into(),
        flow: run.flow.as_str().into(),
        version: run.version,
        outcome: Outcome::of_word(&run.outcome)?,
        took: Duration::from_micros(run.duration_us),
        at: Moment::of_ms(u64::try_from(run.finished_at).ok()?),
        failed_node: None,
    })
}

/// A run that just ended. None where nothing is counted of it: a document that is kept nowhere.
pub(crate) fn just_ended(
    birth: &Birth,
    row: &lockgate_store::FinishedRun,
    outcome: Option<&RunOutcome>,
) -> Option<RunEnded> {
    let failed_node = match outcome {
        Some(RunOutcome::Failed { node, .. }) => Some(node.to_string().into()),
        _ => None,
    };
    Some(RunEnded {
        run: birth.id,
        project: birth.project.as_str().into(),
        flow: birth.flow.as_ref()?.as_str().into(),
        version: birth.version?,
        outcome: Outcome::of_word(row.outcome)?,
        took: Duration::from_micros(row.duration_us),
        at: Moment::of_ms(u64::try_from(row.finished_at).ok()?),
        failed_node,
    })
}

/// Keeps what the host was like at the end of each minute in which it was there, in its store.
#[derive(Debug)]
pub struct HostMinutes {
    store: Store,
    own: Own,
    tasks: Handle,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    timeline: Timeline,
    /// The minute that the host began in.
    first: Option<Minute>,
    gauges: Gauges,
}

impl HostMinutes {
    /// Keeps them there. It has to be called within a tokio runtime.
    pub fn new(store: Store, own: Own) -> Arc<Self> {
        Arc::new(Self {
            store,
            own,
            tasks: Handle::current(),
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep(store: Store, own: Own, minute: HostMinute, is_first: bool) {
        if let Err(error) = Self::put(&store, minute, is_first).await {
            tracing::warn!(%error, "what the host was like in a minute is not kept");
            own.add(DROPPED, "rollups: a minute of the host", 1);
        }
    }

    /// A host that begins within a minute was not there in all of it; but one that was only started anew was, as far as
    /// anybody asks: the one before it kept that minute, or the one before.
    async fn put(store: &Store, minute: HostMinute, is_first: bool) -> Result<(), StoreError> {
        if is_first {
            let before = minute.at.saturating_sub(Grain::Minute.ms());
            let kept = store.host_minutes(before, minute.at.saturating_add(1));
            if kept.await?.is_empty() {
                return Ok(());
            }
        }
        store.put_host_minute(minute).await
    }
}

fn host_minute(minute: Minute, gauges: Gauges) -> HostMinute {
    HostMinute {
        at: ms(minute),
        queue_depth: gauges.queue_depth,
        queue_age_s: gauges.queue_age_s,
        sandbox_active: gauges.sandbox_active,
    }
}

impl Exporter for HostMinutes {
    fn take(&self, snapshot: &Arc<Snapshot>) {
        let state = &mut *self.state();
        if state.timeline.open().is_none() {
            let begun = Moment::of(snapshot.from);
            let is_whole = begun == begun.minute().start();
            state.first = Some(begun.minute()).filter(|_| !is_whole);
            state.timeline = Timeline::starting(begun, true);
        }
        let passed = state.timeline.take(snapshot);
        let before = std::mem::replace(&mut state.gauges, snapshot.gauges);
        for range in [&passed.before, &passed.after] {
            for minute in (range.start.0..range.end.0).map(Minute) {
                if !passed.was_there(minute) {
                    continue;
                }
                // Of the minute that went on until then, the last that was known in it.
                let is_open = minute == passed.before.start && minute != passed.minute;
                let gauges = if is_open { before } else { snapshot.gauges };
                let minute = (host_minute(minute, gauges), Some(minute) == state.first);
                let keep = Self::keep(self.store.clone(), self.own.clone(), minute.0, minute.1);
                self.tasks.spawn(keep);
            }
        }
    }

    fn close(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let (open, gauges, first) = {
                let state = &mut *self.state();
                let open = std::mem::take(&mut state.timeline).open();
                (open, state.gauges, state.first)
            };
            if let Some((minute, true)) = open {
                let row = host_minute(minute, gauges);
                let is_first = first == Some(minute);
                Self::keep(self.store.clone(), self.own.clone(), row, is_first).await;
            }
        })
    }
}

/// When a minute begins, in milliseconds since 1970.
fn ms(minute: Minute) -> i64 {
    i64::try_from(minute.start().ms()).unwrap_or(i64::MAX)
}

fn unread(error: StoreError) -> PastError {
    PastError(error.to_string())
}
