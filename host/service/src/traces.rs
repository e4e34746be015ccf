//! Traces of runs: where each goes on, and the spans of those that are recorded, made beside everything else once a run has
//! ended.

use std::fmt;
use std::sync::Arc;

use lockgate_model::TraceId;
use lockgate_store::TraceRow;
use lockgate_telemetry::trace::{RequestSpan, RunFacts, SpanId, TraceContext, Tracer, run_spans};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::runs::live::{Birth, Live};
use crate::{Mask, Moment};

/// How many runs that ended may wait for their spans. Their journals are in memory until then, so those beyond are let go.
const WAITING: usize = 64;

/// How many of them have their spans made together.
const AT_ONCE: usize = 16;

/// Where one run goes on in a trace.
#[derive(Debug, Clone)]
pub(crate) struct RunTrace {
    pub(crate) context: TraceContext,
    /// The run's own span.
    pub(crate) span: SpanId,
    /// The request that started it, if that is still known.
    request: Option<Arc<RequestSpan>>,
}

impl RunTrace {
    /// One that a request started, or that begins a trace.
    pub(crate) fn begin(tracer: &Tracer, request: Option<Arc<RequestSpan>>) -> Self {
        let context = match &request {
            Some(request) => request.context().below(request.id()),
            None => tracer.decide(None),
        };
        Self {
            context,
            span: SpanId::random(),
            request,
        }
    }

    /// One that waited in the queue. What decided about its trace has decided.
    pub(crate) fn of_row(tracer: &Tracer, row: Option<&TraceRow>) -> Self {
        let Some(row) = row else {
            return Self::begin(tracer, None);
        };
        let context = TraceContext {
            trace: row.id,
            parent: row.parent.map(SpanId),
            flags: row.flags,
            state: row.state.as_deref().map(Into::into),
        };
        Self {
            context,
            span: SpanId::random(),
            request: None,
        }
    }

    pub(crate) fn id(&self) -> TraceId {
        self.context.trace
    }
}

/// What a run that waits keeps of its trace. Of a request that is not recorded there is no span: what was before it is the
/// run's parent then.
pub(crate) fn row(tracer: &Tracer, request: Option<&Arc<RequestSpan>>) -> TraceRow {
    let context = match request {
        Some(request) if request.context().is_sampled() => request.context().below(request.id()),
        Some(request) => request.context().clone(),
        None => tracer.decide(None),
    };
    TraceRow {
        id: context.trace,
        parent: context.parent.map(|parent| parent.0),
        flags: context.flags,
        state: context.state.as_deref().map(str::to_owned),
    }
}

/// A context without the members of its state that something in is masked.
pub(crate) fn without_secrets(mask: &Mask, context: TraceContext) -> TraceContext {
    let state = context.state.as_deref().map(|state| {
        let members = state.split(',').filter(|member| !mask.finds(member));
        members.collect::<Vec<_>>().join(",")
    });
    let state = state.filter(|state| !state.is_empty());
    TraceContext {
        state: state.map(Into::into),
        ..context
    }
}

/// Makes the spans of runs that ended.
pub(crate) struct Traces {
    pub(crate) tracer: Tracer,
    ended: mpsc::Sender<Job>,
}

enum Job {
    Ended(Arc<Live>),
    /// Everything before it is done.
    Flush(oneshot::Sender<()>),
}

impl Traces {
    /// It has to be called within a tokio runtime, on which spans are made from then on.
    pub(crate) fn new(tracer: Tracer) -> Self {
        let (ended, jobs) = mpsc::channel(WAITING);
        if tracer.config().is_some() {
            Handle::current().spawn(work(tracer.clone(), jobs));
        }
        Self { tracer, ended }
    }

    /// Has the spans of a run that ended made, if it is recorded. It takes no time: whoever ended the run does not wait.
    pub(crate) fn ended(&self, live: &Arc<Live>, has_failed: bool) {
        let is_kept = self.tracer.keeps(&live.birth.trace.context, has_failed);
        if !is_kept {
            return;
        }
        let is_taken =
            !self.tracer.is_full() && self.ended.try_send(Job::Ended(Arc::clone(live))).is_ok();
        if !is_taken {
            self.tracer.let_go(1);
        }
    }

    /// Resolves when the spans of all runs that ended before are made.
    pub(crate) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.ended.send(Job::Flush(done)).await.is_ok() {
            let _ = flushed.await; // nobody works any more: then there is nothing to wait for
        }
    }
}

fn facts(birth: &Birth) -> RunFacts {
    RunFacts {
        context: birth.trace.context.clone(),
        span: birth.trace.span,
        project: birth.project.clone(),
        flow: birth.flow.clone(),
        version: birth.version,
        revision: birth.revision,
        trigger: birth.trigger.clone(),
        queued: birth.queued,
        lost_attempts: birth.lost_attempts,
        parent: birth.parent.map(|run| run.to_string()),
        batch: birth.batch.map(|place| place.batch.to_string()),
        asked_at: Moment(birth.created_at).time(),
    }
}

async fn work(tracer: Tracer, mut jobs: mpsc::Receiver<Job>) {
    let mut next = Vec::with_capacity(AT_ONCE);
    while jobs.recv_many(&mut next, AT_ONCE).await > 0 {
        let batch = std::mem::take(&mut next);
        let tracer = tracer.clone();
        // A long journal takes a while, in which a thread that serves others would serve nobody.
        let done = tokio::task::spawn_blocking(move || make(&tracer, batch)).await;
        if let Err(error) = done {
            tracing::error!(%error, "spans of runs could not be made");
        }
    }
}

fn make(tracer: &Tracer, jobs: Vec<Job>) {
    let Some(config) = tracer.config() else {
        return;
    };
    for job in jobs {
        match job {
            Job::Ended(live) => {
                if let Some(request) = &live.birth.trace.request {
                    request.keep();
                }
                let facts = facts(&live.birth);
                tracer.take(run_spans(&facts, &live.journal.all(), config));
            }
            Job::Flush(done) => drop(done.send(())),
        }
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Traces").field(&self.tracer).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MaskConfig;

    #[test]
    fn of_a_state_members_with_secrets_go() {
        let mask = Mask::new(&MaskConfig::default()).expect("a mask");
        for (state, left) in [
            (
                "app=user@example.com,congo=t61rcWkgMzE",
                Some("congo=t61rcWkgMzE"),
            ),
            (
                "congo=t61rcWkgMzE,ot=th:c",
                Some("congo=t61rcWkgMzE,ot=th:c"),
            ),
            ("tel=13800138000", None),
        ] {
            let context = TraceContext {
                state: Some(state.into()),
                ..TraceContext::begin()
            };
            let trace = context.trace;
            let context = without_secrets(&mask, context);
            assert_eq!((context.trace, context.state.as_deref()), (trace, left));
        }
    }
}
