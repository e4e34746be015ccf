//! Which minutes are over by a snapshot, and in which of them the host was there all the time.
//!
//! A machine that slept, and one whose clock was set, give one snapshot over hours: nothing is known of the minutes in it, and
//! least of all that nothing ran.

use std::ops::Range;
use std::time::Duration;

use super::moment::{Minute, Moment};
use crate::Snapshot;

/// Two snapshots that are farther apart have a time between them in which nobody was there. An interval is at most a minute.
const APART: Duration = Duration::from_secs(120);

/// Where a host is in the course of its minutes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timeline {
    at: Option<At>,
}

#[derive(Debug, Clone, Copy)]
struct At {
    /// The minute that goes on.
    open: Minute,
    /// The end of the last snapshot.
    last: Moment,
    /// From when on the host was there without a gap.
    there: Moment,
}

/// What a snapshot does to minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Minutes that are over before it.
    pub before: Range<Minute>,
    /// The minute that its counts are added to: that it lies in for the most part, as in rollups.
    pub minute: Minute,
    /// Minutes that are over by it.
    pub after: Range<Minute>,
    /// From when on the host was there; None where it was away since the last snapshot.
    there: Option<Moment>,
}

impl Timeline {
    /// From a moment on. `is_there`: the host was there in all of that minute, as far as it is over.
    pub fn starting(now: Moment, is_there: bool) -> Self {
        let open = now.minute();
        let there = if is_there { open.start() } else { now };
        Self {
            at: Some(At {
                open,
                last: now,
                there,
            }),
        }
    }

    /// The minute that goes on, and whether the host was there in all of it so far.
    pub fn open(&self) -> Option<(Minute, bool)> {
        self.at.map(|at| (at.open, at.there <= at.open.start()))
    }

    /// Takes note of a snapshot.
    pub fn take(&mut self, snapshot: &Snapshot) -> Passed {
        let (from, to) = (Moment::of(snapshot.from), Moment::of(snapshot.to));
        let middle = to.before(to.since(from) / 2).minute();
        let mut at = self.at.unwrap_or(At {
            open: middle,
            last: from,
            there: from,
        });
        let current = to.minute();
        // One that was set back opens a minute anew.
        let is_back = current < at.open;
        let is_away = is_back || to.since(at.last) > APART;
        let there = Some(at.there).filter(|_| !is_away);
        let (before, minute) = if is_back {
            (at.open..at.open.next(), current)
        } else {
            let minute = at.open.max(middle);
            (at.open..minute, minute)
        };
        if is_away {
            at.there = to;
        }
        (at.open, at.last) = (current, to);
        self.at = Some(at);
        Passed {
            before,
            minute,
            after: minute..current,
            there,
        }
    }
}

impl Passed {
    /// Whether the host was there in all of a minute that is over.
    pub fn was_there(&self, minute: Minute) -> bool {
        self.there.is_some_and(|there| there <= minute.start())
    }
}
