//! Says the same thing once in a while only, and then how often it came: what a server answers must not fill a log.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// What was said, by kind.
#[derive(Debug)]
pub(super) struct Quiet<K> {
    every: Duration,
    said: BTreeMap<K, (SystemTime, u64)>,
}

impl<K: Ord> Quiet<K> {
    pub(super) fn new(every: Duration) -> Self {
        Self {
            every,
            said: BTreeMap::new(),
        }
    }

    /// It came. If it is to be said: how often it came since it was, with this time.
    pub(super) fn came(&mut self, kind: K, now: SystemTime) -> Option<u64> {
        let Some((at, times)) = self.said.get_mut(&kind) else {
            self.said.insert(kind, (now, 0));
            return Some(1);
        };
        *times += 1;
        // A clock that was set back is no reason to be silent.
        if now
            .duration_since(*at)
            .is_ok_and(|since| since < self.every)
        {
            return None;
        }
        *at = now;
        Some(std::mem::take(times))
    }

    /// All of it is over: what comes next is said.
    pub(super) fn clear(&mut self) {
        self.said.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_often_is_said_rarely_and_with_its_count() {
        let mut quiet = Quiet::new(Duration::from_secs(60));
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let said: Vec<_> = (0..200)
            .filter_map(|second| Some((second, quiet.came("a", at(1_000 + second))?)))
            .collect();
        assert_eq!(said, [(0, 1), (60, 60), (120, 60), (180, 60)]);
        assert_eq!(quiet.came("b", at(1_200)), Some(1), "by kind");
        assert_eq!(quiet.came("a", at(100)), Some(20), "the clock was set back");
        assert_eq!(quiet.came("a", at(101)), None);
        quiet.clear();
        assert_eq!(quiet.came("a", at(102)), Some(1));
    }
}
