//! Whether one version is faster than another, as far as what was counted of both can tell.
//!
//! # Durations
//!
//! Those that gave outputs are compared: a run that fails early is not fast. What is told is the ratio of the geometric means
//! of durations, with its 95 % confidence interval: durations are skewed, and what is typical of them, and by how many
//! percent it changed, is what a mean of logarithms tells. The interval is Welch's for the difference of the two means of
//! logarithms, taken back by `exp`.
//! Source: Bland and Altman, *The use of transformation when comparing two means*, BMJ 312 (1996), 1153.
//!
//! A sketch has the logarithms as buckets, 9 % wide. Where all durations lie in one bucket or in two that touch, their middles
//! are scaled so that their mean is the exact one, which a sketch has too: they are compared to better than a bucket. Elsewhere
//! that would be wrong: a few runs that take for ever have most of the sum, and say nothing of where in their bucket the
//! others lie. So what a bucket hides is added to the variance of the mean, by the share that it has of all: runs that are
//! nearly all in one bucket are known to 2.5 %, and of those in many it is as good as nothing.
//!
//! Slower, or faster, is what the interval is wholly on one side of 1 for, and by 5 % at least: what is smaller is nothing
//! that buckets, or anybody, should tell apart. Where neither is so, it is no different if a difference of a quarter is out
//! of the interval too; if not, the runs cannot tell.
//!
//! Runs are taken to be independent of each other. Runs of one slow hour are not; compare versions over the same hours where
//! that matters.
//!
//! # Errors
//!
//! The difference of the shares that ended in an error, with the interval that Newcombe calls method 10: Wilson's intervals
//! of both, which hold where there are few errors or none.
//! Source: Newcombe, *Interval estimation for the difference between independent proportions*, Statistics in Medicine 17
//! (1998), 873–890.

use std::f64::consts::LN_2;

use crate::histogram::{SCALE, Sketch};
use crate::names::Outcome;
use crate::snapshot::ByOutcome;

/// Runs that gave outputs, of each of the two, with fewer than which nothing is said about durations.
pub const MIN_COMPARED: u64 = 30;

/// By how much the typical duration has to differ before it is called different.
const MATTERS: f64 = 1.05;

/// A difference that has to be ruled out before two are called no different.
const RULED_OUT: f64 = 1.25;

/// The same for shares of errors.
const ERRORS_RULED_OUT: f64 = 0.05;

/// Of a normal distribution, 95 % are not farther from the middle than this many standard deviations.
const Z: f64 = 1.959_964;

/// How wide a bucket is, in logarithms.
const WIDTH: f64 = LN_2 / (1 << SCALE) as f64;

/// What became of durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The second is faster.
    Faster,
    /// The second is slower.
    Slower,
    /// Any difference there may be is small.
    Same,
    /// There are runs, and they vary too much to tell.
    Unclear,
    /// One of the two has fewer than [`MIN_COMPARED`] runs that gave outputs.
    TooFew,
}

/// What became of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorVerdict {
    /// The second ends in an error more often.
    More,
    /// The second ends in an error less often.
    Fewer,
    /// Any difference there may be is small.
    Same,
    /// There are too few to tell.
    Unclear,
}

/// An estimate, and between what it lies with a confidence of 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// What is most likely.
    pub estimate: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// How a second version compares with a first.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Whether it is faster or slower.
    pub verdict: Verdict,
    /// The second's typical duration as a multiple of the first's. None where one of them has fewer than [`MIN_COMPARED`]
    /// runs that gave outputs.
    pub ratio: Option<Interval>,
    /// Whether it has more or fewer errors.
    pub errors: ErrorVerdict,
    /// The second's share of errors less the first's. None where one of them has no run.
    pub error_difference: Option<Interval>,
}

/// Compares a second version with a first.
pub fn compare(first: &ByOutcome, second: &ByOutcome) -> Comparison {
    let (before, after) = (first.of(Outcome::Ok), second.of(Outcome::Ok));
    let is_enough = before.count().min(after.count()) >= MIN_COMPARED;
    let ratio = ratio(before, after).filter(|_| is_enough);
    let error_difference = difference(
        (first.errors(), first.total()),
        (second.errors(), second.total()),
    );
    Comparison {
        verdict: ratio.map_or(Verdict::TooFew, verdict),
        ratio,
        errors: error_difference.map_or(ErrorVerdict::Unclear, error_verdict),
        error_difference,
    }
}

