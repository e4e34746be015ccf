//! Who decides which traces are recorded, and where their spans go.

use std::fmt;
use std::sync::Arc;

use super::{Span, SpanSink, TraceConfig, TraceContext};
use crate::own::{DROPPED, Own};

/// Who decides which traces are recorded, and where their spans go. By default nobody, and nowhere: requests and runs have
/// their traces' ids all the same.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Inner>>);

struct Inner {
    config: TraceConfig,
    sink: Arc<dyn SpanSink>,
    own: Own,
}

impl Tracer {
    /// One that gives spans to `sink`, and counts in `own` what it has to let go.
    pub fn new(config: TraceConfig, sink: Arc<dyn SpanSink>, own: Own) -> Self {
        Self(Some(Arc::new(Inner { config, sink, own })))
    }

    /// What is recorded; None: nothing is.
    pub fn config(&self) -> Option<&TraceConfig> {
        self.0.as_ref().map(|inner| &inner.config)
    }

    /// Goes on with a trace, or begins one, and decides whether it is recorded. Where nothing is, what a parent decided is
    /// passed on.
    pub fn decide(&self, came: Option<TraceContext>) -> TraceContext {
        let context = came.unwrap_or_else(TraceContext::begin);
        let Some(config) = self.config() else {
            return context;
        };
        let is_sampled = config.samples(&context);
        context.sampled(is_sampled)
    }

    /// Whether a run of this trace is recorded, now that it has ended.
    pub fn keeps(&self, context: &TraceContext, has_failed: bool) -> bool {
        self.config()
            .is_some_and(|config| context.is_sampled() || (config.keep_failed && has_failed))
    }

    /// Whether spans that are made now are dropped.
    pub fn is_full(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.sink.is_full())
    }

    /// Gives spans to where they go.
    pub fn take(&self, spans: Vec<Span>) {
        if let Some(inner) = self.0.as_ref().filter(|_| !spans.is_empty()) {
            inner.sink.take(spans);
        }
    }

    /// Counts runs that were to be recorded, and are not.
    pub fn let_go(&self, runs: u64) {
        if let Some(inner) = &self.0 {
            inner.own.add(DROPPED, "runs that were not traced", runs);
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tracer").field(&self.config()).finish()
    }
}
