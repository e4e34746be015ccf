//! Queues to receivers: whoever hands something over does not wait, and nothing is let go in silence.
//!
//! Each receiver has a line of its own, so that one that hangs holds up no other. A notice stays in its line until it was
//! delivered; what is not when a host stops is kept with the rules' state. A receiver that is slow, or takes only so
//! many messages, gets what has come together meanwhile as one.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use lockgate_model::{Clock, Kebab};
use tokio::sync::Notify;

use super::{Receiver, Receivers, SendError};
use crate::alerts::message::Notice;
use crate::{DROPPED, Own};

/// How many notices wait for one receiver.
const MOST_WAITING: usize = 256;

/// The most notices in one message.
const MOST_TOGETHER: usize = 64;

/// How many messages are kept back, so that what comes last in a busy minute still goes out in it.
const KEPT_BACK: usize = 2;

/// How often a message is tried: with the pauses, for about half an hour.
const ATTEMPTS: u32 = 35;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const MINUTE: Duration = Duration::from_secs(60);

/// All lines.
pub(in crate::alerts) struct Courier {
    lines: Vec<Line>,
    own: Own,
}

struct Line {
    name: Kebab,
    receiver: Arc<dyn Receiver>,
    clock: Arc<dyn Clock>,
    own: Own,
    came: Notify,
    waiting: Mutex<Waiting>,
    // One message at a time.
    sending: tokio::sync::Mutex<Sent>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    notices: VecDeque<(u64, Notice)>,
    /// Notices that there was no room for, of which the receiver was not told.
    lost: u64,
    is_changed: bool,
}

/// When messages were sent in the last minute, by the clock that never goes back.
type Sent = VecDeque<Duration>;

impl Courier {
    pub(in crate::alerts) fn new(receivers: Receivers, clock: Arc<dyn Clock>, own: Own) -> Self {
        let line = |(name, receiver): (Kebab, Arc<dyn Receiver>)| {
            // Nobody knows what a host before this one sent in this minute.
            let before = receiver.a_minute().unwrap_or_default() / 2;
            let sent = std::iter::repeat_n(clock.now(), before).collect();
            Line {
                name,
                receiver,
                clock: Arc::clone(&clock),
                own: own.clone(),
                came: Notify::new(),
                waiting: Mutex::default(),
                sending: tokio::sync::Mutex::new(sent),
            }
        };
        Self {
            lines: receivers.into_iter().map(line).collect(),
            own,
        }
    }

    /// Puts a notice into the lines of receivers.
    pub(in crate::alerts) fn hand_over(&self, to: &[Kebab], notice: &Notice) {
        for line in self.lines.iter().filter(|line| to.contains(&line.name)) {
            line.push(notice.clone());
        }
    }

    /// Puts in again what a host before this one did not deliver. What is for nobody any more is let go, and counted.
    pub(in crate::alerts) fn take_up(&self, waiting: BTreeMap<String, Vec<Notice>>) {
        for (name, notices) in waiting {
            let line = self.lines.iter().find(|line| line.name.as_str() == name);
            for notice in notices {
                match line {
                    Some(line) => line.push(notice),
                    None => self.own.add(DROPPED, "alerts: a receiver is gone", 1),
                }
            }
        }
    }

    /// What is not delivered yet.
    pub(in crate::alerts) fn waiting(&self) -> BTreeMap<String, Vec<Notice>> {
        let line = |line: &Line| {
            let waiting = line.waiting();
            let notices = waiting.notices.iter().map(|(_, notice)| notice.clone());
            (line.name.to_string(), notices.collect())
        };
        let lines = self.lines.iter().map(line);
        lines
            .filter(|(_, notices): &(_, Vec<_>)| !notices.is_empty())
            .collect()
    }

    /// Whether what waits is not what it was when this was last asked.
    pub(in crate::alerts) fn take_changed(&self) -> bool {
        let taken = |line: &Line| std::mem::take(&mut line.waiting().is_changed);
        self.lines
            .iter()
            .map(taken)
            .fold(false, |any, one| any | one)
    }

    /// Delivers, for ever.
    pub(in crate::alerts) async fn work(&self) {
        join_all(self.lines.iter().map(|line| Box::pin(line.work()))).await;
    }

