//! Batches that wait behind all others: those that CMS failed at, and those that could not be read. One of them may be the reason, and
//! must not hold up what comes after it.

use std::collections::BTreeMap;

use crate::MAX_ENTRIES;

/// After how many failures a datum that is alone is let go, if others were taken between each two of them.
const MAX_PROVEN: u32 = 10;

/// By number.
#[derive(Debug, Default)]
pub(super) struct Suspects(BTreeMap<u64, Suspect>);

#[derive(Debug, Clone, Copy)]
struct Suspect {
    /// How often it was tried.
    tries: u32,
    /// How many of its data go in one request.
    most: usize,
    /// How many data CMS had taken when it failed at this last. If it took others since, it was this one's own fault.
    taken: u64,
    /// How often it was so, for one that is alone.
    proven: u32,
}

impl Suspects {
    pub(super) fn has(&self, number: u64) -> bool {
        self.0.contains_key(&number)
    }

    /// How many data of a batch go in one request.
    pub(super) fn most(&self, number: u64) -> usize {
        self.0.get(&number).map_or(MAX_ENTRIES, |one| one.most)
    }

    /// A batch could not be read.
    pub(super) fn unreadable(&mut self, number: u64) {
        self.entry(number, MAX_ENTRIES).tries += 1;
    }

    /// CMS failed at a part with so many data of a batch, having taken so many of others in all. Whether to let the part go.
    pub(super) fn failed(&mut self, number: u64, part: usize, taken: u64) -> bool {
        let is_new = !self.has(number);
        let one = self.entry(number, part);
        one.tries += 1;
        one.most = part.div_ceil(2);
        let proves = !is_new && part == 1 && taken > one.taken;
        one.taken = taken;
        one.proven += u32::from(proves);
        let let_go = one.proven >= MAX_PROVEN;
        if let_go {
            one.proven = 0;
        }
        let_go
    }

    /// CMS took a part of a batch: it does not fail at each.
    pub(super) fn taken(&mut self, number: u64) {
        if let Some(one) = self.0.get_mut(&number) {
            one.proven = 0;
        }
    }

    pub(super) fn settled(&mut self, number: u64) {
        self.0.remove(&number);
    }

    /// The one of those `wanted` that was tried least. Those that are nowhere any more are forgotten.
    pub(super) fn first(
        &mut self,
        is_there: impl Fn(u64) -> bool,
        wanted: impl Fn(u64) -> bool,
    ) -> Option<u64> {
        self.0.retain(|number, _| is_there(*number));
        let wanted = self.0.iter().filter(|(number, _)| wanted(**number));
        let tried = wanted.map(|(number, one)| (one.tries, *number));
        tried.min().map(|(_, number)| number)
    }

    fn entry(&mut self, number: u64, most: usize) -> &mut Suspect {
        self.0.entry(number).or_insert(Suspect {
            tries: 0,
            most,
            taken: 0,
            proven: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_alone_goes_only_if_others_were_taken_each_time() {
        let mut suspects = Suspects::default();
        // CMS takes nothing for an hour: that says nothing about this one.
        assert!((0..1_000).all(|_| !suspects.failed(7, 1, 50)));
        let failed = (51..).take_while(|&taken| !suspects.failed(7, 1, taken));
        assert_eq!(failed.count(), 9);
        // And not if it was taken in part.
        for taken in 100..200 {
            assert!(!suspects.failed(8, 1, taken));
            suspects.taken(8);
        }
    }

    #[test]
    fn parts_are_halved_and_the_least_tried_is_next() {
        let mut suspects = Suspects::default();
        assert_eq!(suspects.most(3), MAX_ENTRIES);
        let most = [21, 11, 6, 3, 2, 1, 1].map(|part| {
            assert!(!suspects.failed(3, part, 0));
            suspects.most(3)
        });
        assert_eq!(most, [11, 6, 3, 2, 1, 1, 1]);
        suspects.unreadable(5);
        suspects.unreadable(4);
        let first = |suspects: &mut Suspects, gone| suspects.first(|one| one != gone, |_| true);
        assert_eq!(first(&mut suspects, 0), Some(4));
        assert_eq!(first(&mut suspects, 4), Some(5));
        assert!(!suspects.has(4));
        suspects.settled(5);
        assert_eq!(first(&mut suspects, 0), Some(3));
    }
}
