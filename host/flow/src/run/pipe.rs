//! A pipe: parts travel from the node that makes them to one that reads them, and who makes them waits while who reads is
//! behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use lockgate_model::{Failure, FailureKind, PartReader, Value};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// How many parts a pipe holds.
const PARTS: usize = 16;

/// How many bytes of parts a pipe holds; one part may be larger, and is then alone in it.
const BYTES: u32 = 64 << 10;

/// What a part counts more than it has.
const PART_BYTES: usize = 64;

struct Part {
    value: Value,
    _room: OwnedSemaphorePermit,
}

/// How the producer ended.
type End = Option<Result<(), Failure>>;

/// A pipe's two ends.
pub(super) fn pipe() -> (Inlet, Outlet) {
    let (send, receive) = mpsc::channel(PARTS);
    let (say_end, end) = watch::channel(None);
    let inlet = Inlet {
        parts: send,
        room: Arc::new(Semaphore::new(BYTES as usize)),
        end: say_end,
        used: AtomicBool::new(false),
    };
    let source = Source {
        parts: receive,
        end,
        over: false,
    };
    let outlet = Outlet {
        source: Arc::new(Mutex::new(source)),
        read: Arc::new(AtomicBool::new(false)),
    };
    (inlet, outlet)
}

/// Where parts go in. Dropped before [`Inlet::finish`], its reader hears that the parts are not all.
pub(super) struct Inlet {
    parts: mpsc::Sender<Part>,
    room: Arc<Semaphore>,
    end: watch::Sender<End>,
    used: AtomicBool,
}

impl Inlet {
    /// Sends a part when there is room for it; false if nobody reads.
    pub(super) async fn send(&self, value: Value) -> bool {
        let bytes = u32::try_from(value.size() + PART_BYTES).unwrap_or(BYTES);
        let room = Arc::clone(&self.room);
        let admitted = tokio::select! {
            biased;
            () = self.parts.closed() => None,
            room = room.acquire_many_owned(bytes.min(BYTES)) => room.ok(),
        };
        let Some(room) = admitted else { return false };
        self.used.store(true, Ordering::Relaxed);
        let part = Part { value, _room: room };
        self.parts.send(part).await.is_ok()
    }

    /// Whether nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.parts.is_closed()
    }

    /// Whether a part went in.
    pub(super) fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Says that there are no more parts, or why there is not even what there should be. Nothing is sent after it.
    pub(super) fn finish(&self, end: Result<(), Failure>) {
        self.end.send_replace(Some(end));
    }
}

struct Source {
    parts: mpsc::Receiver<Part>,
    end: watch::Receiver<End>,
    over: bool,
}

/// Where parts come out. Dropping it says that nobody reads any more.
pub(super) struct Outlet {
    source: Arc<Mutex<Source>>,
    read: Arc<AtomicBool>,
}

impl Outlet {
    /// What one attempt at the reading node reads from.
    pub(super) fn reader(&self) -> Box<dyn PartReader> {
        Box::new(Reader {
            source: Arc::clone(&self.source),
            read: Arc::clone(&self.read),
        })
    }

    /// Whether an attempt took a part or learnt of the end: then the next would not find what this one found.
    pub(super) fn is_read(&self) -> bool {
        self.read.load(Ordering::Relaxed)
    }
}

struct Reader {
    source: Arc<Mutex<Source>>,
    read: Arc<AtomicBool>,
}

impl PartReader for Reader {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Value>, Failure>> {
        Box::pin(async {
            let mut source = self.source.lock().await;
            let next = source.next().await;
            self.read.store(true, Ordering::Relaxed);
            next
        })
    }
}

impl Source {
    async fn next(&mut self) -> Result<Vec<Value>, Failure> {
        if self.over {
            return Ok(Vec::new());
        }
        let mut parts = Vec::new();
        tokio::select! {
            biased;
            _ = self.parts.recv_many(&mut parts, PARTS) => {}
            // Whatever was sent before the end was said is here by now.
            _ = self.end.wait_for(Option::is_some) => {
                while parts.len() < PARTS && let Ok(part) = self.parts.try_recv() {
                    parts.push(part);
                }
            }
        }
        if !parts.is_empty() {
            return Ok(parts.into_iter().map(|part| part.value).collect());
        }
        self.over = true;
        match &*self.end.borrow() {
            Some(Ok(())) => Ok(Vec::new()),
            Some(Err(failure)) => Err(failure.clone()),
            None => Err(Failure::new(
                FailureKind::Internal,
                "the node that makes this input was ended before it was complete",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn text(size: usize) -> Value {
        Value::text("x".repeat(size))
    }

    #[tokio::test]
    async fn who_makes_parts_waits_for_who_reads_them() {
        let (inlet, outlet) = pipe();
        for _ in 0..PARTS {
            assert!(inlet.send(text(1)).await);
        }
        let mut more = Box::pin(inlet.send(text(1)));
        assert!((&mut more).now_or_never().is_none(), "so many parts fit");
        assert_eq!(
            outlet.reader().next().await.map(|parts| parts.len()),
            Ok(PARTS)
        );
        assert!(more.await);

        let (inlet, outlet) = pipe();
        assert!(
            inlet.send(text(BYTES as usize * 3)).await,
            "a large one is alone"
        );
        let mut more = Box::pin(inlet.send(text(1)));
        assert!((&mut more).now_or_never().is_none());
        assert_eq!(outlet.reader().next().await.map(|parts| parts.len()), Ok(1));
        assert!(more.await);
    }

    #[tokio::test]
    async fn the_end_is_told_after_the_last_part() {
        let failure = Failure::new(FailureKind::Upstream, "gone");
        for end in [Ok(()), Err(failure)] {
            let (inlet, outlet) = pipe();
            assert!(!outlet.is_read() && !inlet.is_used());
            assert!(inlet.send(text(1)).await && inlet.is_used());
            inlet.finish(end.clone());
            let mut reader = outlet.reader();
            assert_eq!(reader.next().await, Ok(vec![text(1)]));
            assert!(outlet.is_read());
            assert_eq!(reader.next().await, end.map(|()| vec![]));
            assert_eq!(reader.next().await, Ok(vec![]), "once");
        }
    }

    #[tokio::test]
    async fn a_producer_that_vanishes_is_no_end() {
        let (inlet, outlet) = pipe();
        drop(inlet);
        assert!(outlet.reader().next().await.is_err());
    }

    #[tokio::test]
    async fn nobody_waits_for_a_reader_that_is_gone() {
        let (inlet, outlet) = pipe();
        assert!(inlet.send(text(BYTES as usize)).await);
        let mut waiting = Box::pin(inlet.send(text(1)));
        assert!((&mut waiting).now_or_never().is_none());
        drop(outlet);
        assert!(!waiting.await);
        assert!(inlet.is_closed() && !inlet.send(text(1)).await);
    }
}
