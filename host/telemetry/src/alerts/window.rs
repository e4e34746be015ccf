//! What a rule remembers of what was counted, and what that comes to.
//!
//! What is not known is not fine: a share of nothing, or a count of a time at which nobody counted that may have been too
//! low, is [`Reading::Unknown`].

use std::collections::VecDeque;

use super::condition::{Condition, Measure, QueueMeasure, RunTest, Statistic, Summed};
use super::moment::Minute;
use super::past::RunEnded;
use super::quantity::Comparison;
use super::rule::Rule;
use crate::{Gauges, NodeCounts, Outcome, Sketch, TICKS_PER_SECOND};

/// What a rule's condition came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// Too little was counted to say anything.
    Unknown,
    /// A value, and whether it is what the rule waits for.
    Known {
        /// In the rule's unit.
        value: f64,
        /// Whether the condition holds.
        holds: bool,
    },
}

/// What a rule remembers.
#[derive(Debug, Clone)]
pub(super) enum Memory {
    /// The last minutes, and the number of the last.
    Minutes(VecDeque<Slot>, Option<Minute>),
    /// What a day came to so far, and which.
    Day { day: i64, sum: u64 },
    /// How many runs in a row were so.
    Row(u32),
}

/// A minute.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot {
    /// None: nothing is known of it.
    piece: Option<Piece>,
    /// Whether the host was there in all of it: what was counted is all that there was.
    is_whole: bool,
}

/// What a minute adds to a rule.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Values(Sketch),
    Share { part: u64, whole: u64 },
    Sum(u64),
    Gauge(f64),
}

impl Memory {
    pub(super) fn of(rule: &Rule) -> Self {
        match rule.when {
            Condition::InARow { .. } => Self::Row(0),
            Condition::TokensOfDay { .. } => Self::Day { day: 0, sum: 0 },
            Condition::Measured { .. } | Condition::Queue { .. } => {
                Self::Minutes(VecDeque::new(), None)
            }
        }
    }

    /// Takes in a minute: `gauges` where the host was there in all of it, and what was counted.
    pub(super) fn minute(
        &mut self,
        rule: &Rule,
        minute: Minute,
        utc_offset: i32,
        gauges: Option<&Gauges>,
        counts: Option<&NodeCounts>,
    ) -> Reading {
        match self {
            Self::Row(_) => Reading::Unknown,
            Self::Day { day, sum } => {
                let today = minute.day(utc_offset);
                if today != std::mem::replace(day, today) {
                    *sum = 0;
                }
                *sum = sum.saturating_add(counts.map_or(0, tokens));
                let value = *sum as f64;
                let holds = value > rule.bound();
                Reading::Known { value, holds }
            }
            Self::Minutes(minutes, last) => {
                let window = usize::from(rule.when.window().minutes());
                // Minutes that nobody told of are in the window too.
                let next = last.replace(minute).map_or(minute, Minute::next);
                let missing = usize::try_from(minute.0.saturating_sub(next.0));
                let missing = missing.unwrap_or(window).min(window);
                minutes.extend(std::iter::repeat_n(Slot::default(), missing));
                minutes.push_back(Slot {
                    piece: piece(&rule.when, gauges, counts),
                    is_whole: gauges.is_some(),
                });
                while minutes.len() > window {
                    minutes.pop_front();
                }
                reading(rule, minutes)
            }
        }
    }

    /// Takes in a run that its rule is about. None where the run says nothing: somebody ended it, or its rule is about
    /// minutes.
    pub(super) fn run(&mut self, rule: &Rule, run: &RunEnded) -> Option<Reading> {
        let (Self::Row(row), Condition::InARow { count, test, .. }) = (self, &rule.when) else {
            return None;
        };
        if run.outcome == Outcome::Cancelled {
            return None;
        }
        *row = if is_so(test, run) {
            row.saturating_add(1)
        } else {
            0
        };
        let value = match test {
            RunTest::Time(..) => run.took.as_secs_f64(),
            RunTest::NotOk | RunTest::Ended(_) => f64::from(*row),
        };
        let holds = *row >= *count;
        Some(Reading::Known { value, holds })
    }
}

/// Whether a run is what a test asks for.
pub(super) fn is_so(test: &RunTest, run: &RunEnded) -> bool {
    match test {
        RunTest::Time(comparison, bound) => {
            comparison.holds(run.took.as_secs_f64(), bound.number())
        }
        RunTest::NotOk => run.outcome.is_error(),
        RunTest::Ended(outcome) => run.outcome == *outcome,
    }
}

fn tokens(counts: &NodeCounts) -> u64 {
    counts.tokens.input.saturating_add(counts.tokens.output)
}

