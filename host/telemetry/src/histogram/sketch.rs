//! A histogram that stands still: what was drained, added up, stored, and asked for percentiles.

use super::scale::{self, BUCKETS};
use crate::leb128::{read, write};

/// The first byte of what [`Sketch::encode`] writes.
const FORMAT: u8 = 1;

/// How many values there were, in exponential buckets; with their sum, which is exact, and their least and their greatest, which
/// are so unless they were recorded just while they were taken out.
///
/// Values are whole numbers of the smallest unit that is counted. A percentile is at most 4.5 % off, and two of them can be
/// added without making that worse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sketch {
    /// By bucket, in ascending order, none with 0.
    buckets: Vec<(u16, u64)>,
    zeros: u64,
    sum: u64,
    /// Both 0 while it is empty.
    min: u64,
    max: u64,
}

impl Sketch {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// From its parts; buckets in ascending order.
    ///
    /// What is recorded while it is drained may leave its extremes in another sketch than its value. They are held to the
    /// buckets at the ends, so that they are off by no more than a bucket is wide.
    pub(super) fn of(buckets: Vec<(u16, u64)>, zeros: u64, sum: u64, min: u64, max: u64) -> Self {
        let within = |value: u64, bucket: u16| {
            let least = value.max(scale::least(bucket));
            least.min(scale::greatest(bucket))
        };
        let first = buckets.first().filter(|_| zeros == 0);
        let (min, max) = (
            first.map_or(0, |first| within(min, first.0)),
            buckets.last().map_or(0, |last| within(max, last.0)),
        );
        Self {
            buckets,
            zeros,
            sum,
            min,
            max,
        }
    }

    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        let first = self.is_empty();
        match scale::bucket(value) {
            None => self.zeros += 1,
            Some(bucket) => match self.buckets.binary_search_by_key(&bucket, |one| one.0) {
                Ok(at) => self.buckets[at].1 += 1,
                Err(at) => self.buckets.insert(at, (bucket, 1)),
            },
        }
        self.sum = self.sum.saturating_add(value);
        self.min = if first { value } else { self.min.min(value) };
        self.max = self.max.max(value);
    }

    /// Adds what another counted.
    pub fn add(&mut self, other: &Self) {
        if let Some((min, max)) = other.extremes() {
            let mine = self.extremes().unwrap_or((min, max));
            (self.min, self.max) = (mine.0.min(min), mine.1.max(max));
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.zeros = self.zeros.saturating_add(other.zeros);
        if self.buckets.is_empty() {
            self.buckets.clone_from(&other.buckets);
            return;
        }
        let mut both = Vec::with_capacity(self.buckets.len().max(other.buckets.len()));
        let mut mine = self.buckets.iter().copied().peekable();
        for &(bucket, count) in &other.buckets {
            while let Some(before) = mine.next_if(|one| one.0 < bucket) {
                both.push(before);
            }
            let same = mine.next_if(|one| one.0 == bucket);
            both.push((bucket, count.saturating_add(same.map_or(0, |one| one.1))));
        }
        both.extend(mine);
        self.buckets = both;
    }

    fn extremes(&self) -> Option<(u64, u64)> {
        (!self.is_empty()).then_some((self.min, self.max))
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.zeros == 0 && self.buckets.is_empty()
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        let counts = self.buckets.iter().map(|one| one.1);
        counts.fold(self.zeros, u64::saturating_add)
    }

    /// How many of them were 0.
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// The sum of all values, exactly.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The least value; 0 if there was none.
    pub fn min(&self) -> u64 {
        self.min
    }

    /// The greatest value; 0 if there was none.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The mean; 0 if there was no value.
    pub fn mean(&self) -> f64 {
        match self.count() {
            0 => 0.0,
            count => self.sum as f64 / count as f64,
        }
    }

    /// The value that a share `q` of all values, from 0 to 1, does not exceed: the one of rank `⌈q · count⌉`. None if there
    /// was no value.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = ((q.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count);
        // The ends are known.
        if rank == count {
            return Some(self.max as f64);
        }
        let mut seen = self.zeros;
        if rank <= seen {
            return Some(0.0);
        }
        for &(bucket, count) in &self.buckets {
            seen = seen.saturating_add(count);
            if rank <= seen {
                let value = scale::middle(bucket);
                return Some(value.clamp(self.min as f64, self.max as f64));
            }
        }
        Some(self.max as f64)
    }

    /// How many values there were at most `bound`, which is a power of two: exact there, because it is a bound of buckets.
    pub fn at_most(&self, bound: u64) -> u64 {
        let last = scale::bucket(bound);
        let below = self.buckets.iter().take_while(|one| Some(one.0) <= last);
        below.fold(self.zeros, |sum, one| sum.saturating_add(one.1))
    }

    /// The buckets that have values, in ascending order: OpenTelemetry's index at scale [`super::SCALE`], and the count.
    pub fn buckets(&self) -> impl Iterator<Item = (i32, u64)> {
        self.buckets
            .iter()
            .map(|&(bucket, count)| (i32::from(bucket) - 1, count))
    }

    /// Counts by the middles of buckets, in ascending order: what comparisons are computed from.
    pub fn middles(&self) -> impl Iterator<Item = (f64, u64)> {
        let zeros = (self.zeros > 0).then_some((0.0, self.zeros));
        let rest = self.buckets.iter();
        let rest = rest.map(|&(bucket, count)| (scale::middle(bucket), count));
        zeros.into_iter().chain(rest)
    }

    /// As bytes, to be stored: a format byte and whole numbers of variable length (LEB128).
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        for number in [self.zeros, self.sum, self.min, self.max] {
            write(&mut bytes, number);
        }
        let mut before = 0;
        for &(bucket, count) in &self.buckets {
            write(&mut bytes, u64::from(bucket - before));
            write(&mut bytes, count);
            before = bucket;
        }
        bytes
    }

    /// What [`Self::encode`] wrote. None for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&format, mut rest) = bytes.split_first()?;
        if format != FORMAT {
            return None;
        }
        let mut next = || read(&mut rest);
        let (zeros, sum, min, max) = (next()?, next()?, next()?, next()?);
        let mut buckets: Vec<(u16, u64)> = Vec::new();
        let mut before = 0_u64;
        while !rest.is_empty() {
            let (step, count) = (read(&mut rest)?, read(&mut rest)?);
            let bucket = before.checked_add(step)?;
            let is_next = step > 0 || buckets.is_empty();
            if !is_next || bucket >= BUCKETS as u64 || count == 0 {
                return None;
            }
            buckets.push((u16::try_from(bucket).ok()?, count));
            before = bucket;
        }
        let is_right = min <= max;
        is_right.then_some(Self {
            buckets,
            zeros,
            sum,
            min,
            max,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sketch(values: &[u64]) -> Sketch {
        let mut sketch = Sketch::new();
        values.iter().for_each(|&value| sketch.record(value));
        sketch
    }

    fn exact(values: &[u64], q: f64) -> f64 {
        let mut values = values.to_vec();
        values.sort_unstable();
        let rank = (q * values.len() as f64).ceil() as usize;
        values[rank.clamp(1, values.len()) - 1] as f64
    }

    proptest! {
        #[test]
        fn percentiles_are_true_to_five_percent(
            values in prop::collection::vec(prop_oneof![Just(0), 1_u64..1000, 1_u64..1 << 45], 1..400),
            q in 0.0..1.0,
        ) {
            let sketch = sketch(&values);
            for q in [q, 0.5, 0.9, 0.95, 0.99, 1.0] {
                let (found, exact) = (sketch.quantile(q).expect("values"), exact(&values, q));
                prop_assert!((found - exact).abs() <= 0.05 * exact, "{q}: {found} for {exact}");
            }
            prop_assert_eq!(sketch.count(), values.len() as u64);
            prop_assert_eq!(sketch.sum(), values.iter().sum::<u64>());
            prop_assert_eq!(Some(sketch.min()), values.iter().min().copied());
            prop_assert_eq!(Some(sketch.max()), values.iter().max().copied());
            let bound = 1 << 20;
            let at_most = values.iter().filter(|&&value| value <= bound).count();
            prop_assert_eq!(sketch.at_most(bound), at_most as u64);
        }

        #[test]
        fn what_is_added_is_what_all_values_together_are(
            a in prop::collection::vec(0_u64..1 << 40, 0..50),
            b in prop::collection::vec(0_u64..1 << 40, 0..50),
        ) {
            let mut sum = sketch(&a);
            sum.add(&sketch(&b));
            prop_assert_eq!(&sum, &sketch(&[a, b].concat()));
            prop_assert_eq!(Sketch::decode(&sum.encode()), Some(sum));
        }

        #[test]
        fn bytes_of_any_kind_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut() {
                *first = FORMAT;
            }
            if let Some(read) = Sketch::decode(&bytes) {
                let again = Sketch::decode(&read.encode());
                prop_assert_eq!(again, Some(read));
            }
        }
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(Sketch::new().quantile(0.5), None);
        assert_eq!(Sketch::decode(&[]), None);
        assert_eq!(Sketch::decode(&[FORMAT]), None);
    }
}
