//! Spans as a request.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind as Kind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as Told, Status};

use super::attributes::{self, nanoseconds};
use super::client::Request;
use super::config::Resource;
use crate::trace::{Span, SpanEvent, SpanKind, SpanStatus};

/// The flags that say whether a parent is of another process: that it is known, and that it is.
const KNOWN: u32 = 0x100;
const REMOTE: u32 = 0x200;

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
    let remote = match span.has_remote_parent {
        None => 0,
        Some(false) => KNOWN,
        Some(true) => KNOWN | REMOTE,
    };
    Told {
        trace_id: span.trace.0.to_vec(),
        span_id: span.id.0.to_vec(),
        parent_span_id: span
            .parent
            .map(|parent| parent.0.to_vec())
            .unwrap_or_default(),
        trace_state: span.state.as_deref().unwrap_or_default().to_owned(),
        flags: u32::from(span.flags) | remote,
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
