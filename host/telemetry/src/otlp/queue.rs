//! Spans that wait to be sent: so many, and with so many bytes, that they never cost the host more.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::config::SpanQueue;
use crate::own::{DROPPED, Own};
use crate::trace::{AttributeValue, Attributes, Span, SpanStatus};

const FULL: &str = "otlp traces: queue full";
const CLOSED: &str = "otlp traces: closed";

/// The most bytes that are sent at once, about: receivers read 4 MiB unless they are told otherwise.
const BATCH_BYTES: usize = 2 << 20;

/// What a span has beside its texts, at most, in memory as in a message.
const SPAN_BYTES: usize = 256;

/// The same of an attribute or an event.
const PART_BYTES: usize = 64;

/// Spans that wait.
#[derive(Debug)]
pub(super) struct Queue {
    config: SpanQueue,
    own: Own,
    held: Mutex<Held>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Held {
    /// Each with its bytes.
    spans: VecDeque<(Span, usize)>,
    bytes: usize,
    /// Whether spans did not fit since some were last taken out: a few may, and those of a whole run hardly.
    is_out_of_bytes: bool,
    is_closed: bool,
}

impl Queue {
    pub(super) fn new(config: SpanQueue, own: Own) -> Self {
        Self {
            config,
            own,
            held: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Whether there is no room for spans, by their number or by their bytes.
    pub(super) fn is_full(&self) -> bool {
        let held = self.held();
        held.spans.len() >= self.config.most || held.is_out_of_bytes
    }

    /// Takes spans, as far as there is room. It does not wait.
    pub(super) fn put(&self, spans: Vec<Span>) {
        let mut dropped = 0;
        let mut held = self.held();
        let reason = if held.is_closed { CLOSED } else { FULL };
        for span in spans {
            let bytes = weight(&span);
            let is_out_of_bytes = held.bytes + bytes > self.config.bytes;
            // One that would not fit into an empty queue says nothing of the next.
            held.is_out_of_bytes |= is_out_of_bytes && !held.spans.is_empty();
            if held.spans.len() >= self.config.most || is_out_of_bytes || held.is_closed {
                dropped += 1;
                continue;
            }
            held.bytes += bytes;
            held.spans.push_back((span, bytes));
        }
        let is_batch = self.has_batch(&held);
        drop(held);
        if is_batch {
            self.changed.notify_one();
        }
        if dropped > 0 {
            self.own.add(DROPPED, reason, dropped);
        }
    }

    /// The next spans to send: as soon as they fill a batch, and else after a while. None: it is closed, and empty.
    pub(super) async fn next(&self) -> Option<Vec<Span>> {
        let mut due = Instant::now() + self.config.delay;
        loop {
            let is_due = tokio::select! {
                biased;
                () = self.changed.notified() => false,
                () = sleep_until(due) => true,
            };
            let mut held = self.held();
            if is_due || held.is_closed || self.has_batch(&held) {
                let batch = self.batch(&mut held);
                let is_end = held.is_closed && batch.is_empty();
                // There may be more than one batch, and nobody tells of the second again.
                if held.is_closed || self.has_batch(&held) {
                    self.changed.notify_one();
                }
                if is_end {
                    return None;
                }
                if !batch.is_empty() {
                    return Some(batch);
                }
                due = Instant::now() + self.config.delay;
            }
        }
    }

    /// Takes no more spans, and has those that wait sent at once.
    pub(super) fn close(&self) {
        self.held().is_closed = true;
        self.changed.notify_one();
    }

    /// Lets go of what is left.
    pub(super) fn give_up(&self) {
        let left = std::mem::take(&mut self.held().spans).len();
        if left > 0 {
            self.own.add(DROPPED, CLOSED, left as u64);
        }
    }

    fn has_batch(&self, held: &Held) -> bool {
        held.spans.len() >= self.config.batch || held.bytes >= BATCH_BYTES
    }

    fn batch(&self, held: &mut Held) -> Vec<Span> {
        let mut batch = Vec::new();
        let mut room = BATCH_BYTES;
        held.is_out_of_bytes = false;
        while batch.len() < self.config.batch {
            // One that is larger than a batch is one by itself.
            let fits = |(_, bytes): &(Span, usize)| *bytes <= room || batch.is_empty();
            let Some((span, bytes)) = held.spans.pop_front_if(|next| fits(next)) else {
                break;
            };
            held.bytes -= bytes;
            room = room.saturating_sub(bytes);
            batch.push(span);
        }
        batch
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// About how many bytes a span has.
fn weight(span: &Span) -> usize {
    let events = span.events.iter();
    let events = events.map(|event| PART_BYTES + event.name.len() + attributes(&event.attributes));
    let status = match &span.status {
        SpanStatus::Unset => 0,
        SpanStatus::Error(message) => message.len(),
    };
    let state = span.state.as_deref().map_or(0, str::len);
    SPAN_BYTES
        + span.name.len()
        + state
        + status
        + attributes(&span.attributes)
        + events.sum::<usize>()
}

fn attributes(attributes: &Attributes) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::Text(text) => text.len(),
        AttributeValue::Texts(texts) => texts.iter().map(|text| PART_BYTES + text.len()).sum(),
        AttributeValue::Int(_) | AttributeValue::Real(_) | AttributeValue::Bool(_) => 0,
    };
    let bytes = attributes
        .iter()
        .map(|(name, one)| PART_BYTES + name.len() + value(one));
    bytes.sum()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::trace::{SpanId, SpanKind, TraceId};

    const CONFIG: SpanQueue = SpanQueue {
        most: 5,
        bytes: 1 << 20,
        batch: 2,
        delay: Duration::from_secs(3600),
    };

    fn span(name: &str) -> Span {
        Span {
            trace: TraceId([1; 16]),
            id: SpanId([1; 8]),
            parent: None,
            has_remote_parent: None,
            flags: 0,
            state: None,
            name: name.into(),
            kind: SpanKind::Internal,
            start: SystemTime::UNIX_EPOCH,
            end: SystemTime::UNIX_EPOCH,
            attributes: Vec::new(),
            events: Vec::new(),
            status: SpanStatus::Unset,
        }
    }

    fn names(batch: Option<Vec<Span>>) -> Vec<String> {
        let batch = batch.expect("it is not closed");
        batch.into_iter().map(|span| span.name).collect()
    }

    fn dropped(own: &Own) -> Vec<(String, u64)> {
        let counts = own.all().into_iter();
        counts
            .map(|count| (count.reason.to_string(), count.total))
            .collect()
    }

    #[tokio::test]
    async fn batches_leave_when_they_are_full_or_it_is_closed() {
        let queue = Queue::new(CONFIG, Own::default());
        queue.put(["a", "b", "c", "d", "e"].map(span).into());
        assert_eq!(names(queue.next().await), ["a", "b"]);
        assert_eq!(names(queue.next().await), ["c", "d"]);
        queue.close();
        queue.put(vec![span("f")]);
        assert_eq!(names(queue.next().await), ["e"]);
        assert_eq!(queue.next().await, None);
    }

    #[tokio::test]
    async fn a_batch_that_is_not_full_leaves_after_a_while() {
        let delay = Duration::from_millis(1);
        let queue = Queue::new(SpanQueue { delay, ..CONFIG }, Own::default());
        queue.put(vec![span("a")]);
        assert_eq!(names(queue.next().await), ["a"]);
    }

    #[tokio::test]
    async fn what_does_not_fit_is_counted() {
        let own = Own::default();
        let queue = Queue::new(CONFIG, own.clone());
        queue.put(vec![span("a"); 7]);
        assert_eq!(dropped(&own), [(FULL.to_owned(), 2)]);
        assert_eq!(names(queue.next().await), ["a", "a"]);
        queue.put(vec![span(&"x".repeat(1 << 20)), span("b")]);
        assert_eq!(dropped(&own), [(FULL.to_owned(), 3)]);
        queue.close();
        queue.put(vec![span("c")]);
        queue.give_up();
        assert_eq!(
            dropped(&own),
            [(CLOSED.to_owned(), 5), (FULL.to_owned(), 3)]
        );
    }

    #[tokio::test]
    async fn it_is_full_of_spans_or_of_bytes() {
        let queue = Queue::new(CONFIG, Own::default());
        queue.put(["a", "b", "c", "d"].map(span).into());
        assert!(!queue.is_full());
        queue.put(vec![span("e")]);
        assert!(queue.is_full());
        let queue = Queue::new(CONFIG, Own::default());
        let half = || vec![span(&"x".repeat(1 << 19))];
        queue.put(half());
        assert!(!queue.is_full());
        queue.put(half());
        assert!(queue.is_full(), "the second one did not fit");
        queue.close();
        assert_eq!(names(queue.next().await).len(), 1);
        assert!(!queue.is_full());
        // One that never fits does not keep others out.
        let queue = Queue::new(CONFIG, Own::default());
        queue.put(vec![span(&"x".repeat(1 << 20))]);
        assert!(!queue.is_full());
    }

    #[tokio::test]
    async fn a_batch_has_few_enough_bytes() {
        let config = SpanQueue {
            bytes: 100 << 20,
            batch: 100,
            ..CONFIG
        };
        let queue = Queue::new(config, Own::default());
        let large = |bytes: usize| span(&"x".repeat(bytes));
        queue.put(vec![
            large(BATCH_BYTES / 2),
            large(BATCH_BYTES / 2),
            large(2 * BATCH_BYTES),
        ]);
        for _ in 0..3 {
            assert_eq!(names(queue.next().await).len(), 1);
        }
    }
}
