//! Makes batches that one request can carry: by count, and by how long the query becomes.

use crate::{Datum, MAX_ENTRIES, MAX_QUERY_BYTES};

/// The batch that is being filled.
#[derive(Debug, Default)]
pub(super) struct Packer {
    open: Vec<Datum>,
    bytes: usize,
}

impl Packer {
    /// Adds a datum; gives the batch before it, if it is full.
    pub(super) fn add(&mut self, datum: Datum) -> Option<Vec<Datum>> {
        let bytes = datum.query_bytes();
        let fits = self.open.len() < MAX_ENTRIES && self.bytes + bytes <= MAX_QUERY_BYTES;
        let full = if fits { None } else { self.seal() };
        self.open.push(datum);
        self.bytes += bytes;
        full
    }

    /// Ends the batch, if there is anything in it.
    pub(super) fn seal(&mut self) -> Option<Vec<Datum>> {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.open);
        (!batch.is_empty()).then_some(batch)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Dimensions, MetricName};

    fn datum(size: usize) -> Datum {
        let mut dimensions = Dimensions::new();
        for index in 0..size {
            let key = format!("k{index}");
            dimensions = dimensions.with(key, "\\".repeat(64)).expect("kept");
        }
        let name = MetricName::mangled("m");
        Datum::raw(name, dimensions, 1.0, 1_763_730_000_000).expect("a datum")
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_each_batch_fits(sizes in proptest::collection::vec(0_usize..=10, 0..200)) {
            let data: Vec<_> = sizes.into_iter().map(datum).collect();
            let mut packer = Packer::default();
            let mut batches: Vec<_> = data.iter().filter_map(|datum| packer.add(datum.clone())).collect();
            batches.extend(packer.seal());
            prop_assert!(packer.is_empty() && packer.seal().is_none());
            for batch in &batches {
                let bytes: usize = batch.iter().map(Datum::query_bytes).sum();
                prop_assert!((1..=MAX_ENTRIES).contains(&batch.len()) && bytes <= MAX_QUERY_BYTES);
            }
            // Each was full: the first of the next one did not fit.
            for pair in batches.windows(2) {
                let bytes: usize = pair[0].iter().chain(&pair[1][..1]).map(Datum::query_bytes).sum();
                prop_assert!(pair[0].len() == MAX_ENTRIES || bytes > MAX_QUERY_BYTES);
            }
            prop_assert_eq!(batches.concat(), data);
        }
    }
}
