//! Traces of the runs that are sampled: what a span is, and who takes finished ones.

mod span;

pub use span::{
    AttributeValue, Attributes, Span, SpanEvent, SpanId, SpanKind, SpanSink, SpanStatus, TraceId,
};
