//! What is counted of a node as bytes, so that whoever stores it need not know what is counted.

use crate::histogram::Sketch;
use crate::leb128::{read, write};
use crate::names::Outcome;
use crate::snapshot::NodeCounts;

/// The first byte of what [`NodeCounts::encode`] writes.
const FORMAT: u8 = 1;

impl NodeCounts {
    /// As bytes: a format byte, then whole numbers of variable length, each list after how many it has. What is empty
    /// takes one byte.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        for number in [
            self.retries,
            self.cache_hits,
            self.tokens.input,
            self.tokens.output,
        ] {
            write(&mut bytes, number);
        }
        write(&mut bytes, self.traps.len() as u64);
        self.traps.iter().for_each(|&trap| write(&mut bytes, trap));
        for sketch in [&self.fuel, &self.memory] {
            put(&mut bytes, sketch);
        }
        write(&mut bytes, Outcome::ALL.len() as u64);
        for outcome in Outcome::ALL {
            put(&mut bytes, self.durations.of(outcome));
        }
        bytes
    }

    /// What [`Self::encode`] wrote. None for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&format, mut rest) = bytes.split_first()?;
        if format != FORMAT {
            return None;
        }
        let rest = &mut rest;
        let mut counts = Self {
            retries: read(rest)?,
            cache_hits: read(rest)?,
            ..Self::default()
        };
        counts.tokens.input = read(rest)?;
        counts.tokens.output = read(rest)?;
        expect(rest, counts.traps.len())?;
        for trap in &mut counts.traps {
            *trap = read(rest)?;
        }
        counts.fuel = take(rest)?;
        counts.memory = take(rest)?;
        expect(rest, Outcome::ALL.len())?;
        for outcome in Outcome::ALL {
            counts.durations.add_to(outcome, &take(rest)?);
        }
        rest.is_empty().then_some(counts)
    }
}

fn put(bytes: &mut Vec<u8>, sketch: &Sketch) {
    if sketch.is_empty() {
        bytes.push(0);
        return;
    }
    let encoded = sketch.encode();
    write(bytes, encoded.len() as u64);
    bytes.extend_from_slice(&encoded);
}

fn take(bytes: &mut &[u8]) -> Option<Sketch> {
    let length = usize::try_from(read(bytes)?).ok()?;
    let (encoded, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    if encoded.is_empty() {
        return Some(Sketch::new());
    }
    Sketch::decode(encoded)
}

fn expect(bytes: &mut &[u8], length: usize) -> Option<()> {
    (read(bytes)? == length as u64).then_some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(values: &[(u8, u64)]) -> NodeCounts {
        let mut counts = NodeCounts::default();
        for &(outcome, value) in values {
            let outcome = Outcome::ALL[usize::from(outcome) % Outcome::ALL.len()];
            let mut one = Sketch::new();
            one.record(value);
            counts.durations.add_to(outcome, &one);
            counts.fuel.record(value / 3);
            counts.memory.record(65_536);
            counts.retries += value % 2;
            counts.traps[2] += value % 3;
            counts.tokens.input += value % 1_000;
        }
        counts
    }

    proptest! {
        #[test]
        fn rows_that_are_added_are_what_all_values_together_are(
            minutes in prop::collection::vec(
                prop::collection::vec((any::<u8>(), 0_u64..1 << 40), 0..20), 0..12),
        ) {
            let mut hour = NodeCounts::default();
            for minute in &minutes {
                let stored = counts(minute).encode();
                let read = NodeCounts::decode(&stored).expect("what was written");
                prop_assert_eq!(&read, &counts(minute));
                hour.add(&read);
            }
            prop_assert_eq!(hour, counts(&minutes.concat()));
        }

        #[test]
        fn bytes_of_any_kind_are_read_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..80),
            values in prop::collection::vec((any::<u8>(), any::<u64>().prop_map(|n| n >> 8)), 1..5),
            at in any::<prop::sample::Index>(),
        ) {
            let _ = NodeCounts::decode(&bytes);
            let mut changed = counts(&values).encode();
            let at = at.index(changed.len());
            changed[at] ^= 0x55;
            if let Some(read) = NodeCounts::decode(&changed) {
                let again = NodeCounts::decode(&read.encode());
                prop_assert_eq!(again, Some(read));
            }
            changed.push(0);
            prop_assert_eq!(NodeCounts::decode(&changed), None, "nothing may follow");
        }
    }

    #[test]
    fn what_is_empty_is_short() {
        let empty = NodeCounts::default();
        assert_eq!(NodeCounts::decode(&empty.encode()), Some(empty.clone()));
        assert!(empty.encode().len() < 24);
        assert_eq!(NodeCounts::decode(&[]), None);
        assert_eq!(NodeCounts::decode(&[9, 0, 0]), None);
    }
}
