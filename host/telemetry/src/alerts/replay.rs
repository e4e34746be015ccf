//! Parts of the past: read for all rules of a project, and given to each in the order of time.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::moment::{Minute, Moment};
use super::past::{Ended, KnownSince, Minutes, Past, PastError, RunEnded};
use super::rule::Rule;
use crate::{Gauges, NodeCounts};

/// How many runs of a part are looked at.
pub(super) const MOST_RUNS: usize = 100_000;

/// What a rule is given.
pub(super) enum Fed<'p> {
    Run(&'p RunEnded),
    Minute(Minute, Option<&'p Gauges>, Option<&'p NodeCounts>),
}

/// What all rules of a project look at in a part of the past.
pub(super) struct Part {
    // Runs may go on beyond it.
    span: Range<Minute>,
    known: KnownSince,
    ended: Arc<Ended>,
}

/// A part of the past of one rule.
pub(super) struct Piece {
    span: Range<Minute>,
    minutes: Minutes,
    gauges: BTreeMap<Minute, Gauges>,
    ended: Arc<Ended>,
}

impl Part {
    /// `rules` are those of one project.
    pub(super) async fn read(
        rules: &[&Rule],
        past: &dyn Past,
        known: KnownSince,
        span: Range<Minute>,
        runs_until: Moment,
    ) -> Result<Self, PastError> {
        let of_runs: Vec<_> = rules.iter().filter_map(|rule| rule.series()).collect();
        let mut ended = Ended {
            runs: Vec::new(),
            is_all: true,
        };
        if let Some(first) = of_runs.first() {
            let flow = first.subject.flow();
            let flow = flow.filter(|_| of_runs.iter().all(|one| one.subject.flow() == flow));
            let moments = span.start.start()..runs_until;
            ended = past.runs(&first.project, flow, moments, MOST_RUNS).await?;
        }
        Ok(Self {
            span,
            known,
            ended: Arc::new(ended),
        })
    }

    /// Whether these are all runs of it.
    pub(super) fn has_all_runs(&self) -> bool {
        self.ended.is_all
    }

    /// What of it is about a rule, from a minute on.
    pub(super) async fn of(
        &self,
        rule: &Rule,
        past: &dyn Past,
        from: Minute,
    ) -> Result<Piece, PastError> {
        let span = self.span.start.max(from)..self.span.end;
        let (mut minutes, mut gauges) = (Minutes::new(), BTreeMap::new());
        if !span.is_empty() && !rule.when.is_of_runs() {
            if let Some(series) = rule.series() {
                minutes = past.minutes(&series, span.clone()).await?;
            }
            gauges = past.gauges(span.clone()).await?;
            // What is older may be half gone: its counts, and not yet that the host was there.
            let known = self.known.minutes.unwrap_or(span.end);
            gauges = gauges.split_off(&known);
        }
        Ok(Piece {
            span,
            minutes,
            gauges,
            ended: Arc::clone(&self.ended),
        })
    }
}

impl Piece {
    /// In the order of time: runs before the end of the minute that they are in.
    pub(super) fn feed(&self, mut take: impl FnMut(Fed<'_>)) {
        let mut runs = self.ended.runs.iter().peekable();
        let (mut at, end) = (self.span.start, self.span.end);
        while at < end {
            while let Some(run) = runs.next_if(|run| run.at < at.end()) {
                take(Fed::Run(run));
            }
            take(Fed::Minute(at, self.gauges.get(&at), self.minutes.get(&at)));
            at = at.next();
        }
        runs.for_each(|run| take(Fed::Run(run)));
    }
}
