//! Where data wait until the worker looks at them. A lock, held for as long as it takes to move them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::Datum;

#[derive(Debug)]
pub(super) struct Inbox {
    max: usize,
    held: Mutex<Held>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Held {
    data: VecDeque<Datum>,
    /// How long the worker may go on.
    closed: Option<Duration>,
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

    /// Takes no more, and has the worker end within `deadline`. The first deadline counts.
    pub(super) fn close(&self, deadline: Duration) {
        self.lock().closed.get_or_insert(deadline);
        self.changed.notify_one();
    }

    /// Everything, and how long the worker may go on if it shall not for ever.
    pub(super) fn take(&self) -> (VecDeque<Datum>, Option<Duration>) {
        let mut held = self.lock();
        (std::mem::take(&mut held.data), held.closed)
    }

    /// Resolves when something was added or it was closed since the last time.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