fn verdict(ratio: Interval) -> Verdict {
    if ratio.low > 1.0 && ratio.estimate >= MATTERS {
        Verdict::Slower
    } else if ratio.high < 1.0 && ratio.estimate <= 1.0 / MATTERS {
        Verdict::Faster
    } else if ratio.low > 1.0 / RULED_OUT && ratio.high < RULED_OUT {
        Verdict::Same
    } else {
        Verdict::Unclear
    }
}

fn error_verdict(difference: Interval) -> ErrorVerdict {
    if difference.low > 0.0 {
        ErrorVerdict::More
    } else if difference.high < 0.0 {
        ErrorVerdict::Fewer
    } else if difference.low > -ERRORS_RULED_OUT && difference.high < ERRORS_RULED_OUT {
        ErrorVerdict::Same
    } else {
        ErrorVerdict::Unclear
    }
}

/// Logarithms of durations.
struct Logs {
    count: f64,
    mean: f64,
    /// The variance of the mean.
    variance: f64,
}

impl Logs {
    /// None where there are less than two values.
    fn of(sketch: &Sketch) -> Option<Self> {
        let count = sketch.count() as f64;
        if count < 2.0 {
            return None;
        }
        let (min, max) = (sketch.min() as f64, sketch.max() as f64);
        // Nothing takes no time: it is less than can be counted.
        let values = || {
            let middles = sketch.middles();
            middles.map(|(middle, count)| (middle.clamp(min, max).max(1.0), count as f64))
        };
        let in_buckets: f64 = values().map(|(value, count)| value.ln() * count).sum();
        let in_buckets = in_buckets / count;
        let squares = values().map(|(value, count)| (value.ln() - in_buckets).powi(2) * count);
        let spread = squares.sum::<f64>() / (count - 1.0);
        let hidden = WIDTH.powi(2) / 12.0;
        if is_close(sketch) {
            let sum: f64 = values().map(|(value, count)| value * count).sum();
            let exact = (sketch.sum() as f64).max(count);
            return Some(Self {
                count,
                mean: in_buckets + (exact / sum).ln(),
                variance: (spread + hidden) / count,
            });
        }
        // How far each bucket's own mean may be from its middle.
        let shares = values().map(|(_, in_one)| (in_one / count).powi(2));
        Some(Self {
            count,
            mean: in_buckets,
            variance: spread / count + hidden * shares.sum::<f64>(),
        })
    }
}

/// Whether all values are in one bucket, or in two that touch.
fn is_close(sketch: &Sketch) -> bool {
    let mut middles = sketch.middles().filter(|(_, count)| *count > 0);
    let first = middles.next().map_or(0.0, |(middle, _)| middle);
    let last = middles.last().map_or(first, |(middle, _)| middle);
    (last.max(1.0) / first.max(1.0)).ln() < 1.5 * WIDTH
}

fn ratio(before: &Sketch, after: &Sketch) -> Option<Interval> {
    let (before, after) = (Logs::of(before)?, Logs::of(after)?);
    let variance = before.variance + after.variance;
    let share = |logs: &Logs| logs.variance.powi(2) / (logs.count - 1.0);
    let freedom = variance.powi(2) / (share(&before) + share(&after));
    // Student's t, by the first step of its expansion around the normal distribution: within 1 % of it from 10 on.
    let t = Z + (Z.powi(3) + Z) / (4.0 * freedom);
    let difference = after.mean - before.mean;
    let half = t * variance.sqrt();
    Some(Interval {
        estimate: difference.exp(),
        low: (difference - half).exp(),
        high: (difference + half).exp(),
    })
}

/// The second share less the first, each as how many of how many.
fn difference(first: (u64, u64), second: (u64, u64)) -> Option<Interval> {
    let (first, second) = (wilson(first)?, wilson(second)?);
    let estimate = second.estimate - first.estimate;
    let far = |a: f64, b: f64| a.hypot(b);
    let below = far(second.estimate - second.low, first.high - first.estimate);
    let above = far(second.high - second.estimate, first.estimate - first.low);
    Some(Interval {
        estimate,
        low: estimate - below,
        high: estimate + above,
    })
}

/// Wilson's interval of a share.
fn wilson((errors, all): (u64, u64)) -> Option<Interval> {
    if all == 0 {
        return None;
    }
    let (share, all) = (errors as f64 / all as f64, all as f64);
    let z2 = Z * Z;
    let middle = share + z2 / (2.0 * all);
    let half = Z * (share * (1.0 - share) / all + z2 / (4.0 * all * all)).sqrt();
    let scale = 1.0 + z2 / all;
    Some(Interval {
        estimate: share,
        low: ((middle - half) / scale).max(0.0),
        high: ((middle + half) / scale).min(1.0),
    })
}

#[cfg(test)]
mod tests;
