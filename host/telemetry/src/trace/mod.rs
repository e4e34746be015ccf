//! Traces of the runs that are recorded.
//!
//! Spans are made from a run's journal when the run has ended: its events have all that spans say. So a run that is not
//! recorded costs nothing, one that is costs nothing while it goes on, and whether it failed is known when that is decided.
//! The trace's id, and what decides about it, are with the run from its beginning ([`TraceContext`]).
//!
//! Belongs here: what a span is, what spans say of runs and requests, which are recorded. Does not belong here: where they
//! go ([`SpanSink`]).

mod context;
mod request;
mod run;
mod sampler;
mod span;
mod tracer;

pub use context::{TRACEPARENT, TRACESTATE, TraceContext};
pub use lockgate_model::TraceId;
pub use request::{RequestHead, RequestSpan};
pub use run::{RunFacts, run_spans};
pub use sampler::TraceConfig;
pub use span::{
    AttributeValue, Attributes, Span, SpanEvent, SpanId, SpanKind, SpanSink, SpanStatus,
};
pub use tracer::Tracer;
