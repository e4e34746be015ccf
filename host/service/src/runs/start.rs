//! Starting a run that somebody waits for: what they may ask, whether there is room, whether they asked before.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lockgate_flow::{Detour, Plan, RunRequest};
use lockgate_model::{Ident, Kebab, RunEvent};
use lockgate_telemetry::trace::RequestSpan;
use serde::Serialize;
use serde_json::{Map, Value as Tree};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::conduct::{Conductor, draining};
use super::ending::summary;
use super::live::{Birth, Live};
use super::receipts::Receipts;
use super::{
    MAX_SESSION_BYTES, RunAsk, RunHandle, RunSummary, RunView, Runs, RunsConfig, Target, access,
    idempotency,
};
use crate::traces::RunTrace;
use crate::{Caller, Doc, Mask, Moment, Resolved, Scope, ServiceError};

/// A run that may begin: everything about it was checked but its input.
pub(crate) struct Demand {
    pub(crate) plan: Arc<Plan>,
    /// None for a document.
    pub(crate) flow: Option<Kebab>,
    pub(crate) version: Option<u32>,
    pub(crate) revision: Option<u32>,
    pub(crate) input: Tree,
    pub(crate) vars: Map<String, Tree>,
    pub(crate) until: Option<String>,
    pub(crate) pinned: Map<String, Tree>,
    pub(crate) session: Option<String>,
    pub(crate) parent: Option<Uuid>,
    pub(crate) trigger: Cow<'static, str>,
    pub(crate) trace: Option<Arc<RequestSpan>>,
    /// What an idempotency key belongs to.
    pub(crate) route: String,
    /// What was asked for, for an idempotency key: the digest of it.
    pub(crate) asked: Option<Tree>,
    /// The node and the output whose parts are wanted as they are.
    pub(crate) parts: Option<(Ident, Ident)>,
}

/// What counts when two requests are compared.
#[derive(Serialize)]
pub(crate) struct Asked<'a> {
    pub(crate) version: Option<u32>,
    pub(crate) document: Option<&'a str>,
    pub(crate) input: &'a Tree,
    pub(crate) vars: &'a Map<String, Tree>,
    pub(crate) until: Option<&'a str>,
    pub(crate) pinned: &'a Map<String, Tree>,
    pub(crate) session: Option<&'a str>,
    pub(crate) priority: i32,
}

/// The places of runs that somebody waits for.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    config: RunsConfig,
    room: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Places {
    pub(crate) fn new(config: RunsConfig) -> Self {
        Self {
            room: Arc::new(Semaphore::new(config.at_once)),
            waiting: Arc::default(),
            config,
        }
    }

    pub(crate) fn retry_after(&self) -> Duration {
        self.config.retry_after
    }

    /// Nobody gets a place any more.
    pub(crate) fn close(&self) {
        self.room.close();
    }

    /// A place, at once or after a while.
    async fn take(&self) -> Result<OwnedSemaphorePermit, ServiceError> {
        if let Ok(place) = Arc::clone(&self.room).try_acquire_owned() {
            return Ok(place);
        }
        let _waits =
            Waits::begin(&self.waiting, self.config.waiting).ok_or(ServiceError::Busy {
                what: "as many runs as may wait for a place",
                retry_after: self.config.retry_after,
            })?;
        let place = Arc::clone(&self.room).acquire_owned().await;
        place.map_err(|_| draining()) // it is closed for that only
    }
}

