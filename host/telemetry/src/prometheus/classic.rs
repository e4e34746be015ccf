//! Classic histograms: counts up to bounds that are the same for all series of a family, so that they can be added.
//!
//! Every bound is a power of two of what is counted, because there counts are exact ([`Sketch::at_most`]); a bound of the same
//! number of seconds is a power of two, too.

use std::fmt;

use prometheus_client::encoding::{MetricEncoder, NoLabelSet};

use crate::histogram::Sketch;
use crate::series::TICKS_LOG2;

/// Bounds of a family's histograms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The binary logarithm of the first bound, as it is told.
    first: i32,
    /// That of the last.
    last: i32,
    /// From one to the next.
    step: usize,
    /// The binary logarithm of how many of what is counted are one of what is told.
    per_unit: u32,
}

impl Bounds {
    /// Of seconds, from `2^first` to `2^last`, that are counted in ticks.
    pub(super) const fn seconds(first: i32, last: i32) -> Self {
        Self {
            first,
            last,
            step: 1,
            per_unit: TICKS_LOG2,
        }
    }

    /// Of whole numbers, from `2^first` to `2^last`, each four times the one before.
    pub(super) const fn numbers(first: i32, last: i32) -> Self {
        Self {
            first,
            last,
            step: 2,
            per_unit: 0,
        }
    }

    /// Each bound as it is told, and how many values lie above the one before it and not above it; with those above all.
    fn counts(self, sketch: &Sketch) -> Vec<(f64, u64)> {
        let mut before = 0;
        let mut next = |bound: f64, at_most: u64| {
            let count = at_most - before;
            before = at_most;
            (bound, count)
        };
        let logs = (self.first..=self.last).step_by(self.step);
        let mut counts: Vec<_> = logs
            .map(|log| {
                let counted = log.saturating_add_unsigned(self.per_unit);
                let bound = 1_u64.checked_shl(counted.unsigned_abs());
                let at_most = bound.map_or(sketch.count(), |bound| sketch.at_most(bound));
                next(f64::from(log).exp2(), at_most)
            })
            .collect();
        counts.push(next(f64::INFINITY, sketch.count()));
        counts
    }

    /// Writes a histogram.
    pub(super) fn encode(self, mut sample: MetricEncoder<'_>, sketch: &Sketch) -> fmt::Result {
        let sum = sketch.sum() as f64 / f64::from(self.per_unit).exp2();
        let counts = self.counts(sketch);
        sample.encode_histogram::<NoLabelSet>(sum, sketch.count(), &counts, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TICKS_PER_SECOND;

    #[test]
    fn bounds_are_exact() {
        let mut sketch = Sketch::new();
        let half = TICKS_PER_SECOND / 2;
        [
            0,
            half,
            half + half / 4,
            TICKS_PER_SECOND,
            3 * TICKS_PER_SECOND,
            99 * TICKS_PER_SECOND,
        ]
        .iter()
        .for_each(|&ticks| sketch.record(ticks));
        let counts = Bounds::seconds(-1, 2).counts(&sketch);
        let expected = [(0.5, 2), (1.0, 2), (2.0, 0), (4.0, 1), (f64::INFINITY, 1)];
        assert_eq!(counts, expected);
        let mut sketch = Sketch::new();
        [256, 257, 1024, 5_000]
            .iter()
            .for_each(|&fuel| sketch.record(fuel));
        let counts = Bounds::numbers(8, 10).counts(&sketch);
        assert_eq!(counts, [(256.0, 1), (1024.0, 2), (f64::INFINITY, 1)]);
    }
}
