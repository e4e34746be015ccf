//! Spans as a request.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind as Kind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as Told, Status};

use super::attributes::{self, nanoseconds};
use super::client::Request;
use super::config::Resource;
use crate::trace::{Span, SpanEvent, SpanKind, SpanStatus};

/// The flag of W3C's trace context that says that a trace is sampled: others are not sent.
const SAMPLED: u32 = 1;

/// All of them, from this sender.
pub(super) fn request(spans: Vec<Span>, resource: &Resource) -> Request {
    Request::Spans(ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(attributes::sender(resource)),
            scope_spans: vec![ScopeSpans {
                scope: Some(attributes::scope()),
                spans: spans.into_iter().map(span).collect(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    })
}

fn span(span: Span) -> Told {
    let kind = match span.kind {
        SpanKind::Internal => Kind::Internal,
        SpanKind::Server => Kind::Server,
        SpanKind::Client => Kind::Client,
        SpanKind::Consumer => Kind::Consumer,
    };
    let status = match span.status {
        SpanStatus::Unset => Status::default(),
        SpanStatus::Error(message) => Status {
            code: StatusCode::Error.into(),
            message,
        },
    };
    Told {
        trace_id: span.trace.0.to_vec(),
        span_id: span.id.0.to_vec(),
        parent_span_id: span
            .parent
            .map(|parent| parent.0.to_vec())
            .unwrap_or_default(),
        flags: SAMPLED,
        name: span.name,
        kind: kind.into(),
        start_time_unix_nano: nanoseconds(span.start),
        end_time_unix_nano: nanoseconds(span.end),
        attributes: attributes::of(span.attributes),
        events: span.events.into_iter().map(event).collect(),
        status: Some(status),
        ..Told::default()
    }
}

fn event(event: SpanEvent) -> Event {
    Event {
        time_unix_nano: nanoseconds(event.time),
        name: event.name.into_owned(),
        attributes: attributes::of(event.attributes),
        dropped_attributes_count: 0,
    }
}