/// One that waits; counted until it is dropped.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn begin(count: &'a AtomicUsize, most: usize) -> Option<Self> {
        let more = |waiting| (waiting < most).then_some(waiting + 1);
        let counted = count.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        counted.ok().map(|_| Self(count))
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Runs {
    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    /// Starts a run without waiting for its beginning: whether it begins, its end says. The shortest way for who waits for
    /// the end anyway.
    ///
    /// # Errors
    ///
    /// As [`Runs::start`]; that the input does not fit is what [`RunHandle::ended`] says.
    pub async fn launch(
        &self,
        caller: &Caller,
        mut ask: RunAsk,
    ) -> Result<RunHandle, ServiceError> {
        self.conductor.check_draining()?;
        let key = ask.idempotency.take();
        let demand = demand(&self.conductor, caller, ask, key.is_some(), 0).await?;
        self.admit(caller, demand, key.as_deref()).await
    }

    /// Starts a run once there is room, or gives the one that the same request started before.
    pub(super) async fn admit(
        &self,
        caller: &Caller,
        demand: Demand,
        key: Option<&str>,
    ) -> Result<RunHandle, ServiceError> {
        let Some(key) = key else {
            let place = self.places.take().await?;
            return self.begin(caller, demand, Uuid::now_v7(), None, place);
        };
        let (id, now) = (Uuid::now_v7(), self.conductor.now_ms());
        let route = demand.route.clone();
        let row = idempotency::row(caller, key, route, &demand.asked, id, now)?;
        let (project, in_flight) = (&caller.project, &self.conductor.in_flight);
        loop {
            let slot = in_flight.slot(project, &row);
            let mut held = slot.lock().await;
            if let Some(live) = &*held {
                let known = live.birth.idempotency.as_deref().unwrap_or(&row);
                idempotency::check(&row, known)?;
                return Ok(RunHandle::live(&self.conductor, Arc::clone(live), true));
            }
            if !in_flight.is_current(project, &row, &slot) {
                continue; // the first request did not begin a run, and another may be about to
            }
            let unused = Unused {
                conductor: &self.conductor,
                project,
                row: &row,
            };
            let store = &self.conductor.store;
            if let Some(known) = store.idempotent(project, &row.key, &row.route, now).await? {
                idempotency::check(&row, &known)?;
                let known = known.subject;
                return Ok(RunHandle::known(&self.conductor, project.clone(), known));
            }
            let place = self.places.take().await?;
            let handle = self.begin(caller, demand, id, Some(Box::new(row.clone())), place)?;
            std::mem::forget(unused); // the run removes the slot when it ends
            *held = handle.live_run().cloned();
            return Ok(handle);
        }
    }

    fn begin(
        &self,
        caller: &Caller,
        demand: Demand,
        id: Uuid,
        idempotency: Option<Box<lockgate_store::IdempotencyRow>>,
        place: OwnedSemaphorePermit,
    ) -> Result<RunHandle, ServiceError> {
        self.conductor.check_draining()?; // it may have waited for its place
        let birth = Birth {
            project: caller.project.clone(),
            id,
            flow: demand.flow,
            version: demand.version,
            revision: demand.revision,
            trigger: demand.trigger,
            key: caller.key,
            session: demand.session,
            parent: demand.parent,
            batch: None,
            created_at: self.conductor.now_ms(),
            trace: RunTrace::begin(&self.conductor.traces.tracer, demand.trace),
            lost_attempts: 0,
            queued: false,
            idempotency,
            parts: demand.parts,
        };
        let request = RunRequest {
            project: caller.project.as_str().into(),
            vars: demand.vars,
            until: demand.until,
            pinned: demand.pinned,
            ..RunRequest::new(id.to_string(), demand.input)
        };
        let live = self
            .conductor
            .conduct(birth, demand.plan, request, Box::new(place));
        let live =
            live.ok_or_else(|| ServiceError::Internal("a run's id is there twice".into()))?;
        Ok(RunHandle::live(&self.conductor, live, false))
    }
}

/// Removes the slot of a request that began no run.
struct Unused<'a> {
    conductor: &'a Conductor,
    project: &'a Kebab,
    row: &'a lockgate_store::IdempotencyRow,
}

impl Drop for Unused<'_> {
    fn drop(&mut self) {
        self.conductor.in_flight.remove(self.project, self.row);
    }
}

/// Checks what is asked for, and finds what it starts from.
pub(crate) async fn demand(
    conductor: &Conductor,
    caller: &Caller,
    ask: RunAsk,
    has_key: bool,
    priority: i32,
) -> Result<Demand, ServiceError> {
    check_session(&conductor.mask, ask.session.as_deref())?;
    let document = match &ask.target {
        Target::Flow { .. } => None,
        Target::Document { text, .. } => Some(text.as_str()),
    };
    let version = match &ask.target {
        Target::Flow { version, .. } => *version,
        Target::Document { .. } => None,
    };
    let asked = has_key.then(|| {
        serde_json::to_value(Asked {
            version,
            document,
            input: &ask.input,
            vars: &ask.vars,
            until: ask.until.as_deref(),
            pinned: &ask.pinned,
            session: ask.session.as_deref(),
            priority,
        })
    });
    let asked = asked.and_then(Result::ok);
    let (plan, flow, version, revision, route) = match ask.target {
        Target::Flow { flow, version } => {
            caller.may_with(Scope::Run, &flow)?;
            let resolved = conductor.registry.resolve(&caller.project, &flow, version);
            let Resolved {
                plan,
                flow,
                version,
                revision,
                ..
            } = resolved.await?;
            let used = detours(&ask.vars, ask.until.as_deref(), &ask.pinned);
            access::may_detour(caller, &plan, used)?;
            let route = if has_key {
                format!("runs {flow}")
            } else {
                String::new()
            };
            (plan, Some(flow), Some(version), Some(revision), route)
        }
        Target::Document { name, text } => {
            caller.may_everywhere(Scope::Deploy)?;
            let registry = &conductor.registry;
            let plan = registry
                .plan_document(&caller.project, &name, &text)
                .await?;
            (plan, None, None, None, "runs".to_owned())
        }
    };
    check_vars(&plan, &ask.vars)?;
    Ok(Demand {
        plan,
        flow,
        version,
        revision,
        input: ask.input,
        vars: ask.vars,
        until: ask.until,
        pinned: ask.pinned,
        session: ask.session,
        parent: ask.parent,
        trigger: ask.trigger.word().into(),
        trace: ask.trace,
        route,
        asked,
        parts: ask.parts,
    })
}

