//! What comes while nobody looks: runs that ended, and minutes with what was counted in them for each rule.

use std::collections::VecDeque;
use std::ops::Range;

use crate::alerts::moment::Minute;
use crate::alerts::past::{RunEnded, Series};
use crate::alerts::timeline::{Passed, Timeline};
use crate::{Gauges, NodeCounts, Snapshot};

/// How many minutes are held until rules look at them.
pub(super) const MOST_MINUTES: usize = 120;

/// What came, and was not looked at yet.
pub(super) struct Feed {
    /// What rules are about, in their order.
    pub(super) series: Vec<Option<Series>>,
    pub(super) runs: VecDeque<RunEnded>,
    pub(super) over: VecDeque<Counted>,
    /// The minute that goes on.
    pub(super) open: Option<Counted>,
    pub(super) timeline: Timeline,
}

/// A minute, and what was counted in it for each rule.
#[derive(Clone)]
pub(super) struct Counted {
    pub(super) minute: Minute,
    /// None: the host was not there in all of it.
    pub(super) gauges: Option<Gauges>,
    pub(super) counts: Vec<NodeCounts>,
}

impl Feed {
    /// What these series are fed with.
    pub(super) fn new(series: Vec<Option<Series>>) -> Self {
        Self {
            series,
            runs: VecDeque::new(),
            over: VecDeque::new(),
            open: None,
            timeline: Timeline::default(),
        }
    }

    /// Adds a snapshot to the minute that it lies in for the most part, as rollups do. Minutes that it ends after are over.
    /// How many were let go is the answer.
    pub(super) fn take(&mut self, snapshot: &Snapshot) -> u64 {
        let passed = self.timeline.take(snapshot);
        let gauges = snapshot.gauges;
        let mut lost = self.over(&passed, passed.before.clone(), gauges);
        let mut open = self.opened(passed.minute);
        open.gauges = Some(gauges);
        for (series, counts) in self.series.iter().zip(&mut open.counts) {
            if let Some(series) = series {
                series.add(snapshot, counts);
            }
        }
        self.open = Some(open);
        lost += self.over(&passed, passed.after.clone(), gauges);
        if self.open.is_none() {
            self.open = Some(self.fresh(passed.after.end));
        }
        lost
    }

    /// Minutes are over, the first of which may be the one that went on.
    fn over(&mut self, passed: &Passed, minutes: Range<Minute>, gauges: Gauges) -> u64 {
        let Minute(mut at) = minutes.start;
        if at < minutes.end.0 {
            let first = self.opened(minutes.start);
            self.push(passed, first, gauges);
            at = (at + 1).max(minutes.end.before(MOST_MINUTES as u64).0);
        }
        for at in at..minutes.end.0 {
            self.push(passed, self.fresh(Minute(at)), gauges);
        }
        let lost = self.over.len().saturating_sub(MOST_MINUTES);
        self.over.drain(..lost);
        lost as u64
    }

    fn push(&mut self, passed: &Passed, mut over: Counted, gauges: Gauges) {
        over.gauges = over
            .gauges
            .or(Some(gauges))
            .filter(|_| passed.was_there(over.minute));
        self.over.push_back(over);
    }

    /// The minute that goes on, if it is this one.
    fn opened(&mut self, minute: Minute) -> Counted {
        let open = self.open.take().filter(|open| open.minute == minute);
        open.unwrap_or_else(|| self.fresh(minute))
    }

    fn fresh(&self, minute: Minute) -> Counted {
        Counted {
            minute,
            gauges: None,
            counts: vec![NodeCounts::default(); self.series.len()],
        }
    }
}
