//! Spans, held against what was given.

use std::time::{Duration, SystemTime};

use lockgate_stand_ins::otlp::{Receiver, State};
use lockgate_telemetry::trace::{
    AttributeValue, Span, SpanEvent, SpanId, SpanKind, SpanSink as _, SpanStatus,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::{BOTH, LONG, config, dropped, span, spoken, started};

fn received(state: &State) -> Vec<&opentelemetry_proto::tonic::trace::v1::Span> {
    state
        .spans
        .iter()
        .flat_map(|request| &request.resource_spans)
        .flat_map(|resource| &resource.scope_spans)
        .flat_map(|scope| &scope.spans)
        .collect()
}

#[tokio::test]
async fn spans_arrive_as_they_were() {
    let time = |nanoseconds| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds);
    for protocol in BOTH {
        let receiver = Receiver::start(spoken(protocol), &[]).await;
        let (counted, otlp) = started(config(&receiver.endpoint, protocol));
        let root = Span {
            kind: SpanKind::Server,
            ..span(1)
        };
        let node = Span {
            parent: Some(SpanId([9; 8])),
            has_remote_parent: Some(true),
            flags: 3,
            state: Some("ot=th:c,congo=t61rcWkgMzE".into()),
            start: time(1_800_000_000_000_000_001),
            end: time(1_800_000_000_000_000_003),
            attributes: vec![
                ("lockgate.node".into(), AttributeValue::from("a")),
                ("fuel".into(), AttributeValue::Int(-1)),
                ("cost".into(), AttributeValue::Real(0.5)),
                ("cached".into(), AttributeValue::Bool(true)),
                (
                    "labels".into(),
                    AttributeValue::Texts(vec!["x".into(), "y".into()]),
                ),
            ],
            events: vec![SpanEvent {
                name: "retry".into(),
                time: time(1_800_000_000_000_000_002),
                attributes: vec![("attempt".into(), AttributeValue::Int(2))],
            }],
            status: SpanStatus::Error("no".into()),
            ..span(2)
        };
        otlp.take(vec![root, node]);
        counted.close(LONG).await;
        let state = receiver.state();
        let spans = received(&state);
        assert_eq!(spans.len(), 2);
        let (root, node) = (spans[0], spans[1]);
        assert_eq!((root.kind, node.kind), (2, 1));
        assert!(root.parent_span_id.is_empty());
        assert_eq!(root.status.as_ref().map(|status| status.code), Some(0));
        assert_eq!(node.trace_id, [7; 16]);
        assert_eq!(node.span_id, 2_u64.to_be_bytes());
        assert_eq!(node.parent_span_id, [9; 8]);
        assert_eq!((root.flags, node.flags), (0x101, 0x303));
        assert_eq!(
            (&*root.trace_state, &*node.trace_state),
            ("", "ot=th:c,congo=t61rcWkgMzE")
        );
        assert_eq!(node.start_time_unix_nano, 1_800_000_000_000_000_001);
        assert_eq!(node.end_time_unix_nano, 1_800_000_000_000_000_003);
        let values: Vec<_> = node
            .attributes
            .iter()
            .map(|attribute| attribute.value.clone().and_then(|any| any.value))
            .collect();
        assert_eq!(values[0], Some(Value::StringValue("a".into())));
        assert_eq!(values[1], Some(Value::IntValue(-1)));
        assert_eq!(values[2], Some(Value::DoubleValue(0.5)));
        assert_eq!(values[3], Some(Value::BoolValue(true)));
        let array = match &values[4] {
            Some(Value::ArrayValue(array)) => array.values.len(),
            _ => 0,
        };
        assert_eq!(array, 2);
        assert_eq!(
            (&*node.events[0].name, node.events[0].attributes.len()),
            ("retry", 1)
        );
        let status = node.status.as_ref().expect("a status");
        assert_eq!((status.code, &*status.message), (2, "no"));
        let resource = state.spans[0].resource_spans[0].resource.as_ref();
        assert_eq!(
            resource.expect("a resource").attributes[0].key,
            "service.name"
        );
        assert_eq!(dropped(&counted.own, ""), 0);
    }
}

#[tokio::test]
async fn full_batches_do_not_wait_and_the_rest_comes_at_the_end() {
    for protocol in BOTH {
        let receiver = Receiver::start(spoken(protocol), &[]).await;
        let mut config = config(&receiver.endpoint, protocol);
        config.spans.batch = 10;
        let (counted, otlp) = started(config);
        otlp.take((0..25).map(span).collect());
        receiver.until(|state| state.spans.len() == 2).await;
        assert_eq!(received(&receiver.state()).len(), 20);
        counted.close(LONG).await;
        let state = receiver.state();
        let ids: Vec<_> = received(&state)
            .iter()
            .map(|span| span.span_id.clone())
            .collect();
        let expected: Vec<_> = (0..25_u64).map(|id| id.to_be_bytes().to_vec()).collect();
        assert_eq!(ids, expected);
        // What comes after the end is counted.
        drop(state);
        otlp.take(vec![span(26)]);
        assert_eq!(dropped(&counted.own, "otlp traces: closed"), 1);
    }
}
