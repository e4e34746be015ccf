//! How fast the queue goes, for those that are told to come back.

use std::collections::VecDeque;
use std::time::Duration;

/// How many ends are looked back over.
const LOOK_BACK: usize = 256;

/// The least and the most that anybody is put off.
const BOUNDS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// The part of the queue that has to be worked off before it is worth coming back: all that were refused come at once.
const PART: u64 = 100;

/// When the last runs of the queue ended.
#[derive(Debug, Default)]
pub(super) struct Pace(VecDeque<Duration>);

impl Pace {
    /// A run ended now, by a clock that never goes back.
    pub(super) fn ended(&mut self, now: Duration) {
        if self.0.len() >= LOOK_BACK {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// When it is worth coming back to a queue of this length.
    pub(super) fn retry_after(&self, depth: u64, now: Duration) -> Duration {
        let (least, most) = BOUNDS;
        let Some(first) = self.0.front() else {
            return least.saturating_mul(10); // nothing ended yet: nobody knows
        };
        // Up to now, so that a queue that stands still is slow.
        let took = now.saturating_sub(*first);
        let each = took / u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        let runs = u32::try_from(depth / PART + 1).unwrap_or(u32::MAX);
        each.saturating_mul(runs).clamp(least, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_is_put_off_by_how_fast_the_queue_goes() {
        let seconds = Duration::from_secs;
        let mut pace = Pace::default();
        assert_eq!(pace.retry_after(1_000, seconds(5)), seconds(10));
        (1..=10).for_each(|second| pace.ended(seconds(second)));
        assert_eq!(pace.retry_after(1_000, seconds(11)), seconds(11));
        assert_eq!(pace.retry_after(0, seconds(11)), seconds(1));
        assert_eq!(pace.retry_after(100_000, seconds(11)), seconds(300));
        assert_eq!(pace.retry_after(0, seconds(1_001)), seconds(100));
        (0..10_000).for_each(|_| pace.ended(seconds(20)));
        assert_eq!(pace.0.len(), LOOK_BACK);
        assert_eq!(pace.retry_after(1_000_000, seconds(20)), seconds(1));
    }
}