/// What a minute adds. None where nobody counted.
fn piece(when: &Condition, gauges: Option<&Gauges>, counts: Option<&NodeCounts>) -> Option<Piece> {
    let measure = match when {
        Condition::Measured { measure, .. } => *measure,
        Condition::Queue { measure, .. } => {
            return gauges.map(|gauges| match measure {
                QueueMeasure::Depth => Piece::Gauge(gauges.queue_depth as f64),
                QueueMeasure::Age => Piece::Gauge(gauges.queue_age_s),
            });
        }
        Condition::InARow { .. } | Condition::TokensOfDay { .. } => return None,
    };
    let nothing = NodeCounts::default();
    let counts = match (counts, gauges) {
        (Some(counts), _) => counts,
        (None, Some(_)) => &nothing,
        (None, None) => return None,
    };
    Some(match measure {
        Measure::Time(_) => Piece::Values(counts.durations.all()),
        Measure::Fuel(_) => Piece::Values(counts.fuel.clone()),
        Measure::ErrorRate => Piece::Share {
            part: errors(counts),
            whole: ended(counts),
        },
        Measure::TrapRate => Piece::Share {
            part: counts.durations.count(Outcome::Trapped),
            whole: ended(counts),
        },
        Measure::RetryRate => Piece::Share {
            part: counts.retries,
            whole: ended(counts),
        },
        Measure::Sum(summed) => Piece::Sum(match summed {
            Summed::Runs => counts.durations.iter().map(|(_, one)| one.count()).sum(),
            Summed::Errors => errors(counts),
            Summed::Traps => counts.durations.count(Outcome::Trapped),
            Summed::Retries => counts.retries,
            Summed::Tokens => tokens(counts),
            Summed::Fuel => counts.fuel.sum(),
        }),
    })
}

fn errors(counts: &NodeCounts) -> u64 {
    let bad = counts.durations.iter().filter(|(one, _)| one.is_error());
    bad.map(|(_, sketch)| sketch.count()).sum()
}

/// Those that came to their own end. One that somebody ended says nothing about how well it went.
fn ended(counts: &NodeCounts) -> u64 {
    let own = |(outcome, _): &(Outcome, &Sketch)| *outcome != Outcome::Cancelled;
    let all = counts.durations.iter().filter(own);
    all.map(|(_, sketch)| sketch.count()).sum()
}

/// What the last minutes come to.
fn reading(rule: &Rule, minutes: &VecDeque<Slot>) -> Reading {
    let (comparison, bound) = (rule.when.comparison(), rule.bound());
    let holds = |value: f64| Reading::Known {
        value,
        holds: comparison.holds(value, bound),
    };
    let wanted: usize = rule.when.window().minutes().into();
    let is_whole = minutes.len() == wanted && minutes.iter().all(|slot| slot.is_whole);
    let pieces = || minutes.iter().filter_map(|slot| slot.piece.as_ref());
    if let Condition::Queue { .. } = rule.when {
        return queue(minutes, comparison, bound, is_whole);
    }
    let Condition::Measured { measure, .. } = rule.when else {
        return Reading::Unknown;
    };
    match measure {
        Measure::Time(statistic) | Measure::Fuel(statistic) => {
            let mut all = Sketch::new();
            for piece in pieces() {
                if let Piece::Values(sketch) = piece {
                    all.add(sketch);
                }
            }
            if all.count() < rule.at_least.max(1) {
                return Reading::Unknown;
            }
            let value = statistic.of(&all);
            match measure {
                Measure::Time(_) => holds(value / TICKS_PER_SECOND as f64),
                _ => holds(value),
            }
        }
        Measure::ErrorRate | Measure::TrapRate | Measure::RetryRate => {
            let sums = pieces().fold((0, 0), |(parts, wholes): (u64, u64), piece| match piece {
                Piece::Share { part, whole } => {
                    (parts.saturating_add(*part), wholes.saturating_add(*whole))
                }
                _ => (parts, wholes),
            });
            if sums.1 < rule.at_least.max(1) {
                return Reading::Unknown;
            }
            holds(sums.0 as f64 / sums.1 as f64)
        }
        Measure::Sum(_) => {
            let sum = pieces().fold(0_u64, |sum, piece| match piece {
                Piece::Sum(one) => sum.saturating_add(*one),
                _ => sum,
            });
            // There were as many as were counted, and maybe more.
            if comparison == Comparison::Below && !is_whole {
                return Reading::Unknown;
            }
            holds(sum as f64)
        }
    }
}

/// A queue is over a bound for five minutes if it was at the end of each of them.
fn queue(minutes: &VecDeque<Slot>, comparison: Comparison, bound: f64, is_whole: bool) -> Reading {
    let Some(Some(Piece::Gauge(value))) = minutes.back().map(|slot| &slot.piece) else {
        return Reading::Unknown;
    };
    let is_bad = |slot: &Slot| match &slot.piece {
        Some(Piece::Gauge(value)) => comparison.holds(*value, bound),
        _ => false,
    };
    Reading::Known {
        value: *value,
        holds: is_whole && minutes.iter().all(is_bad),
    }
}

impl Statistic {
    fn of(self, sketch: &Sketch) -> f64 {
        match self {
            Self::Percentile(thousandths) => {
                let share = f64::from(thousandths) / 1000.0;
                sketch.quantile(share).unwrap_or_default()
            }
            Self::Average => sketch.mean(),
            Self::Maximum => sketch.max() as f64,
        }
    }
}

#[cfg(test)]
mod tests;
