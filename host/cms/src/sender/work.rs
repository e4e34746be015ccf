//! A batch on its way: whole at first, and in halves where CMS refuses it, until each datum that it does not want is alone.

use std::collections::VecDeque;

use crate::Datum;

#[derive(Debug)]
pub(super) struct Work {
    /// Which batch it is.
    pub(super) number: u64,
    /// Whether it is on disk.
    pub(super) spooled: bool,
    /// Parts that are not settled yet, in their order. None is empty.
    parts: VecDeque<Vec<Datum>>,
    /// How many data there were.
    whole: usize,
}

impl Work {
    pub(super) fn new(number: u64, spooled: bool, data: Vec<Datum>) -> Self {
        Self {
            number,
            spooled,
            whole: data.len(),
            parts: VecDeque::from([data]),
        }
    }

    /// What is to be sent next.
    pub(super) fn part(&self) -> Option<&Vec<Datum>> {
        self.parts.front()
    }

    /// The part was settled. Gives how many data it had.
    pub(super) fn settle(&mut self) -> usize {
        self.parts.pop_front().map_or(0, |part| part.len())
    }

    /// The part was refused. One of several data is halved; whether that was possible.
    pub(super) fn halve(&mut self) -> bool {
        match self.parts.front_mut() {
            Some(part) if part.len() > 1 => {
                let rest = part.split_off(part.len().div_ceil(2));
                self.parts.insert(1, rest);
                true
            }
            _ => false,
        }
    }

    /// Whether some of it was settled.
    pub(super) fn is_begun(&self) -> bool {
        self.parts.iter().map(Vec::len).sum::<usize>() < self.whole
    }

    /// What is not settled.
    pub(super) fn rest(self) -> Vec<Datum> {
        self.parts.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dimensions, MetricName};

    fn data(count: u64) -> Vec<Datum> {
        let datum = |index| {
            let name = MetricName::mangled("m");
            Datum::raw(name, Dimensions::new(), 1.0, 1_763_730_000_000 + index).expect("a datum")
        };
        (0..count).map(datum).collect()
    }

    #[test]
    fn halves_keep_their_order_until_one_is_alone() {
        for count in 1..=21 {
            let mut work = Work::new(1, false, data(count));
            let mut alone = Vec::new();
            while let Some(part) = work.part().cloned() {
                if !work.halve() {
                    assert_eq!(work.settle(), 1);
                    alone.extend(part);
                }
            }
            assert_eq!(alone, data(count));
        }
    }

    #[test]
    fn what_is_left_is_what_was_not_settled() {
        let mut work = Work::new(1, true, data(5));
        assert!(!work.is_begun());
        assert!(work.halve());
        assert_eq!(work.settle(), 3);
        assert!(work.is_begun());
        assert_eq!(work.rest(), data(5)[3..]);
    }
}
