//! What spans say of runs and nodes: names, and how much of a value.

use std::io::{self, Write};

use lockgate_model::{CallError, Ident, NodeReceipt, Recorded, Usage, Value, escaped};
use serde::Serialize;

use super::super::{Attributes, Span, SpanStatus};
use super::RunFacts;
use crate::models::name;
use crate::names::GEN_AI_OPERATION;

/// The longest value of a label, in bytes.
const MAX_LABEL_BYTES: usize = 256;

/// The longest text of a user or a node, in bytes, where such are asked for.
const MAX_CONTENT_BYTES: usize = 8 << 10;

/// What is known of a run from its beginning.
pub(super) fn known(facts: &RunFacts, first: &Recorded) -> Attributes {
    let mut known: Attributes = vec![
        ("lockgate.run".into(), (&*first.run).into()),
        ("lockgate.project".into(), facts.project.as_str().into()),
        ("lockgate.trigger".into(), (&*facts.trigger).into()),
    ];
    let mut say = |name: &'static str, value: Option<String>| {
        known.extend(value.map(|value| (name.into(), value.into())));
    };
    say(
        "lockgate.flow",
        facts.flow.as_ref().map(ToString::to_string),
    );
    say("lockgate.parent", facts.parent.clone());
    say("lockgate.batch", facts.batch.clone());
    let waited = first.time.duration_since(facts.asked_at);
    let waited = waited.map_or(0, |waited| waited.as_millis());
    let waited = u64::try_from(waited).unwrap_or(u64::MAX);
    for (name, number) in [
        ("lockgate.flow_version", facts.version.map(u64::from)),
        ("lockgate.lock_revision", facts.revision.map(u64::from)),
        ("lockgate.queue.wait_ms", facts.queued.then_some(waited)),
        (
            "lockgate.queue.lost_attempts",
            facts.queued.then_some(facts.lost_attempts.into()),
        ),
    ] {
        known.extend(number.map(|number| (name.into(), number.into())));
    }
    known
}

/// What all calls of a node used, by the names of its receipt.
pub(super) fn receipt(attributes: &mut Attributes, receipt: &NodeReceipt) {
    let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let calls = &receipt.calls;
    for (name, value) in [
        ("lockgate.attempts", u64::from(receipt.attempts)),
        ("lockgate.cache_hits", receipt.cache_hits.into()),
        ("lockgate.queue_us", micros(calls.queue)),
        ("lockgate.instantiate_us", micros(calls.instantiate)),
        ("lockgate.guest_us", micros(calls.guest)),
        ("lockgate.host_wait_us", micros(calls.host_wait)),
        ("lockgate.check_us", micros(calls.check)),
        ("lockgate.fuel", calls.fuel),
        ("lockgate.memory_bytes", calls.memory_bytes),
        ("lockgate.copied_bytes", calls.copied_bytes),
        ("lockgate.log_bytes", calls.log_bytes),
        ("lockgate.input_bytes", calls.input_bytes),
        ("lockgate.output_bytes", calls.output_bytes),
    ] {
        attributes.push((name.into(), value.into()));
    }
}

/// What a model service counted for a call, as OpenTelemetry's GenAI conventions say it. Gives the span's name.
pub(super) fn model(attributes: &mut Attributes, usage: &Usage) -> String {
    let (provider, model) = (name(&usage.provider), name(&usage.model));
    attributes.push(("gen_ai.operation.name".into(), GEN_AI_OPERATION.into()));
    attributes.push(("gen_ai.provider.name".into(), (&*provider).into()));
    attributes.push(("gen_ai.request.model".into(), (&*model).into()));
    let cached = usage.cached_tokens;
    for (name, tokens) in [
        ("gen_ai.usage.input_tokens", Some(usage.input_tokens)),
        ("gen_ai.usage.output_tokens", Some(usage.output_tokens)),
        ("gen_ai.usage.cache_read.input_tokens", cached),
    ] {
        attributes.extend(tokens.map(|tokens| (name.into(), tokens.into())));
    }
    format!("{GEN_AI_OPERATION} {model}")
}

/// The tokens of several calls together. Not by the conventions' names, because whoever sums those would count them twice.
pub(super) fn tokens(attributes: &mut Attributes, usage: &Usage) {
    attributes.push(("lockgate.input_tokens".into(), usage.input_tokens.into()));
    attributes.push(("lockgate.output_tokens".into(), usage.output_tokens.into()));
}

/// What the flow's labels were.
pub(super) fn labels(attributes: &mut Attributes, labels: &[(Ident, Value)]) {
    for (name, value) in labels {
        let text = match value {
            Value::Text(text) => cut(escaped(text), MAX_LABEL_BYTES),
            value => json(value, MAX_LABEL_BYTES),
        };
        attributes.push((format!("lockgate.label.{name}").into(), text.into()));
    }
}

/// Says that a call failed. The message may hold a node's own text.
pub(super) fn failed(span: &mut Span, error: &CallError, content: bool) {
    let message = content.then(|| error.message());
    broken(span, error.kind(), message.as_deref());
}

/// Says that something failed, of what sort, and, if it is given, why.
pub(super) fn broken(span: &mut Span, kind: &str, message: Option<&str>) {
    span.attributes.push(("error.type".into(), kind.into()));
    span.status = SpanStatus::Error(match message {
        Some(message) => cut(escaped(&format!("{kind}: {message}")), MAX_CONTENT_BYTES),
        None => kind.to_owned(),
    });
}

/// A line of a log.
pub(super) fn line(text: &str) -> String {
    cut(escaped(text), MAX_CONTENT_BYTES)
}

/// The values of ports, as an object.
pub(super) fn ports(values: &[(Ident, Value)]) -> String {
    let mut text = Bounded::new(MAX_CONTENT_BYTES);
    let mut comma = "{";
    for (name, value) in values {
        // Nothing more is written once it is full, which is the only way to fail.
        let written = write!(text, "{comma}\"{name}\":").and_then(|()| text.json(value));
        if written.is_err() {
            break;
        }
        comma = ",";
    }
    let _ = text.write_all(if values.is_empty() { b"{}" } else { b"}" });
    text.finish()
}

/// A document.
pub(super) fn document(value: &impl Serialize) -> String {
    json(value, MAX_CONTENT_BYTES)
}

fn json(value: &impl Serialize, most: usize) -> String {
    let mut text = Bounded::new(most);
    let _ = text.json(value); // full, or no JSON: what there is
    text.finish()
}

fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most - '…'.len_utf8()));
        text.push('…');
    }
    text
}

/// Takes so many bytes, and fails then: a value of a megabyte is not written to be thrown away.
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl Bounded {
    fn new(most: usize) -> Self {
        Self {
            bytes: Vec::new(),
            most,
        }
    }

    fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(self, value).map_err(io::Error::from)
    }

    fn finish(self) -> String {
        cut(escaped(&String::from_utf8_lossy(&self.bytes)), self.most)
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A byte more than fits, so that what was cut is seen to be.
        let room = (self.most + 1).saturating_sub(self.bytes.len());
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = room.min(bytes.len());
        self.bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
