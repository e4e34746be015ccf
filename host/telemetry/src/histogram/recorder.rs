//! A histogram that many threads write at once, without a lock: a few atomic additions for each value.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::scale::{self, BUCKETS};
use super::sketch::Sketch;

/// Buckets that are made together, when the first of them is needed: eight octaves. What a node takes seldom spreads over
/// more than two of these.
const CHUNK: usize = 64;

const CHUNKS: usize = BUCKETS.div_ceil(CHUNK);

type Chunk = [AtomicU32; CHUNK];

/// Counts values. What was counted is taken out by one who drains it, from time to time.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// Set last, and taken first: while it is not, nothing was counted since.
    touched: AtomicBool,
    zeros: AtomicU32,
    sum: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
    chunks: [OnceLock<Box<Chunk>>; CHUNKS],
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            touched: AtomicBool::new(false),
            zeros: AtomicU32::new(0),
            sum: AtomicU64::new(0),
            min: AtomicU64::new(u64::MAX),
            max: AtomicU64::new(0),
            chunks: [const { OnceLock::new() }; CHUNKS],
        }
    }
}

impl Recorder {
    /// Counts one value.
    pub(crate) fn record(&self, value: u64) {
        match scale::bucket(value) {
            None => self.zeros.fetch_add(1, Ordering::Relaxed),
            Some(bucket) => {
                let bucket = usize::from(bucket);
                let chunk = self.chunks[bucket / CHUNK]
                    .get_or_init(|| Box::new([const { AtomicU32::new(0) }; CHUNK]));
                chunk[bucket % CHUNK].fetch_add(1, Ordering::Relaxed)
            }
        };
        self.sum.fetch_add(value, Ordering::Relaxed);
        // Most values are neither, and to look costs less than to write.
        if value < self.min.load(Ordering::Relaxed) {
            self.min.fetch_min(value, Ordering::Relaxed);
        }
        if value > self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(value, Ordering::Relaxed);
        }
        self.touched.store(true, Ordering::Release);
    }

    /// Takes out what was counted since the last time. A value that is counted meanwhile is in this sketch or in the next
    /// one; its sum may be in the other, and its extremes are there those of its bucket.
    pub(crate) fn drain(&self) -> Option<Sketch> {
        if !self.touched.swap(false, Ordering::Acquire) {
            return None;
        }
        let mut buckets = Vec::new();
        for (index, chunk) in self.chunks.iter().enumerate() {
            for (within, count) in chunk
                .get()
                .into_iter()
                .flat_map(|chunk| chunk.iter().enumerate())
            {
                // Most are 0, and to look costs less than to write.
                if count.load(Ordering::Relaxed) > 0 {
                    let count = count.swap(0, Ordering::Relaxed);
                    // There are fewer buckets than a u16 counts.
                    buckets.push(((index * CHUNK + within) as u16, u64::from(count)));
                }
            }
        }
        Some(Sketch::of(
            buckets,
            u64::from(self.zeros.swap(0, Ordering::Relaxed)),
            self.sum.swap(0, Ordering::Relaxed),
            self.min.swap(u64::MAX, Ordering::Relaxed),
            self.max.swap(0, Ordering::Relaxed),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_is_drained_is_what_was_recorded() {
        let recorder = Recorder::default();
        assert_eq!(recorder.drain(), None);
        let mut expected = Sketch::new();
        for value in [0, 1, 7, 1 << 40, u64::MAX / 2, 7] {
            recorder.record(value);
            expected.record(value);
        }
        assert_eq!(recorder.drain(), Some(expected));
        assert_eq!(recorder.drain(), None);
    }

    #[test]
    fn nothing_is_lost_while_threads_record_and_one_drains() {
        const EACH: u64 = 50_000;
        let recorder = Recorder::default();
        let drained = thread::scope(|scope| {
            let writers: Vec<_> = (0..4_u64)
                .map(|thread| {
                    let recorder = &recorder;
                    scope.spawn(move || (0..EACH).for_each(|n| recorder.record(n * 4 + thread)))
                })
                .collect();
            let mut drained = Sketch::new();
            while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
                recorder.drain().iter().for_each(|one| {
                    assert_that_ends_are_of_values(one);
                    drained.add(one);
                });
            }
            drained
        });
        let mut drained = drained;
        recorder.drain().iter().for_each(|one| drained.add(one));
        let values = 4 * EACH;
        assert_eq!(drained.count(), values);
        assert_eq!(drained.sum(), (0..values).sum::<u64>());
        assert_eq!(drained.min(), 0);
        assert_eq!(scale::bucket(drained.max()), scale::bucket(values - 1));
    }

    /// The extremes are in the buckets at the ends.
    fn assert_that_ends_are_of_values(sketch: &Sketch) {
        let index = |value| scale::bucket(value).map(|bucket| i32::from(bucket) - 1);
        let first = sketch.buckets().next().map(|one| one.0);
        let last = sketch.buckets().last().map(|one| one.0);
        let first = first.filter(|_| sketch.zeros() == 0);
        assert_eq!((index(sketch.min()), index(sketch.max())), (first, last));
    }

    #[test]
    fn extremes_of_other_values_are_not_those_of_these() {
        let bucket = scale::bucket(1_000).expect("it is not 0");
        let of = |zeros, min, max| Sketch::of(vec![(bucket, 1)], zeros, 1_000, min, max);
        for (min, max) in [(1, 1 << 40), (u64::MAX, 0), (1_000, 1_000)] {
            let sketch = of(0, min, max);
            assert_that_ends_are_of_values(&sketch);
            let p99 = sketch.quantile(0.99).expect("a value");
            assert!((900.0..1_100.0).contains(&p99), "{min} {max}: {p99}");
        }
        assert_eq!(of(1, 7, 1 << 40).min(), 0);
        let none = Sketch::of(Vec::new(), 0, 0, 3, 5);
        assert_eq!((none.min(), none.max()), (0, 0));
    }
}
