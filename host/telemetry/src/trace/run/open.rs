//! What has begun and not ended, while a run's spans are put together.

use std::time::SystemTime;

use lockgate_model::At;

use super::super::{AttributeValue, Attributes, Span, SpanEvent};

/// How many events a span has at most.
const MAX_EVENTS: usize = 128;

/// A node, or an element of it, that has begun.
pub(super) struct Open {
    /// None: there was no room for it.
    pub(super) span: Option<Span>,
    pub(super) call: Option<Call>,
    /// How many calls of it have begun.
    pub(super) calls: u32,
    pub(super) runs_flow: bool,
}

/// An attempt that goes on.
pub(super) struct Call {
    pub(super) span: Span,
    pub(super) log_lines: u64,
}

impl Call {
    /// Its span, but for its end.
    pub(super) fn finish(mut self) -> Span {
        if self.log_lines > 0 {
            push(&mut self.span, "lockgate.log_lines", self.log_lines);
        }
        self.span
    }
}

/// The way to what a node is within: of an element, its node; of a node of a sub-flow, the node that runs that. None: the
/// run.
pub(super) fn parent(at: &At) -> Option<String> {
    if at.index.is_some() {
        let index = None;
        return Some(
            At {
                index,
                ..at.clone()
            }
            .to_string(),
        );
    }
    (!at.within.is_empty()).then(|| at.within.to_string())
}

/// Says one more thing of a span.
pub(super) fn push(span: &mut Span, name: &'static str, value: impl Into<AttributeValue>) {
    span.attributes.push((name.into(), value.into()));
}

/// Adds an event to a span; 1 where it has as many as it may have.
pub(super) fn happened(
    span: &mut Span,
    name: &'static str,
    time: SystemTime,
    attributes: Attributes,
) -> u64 {
    if span.events.len() >= MAX_EVENTS {
        return 1;
    }
    span.events.push(SpanEvent {
        name: name.into(),
        time,
        attributes,
    });
    0
}
