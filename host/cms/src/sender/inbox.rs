//! Where data wait until the worker looks at them. A lock, held for as long as it takes to move them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::source::Source;
use crate::Datum;

/// How many sources wait here at most. The worker empties this at once, unless a disk holds it up.
const MAX_SOURCES: usize = 8;

#[derive(Debug)]
pub(super) struct Inbox {
    max: usize,
    held: Mutex<Held>,
    changed: Notify,
}

/// What came.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) data: VecDeque<Datum>,
    pub(super) sources: VecDeque<Source>,
    /// How long the worker may go on, if it shall not for ever.
    pub(super) closed: Option<Duration>,
}

impl Inbox {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            held: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Adds data; gives how many there was no room for.
    pub(super) fn add(&self, data: Vec<Datum>) -> usize {
        let mut held = self.lock();
        let room = match held.closed {
            None => self.max.saturating_sub(held.data.len()),
            Some(_) => 0,
        };
        let left_over = data.len().saturating_sub(room);
        held.data.extend(data.into_iter().take(room));
        drop(held);
        self.changed.notify_one();
        left_over
    }

    /// Adds a source, or gives it back.
    pub(super) fn add_source(&self, source: Source) -> Result<(), Source> {
        let mut held = self.lock();
        if held.closed.is_some() || held.sources.len() >= MAX_SOURCES {
            return Err(source);
        }
        held.sources.push_back(source);
        drop(held);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes no more, and has the worker end within `deadline`. The first deadline counts.
    pub(super) fn close(&self, deadline: Duration) {
        self.lock().closed.get_or_insert(deadline);
        self.changed.notify_one();
    }

    /// Everything.
    pub(super) fn take(&self) -> Held {
        let mut held = self.lock();
        let closed = held.closed;
        let taken = std::mem::take(&mut *held);
        held.closed = closed;
        taken
    }

    /// Resolves when something was added or it was closed since the last time.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
