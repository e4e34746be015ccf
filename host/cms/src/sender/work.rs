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
    /// Whether it is not any more what it was: some of it was settled, or comes in another order.
    changed: bool,
}

impl Work {
    /// A batch in parts of at most so many data.
    pub(super) fn new(number: u64, spooled: bool, data: &[Datum], most: usize) -> Self {
        Self {
            number,
            spooled,
            parts: data.chunks(most.max(1)).map(<[Datum]>::to_vec).collect(),
            changed: false,
        }
    }

    /// What is to be sent next.
    pub(super) fn part(&self) -> Option<&Vec<Datum>> {
        self.parts.front()
    }

    /// The part was settled. Gives how many data it had.
    pub(super) fn settle(&mut self) -> usize {
        self.changed = true;
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

    /// The part is sent after the others of the batch.
    pub(super) fn put_last(&mut self) {
        if self.parts.len() > 1 {
            self.changed = true;
            self.parts.rotate_left(1);
        }
    }

    /// Whether it is not any more what it was when it was made.
    pub(super) fn is_changed(&self) -> bool {
        self.changed
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
            let mut work = Work::new(1, false, &data(count), 21);
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
        let mut work = Work::new(1, true, &data(5), 21);
        assert!(!work.is_changed());
        assert!(work.halve());
        assert_eq!(work.settle(), 3);
        assert!(work.is_changed());
        assert_eq!(work.rest(), data(5)[3..]);
    }

    #[test]
    fn a_part_can_go_behind_the_others() {
        let mut work = Work::new(1, true, &data(5), 2);
        assert_eq!(work.part(), Some(&data(5)[..2].to_vec()));
        work.put_last();
        assert!(work.is_changed());
        assert_eq!(work.rest(), [&data(5)[2..], &data(5)[..2]].concat());
    }
}