/// The ways around a flow that a request uses.
pub(crate) fn detours<'a>(
    vars: &'a Map<String, Tree>,
    until: Option<&'a str>,
    pinned: &'a Map<String, Tree>,
) -> impl Iterator<Item = Detour> + 'a {
    let vars = (!vars.is_empty()).then_some(Detour::Vars);
    let until = until.map(|_| Detour::Until);
    let pinned = (!pinned.is_empty()).then_some(Detour::Pinned);
    vars.into_iter().chain(until).chain(pinned)
}

/// Variables that no flow of the plan has are a mistake, not a wish.
pub(crate) fn check_vars(plan: &Plan, vars: &Map<String, Tree>) -> Result<(), ServiceError> {
    if vars.is_empty() {
        return Ok(());
    }
    let known = plan.all_vars();
    match vars.keys().find(|name| !known.contains(name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let name: String = name.chars().take(64).collect();
            Err(ServiceError::InvalidRequest(format!(
                "`vars`: neither the flow `{}` nor one that it runs has a variable `{}`",
                plan.name(),
                name.escape_debug()
            )))
        }
    }
}

/// Whether it can be a session's name. It is kept as it is, because runs are found by it, so it may hold nothing that is
/// masked.
pub(crate) fn check_session(mask: &Mask, session: Option<&str>) -> Result<(), ServiceError> {
    let Some(session) = session else {
        return Ok(());
    };
    if session.is_empty() || session.len() > MAX_SESSION_BYTES {
        return Err(ServiceError::InvalidRequest(format!(
            "`session` has 1 to {MAX_SESSION_BYTES} bytes"
        )));
    }
    if session.chars().any(char::is_control) {
        return Err(ServiceError::InvalidRequest(
            "`session` has no control characters".into(),
        ));
    }
    if let Some(name) = mask.name_in(session) {
        return Err(ServiceError::InvalidRequest(format!(
            "`session` holds something that this host masks (`{name}`), and names of sessions are kept as they are: name \
             the session by something that tells nothing"
        )));
    }
    Ok(())
}

/// Waits until a run has begun; an error if it never does.
pub(super) async fn begun(handle: &RunHandle) -> Result<(), ServiceError> {
    let Some(live) = handle.live_run() else {
        return Ok(());
    };
    let mut follower = live.journal.follow(0);
    tokio::select! {
        biased;
        _ = follower.next() => Ok(()),
        ended = live.ended() => ended.map(drop),
    }
}

/// What is known of a run that goes on, as in a list.
pub(super) fn summary_so_far(live: &Live) -> RunSummary {
    let mut summary = summary(&live.birth);
    summary.masked = live.is_masked();
    let events = live.journal.after(0);
    let Some(first) = events.first() else {
        return summary;
    };
    if let RunEvent::RunStarted { labels, .. } = &*first.event {
        let labels = labels.iter().map(|(name, value)| (name.as_str(), value));
        let labels: BTreeMap<_, _> = labels.collect();
        summary.started_at = Some(Moment::of(first.time));
        summary.labels = (!labels.is_empty()).then(|| Doc::of(&labels)).flatten();
    }
    summary
}

/// What is known of a run that goes on.
pub(super) fn view_so_far(live: &Live) -> RunView {
    let mut receipts = Receipts::default();
    let mut seq = 0;
    loop {
        let events = live.journal.after(seq);
        let Some(last) = events.last() else {
            break;
        };
        seq = last.seq;
        events.iter().for_each(|event| receipts.hear(&event.event));
    }
    let (receipts, receipts_left_out) = receipts.finish();
    RunView {
        summary: summary_so_far(live),
        output: None,
        error: None,
        receipts,
        receipts_left_out,
        ahead: None,
    }
}