    /// Delivers until nothing waits.
    pub(in crate::alerts) async fn finish(&self) {
        join_all(self.lines.iter().map(|line| Box::pin(line.finish()))).await;
    }
}

impl Line {
    fn push(&self, notice: Notice) {
        {
            let mut waiting = self.waiting();
            if waiting.notices.len() >= MOST_WAITING {
                waiting.notices.pop_front();
                waiting.lost += 1;
                let reason = format!("alerts: the line to {} is full", self.name);
                self.own.add(DROPPED, &reason, 1);
            }
            let number = waiting.next;
            waiting.next += 1;
            waiting.notices.push_back((number, notice));
            waiting.is_changed = true;
        }
        self.came.notify_one();
    }

    async fn work(&self) {
        loop {
            self.finish().await;
            self.came.notified().await;
        }
    }

    async fn finish(&self) {
        while !self.waiting().notices.is_empty() {
            self.message().await;
        }
    }

    /// Sends one message, with what waits when it may be sent.
    async fn message(&self) {
        let mut sent = self.sending.lock().await;
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS {
            let together = self.turn(&mut sent).await;
            let (numbers, notices, lost) =
                self.take(if attempt > 1 { MOST_TOGETHER } else { together });
            if notices.is_empty() {
                return;
            }
            let outcome = self.receiver.send(&notices, lost, self.clock.wall()).await;
            let last = numbers.last().copied().unwrap_or_default();
            match outcome {
                Ok(()) => return self.delivered(last, lost),
                Err(SendError::Refused(error)) => return self.give_up(last, lost, &error),
                Err(error) if attempt == ATTEMPTS => {
                    return self.give_up(last, lost, &error.to_string());
                }
                Err(SendError::TooMany(after)) => self.clock.sleep(after).await,
                Err(SendError::Failed(error)) => {
                    let (receiver, wait_s) = (&self.name, pause.as_secs());
                    tracing::warn!(%receiver, attempt, wait_s, %error, "an alert was not delivered yet");
                    self.clock.sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Waits until a message may be sent, and says how many notices belong in it: one while there is room for more
    /// messages, and all that wait where it becomes scarce.
    async fn turn(&self, sent: &mut Sent) -> usize {
        let Some(most) = self.receiver.a_minute() else {
            return MOST_TOGETHER;
        };
        let most = most.max(1);
        loop {
            let now = self.clock.now();
            while sent
                .pop_front_if(|at| now.saturating_sub(*at) >= MINUTE)
                .is_some()
            {}
            if sent.len() < most {
                sent.push_back(now);
                let is_scarce = sent.len() + KEPT_BACK > most;
                return if is_scarce { MOST_TOGETHER } else { 1 };
            }
            let oldest = sent.front().copied().unwrap_or(now);
            let wait = (oldest + MINUTE).saturating_sub(now);
            self.clock.sleep(wait).await;
        }
    }

    fn take(&self, most: usize) -> (Vec<u64>, Vec<Notice>, u64) {
        let waiting = self.waiting();
        let first = waiting.notices.iter().take(most);
        let (numbers, notices) = first.cloned().unzip();
        (numbers, notices, waiting.lost)
    }

    fn delivered(&self, last: u64, lost: u64) {
        let mut waiting = self.waiting();
        waiting.notices.retain(|(number, _)| *number > last);
        waiting.lost = waiting.lost.saturating_sub(lost);
        waiting.is_changed = true;
    }

    fn give_up(&self, last: u64, lost: u64, error: &str) {
        let receiver = &self.name;
        let mut waiting = self.waiting();
        let before = waiting.notices.len();
        waiting.notices.retain(|(number, _)| *number > last);
        let gone = (before - waiting.notices.len()) as u64;
        // The next message says so.
        waiting.lost += gone;
        waiting.is_changed = true;
        let reason = format!("alerts: {receiver} did not take it");
        self.own.add(DROPPED, &reason, gone);
        tracing::error!(%receiver, gone, lost, %error, "alerts were not delivered");
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.lines.iter().map(|line| &line.name))
            .finish()
    }
}

#[cfg(test)]
mod tests;
