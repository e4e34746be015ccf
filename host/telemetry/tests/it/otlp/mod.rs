//! What a receiver of OTLP is sent, and what becomes of it where the receiver is not as it should be.

mod faults;
mod metrics;
mod spans;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lockgate_telemetry::Own;
use lockgate_telemetry::otlp::{Otlp, OtlpConfig, Protocol, Retry};
use lockgate_telemetry::trace::{Span, SpanId, SpanKind, SpanStatus, TraceId};

use crate::counted::Counted;

const BOTH: [Protocol; 2] = [Protocol::Grpc, Protocol::Http];

/// What a receiver has to speak.
fn spoken(protocol: Protocol) -> lockgate_stand_ins::otlp::Protocol {
    match protocol {
        Protocol::Grpc => lockgate_stand_ins::otlp::Protocol::Grpc,
        Protocol::Http => lockgate_stand_ins::otlp::Protocol::Http,
    }
}

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3600);

/// Sends when it is closed, and asks again soon, but not for long.
fn config(endpoint: &str, protocol: Protocol) -> OtlpConfig {
    let mut config = OtlpConfig::new(endpoint, protocol);
    config.interval = LONG;
    config.spans.delay = LONG;
    config.retry = Retry {
        first: Duration::from_millis(1),
        longest: Duration::from_millis(10),
        within: Duration::from_millis(300),
    };
    config
}

/// Counts with an exporter that sends what they say.
fn started(config: OtlpConfig) -> (Counted, Arc<Otlp>) {
    let own = Own::default();
    let otlp = Arc::new(Otlp::new(config, own.clone()).expect("it fits"));
    let counted = Counted::new(own, vec![otlp.clone()]);
    otlp.start(&counted.collector);
    (counted, otlp)
}

fn span(number: u64) -> Span {
    Span {
        trace: TraceId([7; 16]),
        id: SpanId(number.to_be_bytes()),
        parent: None,
        has_remote_parent: Some(false),
        flags: 1,
        state: None,
        name: "node".into(),
        kind: SpanKind::Internal,
        start: SystemTime::UNIX_EPOCH,
        end: SystemTime::UNIX_EPOCH,
        attributes: Vec::new(),
        events: Vec::new(),
        status: SpanStatus::Unset,
    }
}

/// What was dropped, by reason.
fn dropped(own: &Own, reason: &str) -> u64 {
    let counts = own.all();
    let counts = counts
        .iter()
        .filter(|count| count.reason.starts_with(reason));
    counts.map(|count| count.total).sum()
}

/// Waits until so many were dropped for this reason.
async fn until_dropped(own: &Own, reason: &str, count: u64) {
    let waited = async {
        while dropped(own, reason) < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waited).await;
    waited.unwrap_or_else(|_| assert_eq!(own.all(), [], "{count} {reason}"));
}
