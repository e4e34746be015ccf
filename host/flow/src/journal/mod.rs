//! The journal of a run, kept in memory: every event in its envelope, in order, for whoever follows the run now or reads
//! it later.
//!
//! Writing never waits, and who follows holds up nobody: parts that nobody has read yet are joined where they pile up,
//! and values are cut, with a mark, where they would make the journal too large. Events themselves are never left out.

mod cut;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lockgate_model::{Clock, EVENT_VERSION, Joiner, Journal, Recorded, RunEvent, Value};
use tokio::sync::watch;

use cut::Budget;
pub use cut::{CUT_MARK, MAX_JOURNAL_BYTES, MAX_VALUE_BYTES, document_bytes};

/// The largest part that others are joined to, in bytes.
const MAX_JOINED_BYTES: usize = 16 << 10;

/// How many parts are looked back over for one to join.
const MAX_LOOK_BACK: usize = 16;

/// How many events a follower takes at once.
const AT_ONCE: usize = 256;

/// The journal of one run.
pub struct RunJournal {
    run: Arc<str>,
    clock: Arc<dyn Clock>,
    log: Mutex<Log>,
    /// Counts events; tells followers that there are more.
    written: watch::Sender<u64>,
}

#[derive(Default)]
struct Log {
    events: Vec<Recorded>,
    /// So many of the events were read by somebody, and do not change any more.
    read: usize,
    budget: Budget,
}

/// Reads a journal while it is written. Any number can, each at its own pace.
pub struct Follower {
    journal: Arc<RunJournal>,
    /// The number of the last event that it read.
    seq: u64,
    written: watch::Receiver<u64>,
}

impl RunJournal {
    /// An empty journal of the run of this name.
    pub fn new(run: impl Into<Arc<str>>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            run: run.into(),
            clock,
            log: Mutex::default(),
            written: watch::Sender::new(0),
        })
    }

    /// Whether the run's end is written.
    pub fn is_over(&self) -> bool {
        is_end(self.log().events.last())
    }

    /// The events after the one with the number `seq`, all from 0 on, that were written until now; at most 256 of them.
    pub fn after(&self, seq: u64) -> Vec<Recorded> {
        let mut log = self.log();
        let from = usize::try_from(seq)
            .unwrap_or(usize::MAX)
            .min(log.events.len());
        let to = (from + AT_ONCE).min(log.events.len());
        log.read = log.read.max(to);
        log.events[from..to].to_vec()
    }

    /// All events that were written until now.
    pub fn all(&self) -> Vec<Recorded> {
        let mut log = self.log();
        log.read = log.events.len();
        log.events.clone()
    }

    /// Appends all events that were written until now to `out`, each as a line of JSON.
    ///
    /// # Errors
    ///
    /// Where an event cannot be written as JSON, which is a fault of this host.
    pub fn write_lines(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        // Writing takes as long as the journal is large, and whoever records or follows does not wait for it.
        for event in self.all() {
            serde_json::to_writer(&mut *out, &event)?;
            out.push(b'\n');
        }
        Ok(())
    }

    /// Whether a value was too large for the journal, and a mark stands in its place.
    pub fn is_cut(&self) -> bool {
        self.log().budget.has_cut()
    }

    /// Follows the journal from the event after the one with the number `seq`, from the first if that is 0.
    pub fn follow(self: &Arc<Self>, seq: u64) -> Follower {
        Follower {
            journal: Arc::clone(self),
            seq,
            written: self.written.subscribe(),
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for RunJournal {
    fn record(&self, event: RunEvent) {
        let mut log = self.log();
        let event = match log.join(event) {
            None => return, // those who wait were told of the event that it was joined to
            Some(event) => log.budget.cut(event),
        };
        let seq = log.events.len() as u64 + 1;
        log.events.push(Recorded {
            v: EVENT_VERSION,
            run: Arc::clone(&self.run),
            seq,
            time: self.clock.wall(),
            event: Arc::new(event),
        });
        drop(log);
        self.written.send_replace(seq);
    }
}

impl Log {
    /// Adds a part to one that nobody has read, if only parts came since; gives the event back otherwise.
    fn join(&mut self, event: RunEvent) -> Option<RunEvent> {
        let RunEvent::NodePart {
            at,
            attempt,
            port,
            part,
        } = &event
        else {
            return Some(event);
        };
        let unread = &mut self.events[self.read..];
        for recorded in unread.iter_mut().rev().take(MAX_LOOK_BACK) {
            let RunEvent::NodePart {
                at: of,
                attempt: in_attempt,
                port: on,
                part: before,
            } = &*recorded.event
            else {
                break;
            };
            if (of, in_attempt, on) != (at, attempt, port) {
                continue;
            }
            let Some(joined) = joined(before, part) else {
                break;
            };
            self.budget.spend(part.size());
            recorded.event = Arc::new(RunEvent::NodePart {
                at: at.clone(),
                attempt: *attempt,
                port: port.clone(),
                part: joined,
            });
            return None;
        }
        Some(event)
    }
}

fn is_end(last: Option<&Recorded>) -> bool {
    last.is_some_and(|last| matches!(*last.event, RunEvent::RunFinished { .. }))
}

/// Two parts as one: text and bytes, end to end. Documents stay apart: two of them would be a list, which one could be
/// too.
fn joined(before: &Value, part: &Value) -> Option<Value> {
    let is_small = before.size() + part.size() <= MAX_JOINED_BYTES;
    if !is_small || matches!(part, Value::Json(_)) {
        return None;
    }
    let mut joiner = Joiner::start(before.clone());
    joiner.push(part.clone()).ok()?;
    Some(joiner.finish())
}

impl Follower {
    /// The next events, at least one; None when the run is over and all were read, or the journal is gone.
    pub async fn next(&mut self) -> Option<Vec<Recorded>> {
        loop {
            let is_over = self.seq > 0 && self.has_ended();
            let seq = self.seq;
            let events = self.journal.after(seq);
            if let Some(last) = events.last() {
                self.seq = last.seq;
                return Some(events);
            }
            if is_over {
                return None;
            }
            self.written.wait_for(|written| *written > seq).await.ok()?;
        }
    }

    fn has_ended(&self) -> bool {
        let log = self.journal.log();
        let last = log.events.get(
            usize::try_from(self.seq)
                .unwrap_or(usize::MAX)
                .wrapping_sub(1),
        );
        is_end(last)
    }
}

impl fmt::Debug for RunJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunJournal")
            .field("run", &self.run)
            .field("events", &self.log().events.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower")
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
