//! The span of a request that starts runs.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::{Span, SpanId, SpanKind, SpanStatus, TraceContext, Tracer};

/// What went wrong where nobody took the answer.
const DISCONNECTED: &str = "disconnected";

/// A request that may start runs: where its trace goes on, and its span once it was answered.
///
/// Whether it is recorded may be known later than its answer is: when a run failed that nobody had wanted to record.
/// Whichever comes last, the answer or the wish, has it sent.
pub struct RequestSpan {
    tracer: Tracer,
    context: TraceContext,
    id: SpanId,
    head: RequestHead,
    state: Mutex<State>,
}

/// What is said of a request. Nothing that the client chose: paths hold names and tokens.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead {
    /// The method.
    pub method: &'static str,
    /// The route's pattern.
    pub route: &'static str,
    /// When it came.
    pub came: SystemTime,
}

#[derive(Default)]
struct State {
    answered: Option<(Option<u16>, SystemTime)>,
    is_kept: bool,
    is_sent: bool,
}

impl RequestSpan {
    /// A request that came with this context, if with any.
    pub fn begin(tracer: &Tracer, came: Option<TraceContext>, head: RequestHead) -> Arc<Self> {
        let context = tracer.decide(came);
        let state = State {
            is_kept: tracer.keeps(&context, false),
            ..State::default()
        };
        Arc::new(Self {
            tracer: tracer.clone(),
            id: SpanId::random(),
            state: Mutex::new(state),
            context,
            head,
        })
    }

    /// Its span.
    pub fn id(&self) -> SpanId {
        self.id
    }

    /// What is said of it.
    pub fn head(&self) -> &RequestHead {
        &self.head
    }

    /// Where its trace went on when it came; what it was decided to be.
    pub fn context(&self) -> &TraceContext {
        &self.context
    }

    /// Has it recorded, whatever was decided before.
    pub fn keep(&self) {
        let mut state = self.state();
        state.is_kept = true;
        self.settle(&mut state);
    }

    /// Says how it was answered, and when that was over; None: its client went before. The first word stays.
    pub fn answered(&self, status: Option<u16>, at: SystemTime) {
        let mut state = self.state();
        state.answered.get_or_insert((status, at));
        self.settle(&mut state);
    }

    fn settle(&self, state: &mut State) {
        let Some((status, at)) = state.answered else {
            return;
        };
        if state.is_kept && !state.is_sent {
            state.is_sent = true;
            self.tracer.take(vec![self.span(status, at)]);
        }
    }

    fn span(&self, status: Option<u16>, at: SystemTime) -> Span {
        let RequestHead {
            method,
            route,
            came,
        } = self.head;
        let mut span = Span {
            trace: self.context.trace,
            id: self.id,
            parent: self.context.parent,
            has_remote_parent: Some(self.context.parent.is_some()),
            flags: self.context.flags,
            state: self.context.state.clone(),
            name: format!("{method} {route}"),
            kind: SpanKind::Server,
            start: came,
            end: at.max(came),
            attributes: vec![
                ("http.request.method".into(), method.into()),
                ("http.route".into(), route.into()),
            ],
            events: Vec::new(),
            status: SpanStatus::Unset,
        };
        // What the client did wrong is no error of the server, as OpenTelemetry has it.
        let kind = match status {
            None => Some(DISCONNECTED.to_owned()),
            Some(status) => (status >= 500).then(|| status.to_string()),
        };
        if let Some(status) = status {
            let status = u64::from(status).into();
            span.attributes
                .push(("http.response.status_code".into(), status));
        }
        if let Some(kind) = kind {
            span.attributes
                .push(("error.type".into(), kind.as_str().into()));
            span.status = SpanStatus::Error(kind);
        }
        span
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RequestSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSpan")
            .field("context", &self.context)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::own::Own;
    use crate::trace::{SpanSink, TraceConfig};

    #[derive(Default)]
    struct Sink(Mutex<Vec<Span>>);

    impl SpanSink for Sink {
        fn take(&self, spans: Vec<Span>) {
            self.0.lock().expect("no panic").extend(spans);
        }
    }

    fn tracer(sample: f64) -> (Tracer, Arc<Sink>) {
        let sink = Arc::new(Sink::default());
        let config = TraceConfig {
            sample,
            ..TraceConfig::default()
        };
        let there = Arc::clone(&sink) as Arc<dyn SpanSink>;
        (Tracer::new(config, there, Own::default()), sink)
    }

    fn head() -> RequestHead {
        RequestHead {
            method: "POST",
            route: "/webhooks/{flow}/{token}",
            came: SystemTime::UNIX_EPOCH + Duration::from_secs(5),
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_recorded_request_is_sent_once_when_it_is_answered() {
        let (tracer, sink) = tracer(1.0);
        let came = TraceContext::begin().below(SpanId([7; 8])).sampled(true);
        let request = RequestSpan::begin(&tracer, Some(came.clone()), head());
        request.keep();
        assert!(sink.0.lock().expect("no panic").is_empty());
        request.answered(Some(503), at(9));
        request.answered(Some(200), at(10));
        request.keep();
        let spans = std::mem::take(&mut *sink.0.lock().expect("no panic"));
        let [span] = &*spans else {
            unreachable!("{spans:?}");
        };
        assert_eq!((span.trace, span.parent), (came.trace, came.parent));
        assert_eq!((span.start, span.end), (at(5), at(9)));
        assert_eq!(span.name, "POST /webhooks/{flow}/{token}");
        assert_eq!(span.kind, SpanKind::Server);
        assert_eq!(span.has_remote_parent, Some(true));
        assert_eq!(span.status, SpanStatus::Error("503".into()));
    }

    #[test]
    fn one_that_is_wanted_later_is_sent_then_and_others_never() {
        let (tracer, sink) = tracer(0.0);
        let [never, later] = [(); 2].map(|()| RequestSpan::begin(&tracer, None, head()));
        never.answered(Some(200), at(6));
        later.answered(Some(422), at(1));
        assert!(sink.0.lock().expect("no panic").is_empty());
        later.keep();
        let spans = std::mem::take(&mut *sink.0.lock().expect("no panic"));
        assert_eq!(spans.len(), 1);
        assert_eq!((spans[0].start, spans[0].end), (at(5), at(5)));
        assert_eq!(spans[0].status, SpanStatus::Unset);
    }

    #[test]
    fn one_whose_client_went_says_so_and_no_status() {
        let (tracer, sink) = tracer(1.0);
        let request = RequestSpan::begin(&tracer, None, head());
        request.answered(None, at(9));
        request.answered(Some(200), at(10));
        let spans = std::mem::take(&mut *sink.0.lock().expect("no panic"));
        let names: Vec<_> = spans[0].attributes.iter().map(|one| &*one.0).collect();
        assert_eq!(names, ["http.request.method", "http.route", "error.type"]);
        assert_eq!(spans[0].status, SpanStatus::Error("disconnected".into()));
        assert_eq!(spans[0].has_remote_parent, Some(false));
    }

    #[test]
    fn where_nobody_traces_what_a_parent_decided_is_passed_on() {
        let came = TraceContext::begin().below(SpanId([7; 8])).sampled(true);
        let request = RequestSpan::begin(&Tracer::default(), Some(came.clone()), head());
        assert_eq!(request.context(), &came);
        request.answered(Some(200), at(6));
        assert!(!Tracer::default().keeps(&came, true));
    }
}
