//! Outputs kept in this process's memory, up to a size; what was used longest ago goes first.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, ready};
use lockgate_model::{CacheKey, Clock, OutputCache, Outputs};
use lru::LruCache;

/// What an entry takes beside its values: its key, its place in the table and in the order, names and pointers.
const ENTRY_BYTES: usize = 256;

/// Outputs kept in this process's memory.
pub struct MemoryCache {
    clock: Arc<dyn Clock>,
    most_bytes: usize,
    kept: Mutex<Kept>,
}

struct Kept {
    entries: LruCache<CacheKey, Entry>,
    bytes: usize,
}

struct Entry {
    outputs: Outputs,
    bytes: usize,
    /// By the clock.
    until: Option<Duration>,
}

impl MemoryCache {
    /// How much is kept where nobody says otherwise.
    pub const DEFAULT_BYTES: usize = 64 << 20;

    /// A cache for at most `most_bytes`. An entry of more than an eighth of that is not kept: it would push out too much.
    pub fn new(most_bytes: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            most_bytes,
            kept: Mutex::new(Kept {
                entries: LruCache::unbounded(),
                bytes: 0,
            }),
        }
    }

    /// How many bytes are kept, the entries' own included.
    pub fn bytes(&self) -> usize {
        self.kept().bytes
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &CacheKey) -> Option<Outputs> {
        let now = self.clock.now();
        let mut kept = self.kept();
        let entry = kept.entries.get(key)?;
        if entry.until.is_none_or(|until| now < until) {
            return Some(entry.outputs.clone());
        }
        if let Some(old) = kept.entries.pop(key) {
            kept.bytes -= old.bytes;
        }
        None
    }

    fn keep(&self, key: CacheKey, outputs: Outputs, age: Option<Duration>) {
        let values: usize = outputs
            .iter()
            .map(|(name, value)| name.as_str().len() + value.size())
            .sum();
        let bytes = ENTRY_BYTES + values;
        if bytes > self.most_bytes / 8 {
            return;
        }
        let until = age.map(|age| self.clock.now().saturating_add(age));
        let entry = Entry {
            outputs,
            bytes,
            until,
        };
        let mut kept = self.kept();
        if let Some(old) = kept.entries.put(key, entry) {
            kept.bytes -= old.bytes;
        }
        kept.bytes += bytes;
        while kept.bytes > self.most_bytes {
            let Some((_, oldest)) = kept.entries.pop_lru() else {
                break;
            };
            kept.bytes -= oldest.bytes;
        }
    }
}

impl OutputCache for MemoryCache {
    fn get<'a>(&'a self, key: &'a CacheKey) -> BoxFuture<'a, Option<Outputs>> {
        Box::pin(ready(self.find(key)))
    }

    fn put(&self, key: CacheKey, outputs: Outputs, age: Option<Duration>) -> BoxFuture<'_, ()> {
        self.keep(key, outputs, age);
        Box::pin(ready(()))
    }
}

impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCache")
            .field("bytes", &self.bytes())
            .field("most_bytes", &self.most_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use lockgate_model::Value;

    use super::*;

    /// A clock that goes when it is told to.
    #[derive(Default)]
    struct Hand(Mutex<Duration>);

    impl Clock for Hand {
        fn now(&self) -> Duration {
            *self.0.lock().expect("no panic")
        }

        fn wall(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + self.now()
        }

        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }
    }

    fn cache(most_bytes: usize) -> MemoryCache {
        MemoryCache::new(most_bytes, Arc::new(Hand::default()))
    }

    fn outputs(size: usize) -> Outputs {
        vec![("a".parse().expect("a name"), Value::text("x".repeat(size)))]
    }

    fn key(n: u8) -> CacheKey {
        CacheKey([n; 32])
    }

    #[tokio::test]
    async fn what_was_used_longest_ago_goes_first() {
        let cache = cache(12 * (ENTRY_BYTES + 101));
        for n in 0..12 {
            cache.put(key(n), outputs(100), None).await;
        }
        assert!(cache.get(&key(0)).await.is_some());
        cache.put(key(12), outputs(100), None).await;
        assert!(cache.get(&key(0)).await.is_some(), "it was used just now");
        assert!(cache.get(&key(1)).await.is_none());
        assert_eq!(cache.bytes(), 12 * (ENTRY_BYTES + 101));
    }

    #[tokio::test]
    async fn replacing_counts_once_and_what_is_too_large_is_not_kept() {
        let cache = cache(8 * 1024);
        cache.put(key(1), outputs(100), None).await;
        cache.put(key(1), outputs(200), None).await;
        assert_eq!(cache.bytes(), ENTRY_BYTES + 201);
        cache.put(key(2), outputs(1024), None).await;
        assert!(cache.get(&key(2)).await.is_none());
        assert_eq!(cache.get(&key(1)).await, Some(outputs(200)));
    }

    #[tokio::test]
    async fn what_is_too_old_is_gone() {
        let hand = Arc::new(Hand::default());
        let cache = MemoryCache::new(1 << 20, hand.clone());
        let age = Duration::from_secs(600);
        cache.put(key(1), outputs(1), Some(age)).await;
        cache.put(key(2), outputs(1), None).await;
        *hand.0.lock().expect("no panic") = Duration::from_secs(599);
        assert!(cache.get(&key(1)).await.is_some());
        *hand.0.lock().expect("no panic") = age;
        assert!(cache.get(&key(1)).await.is_none());
        assert!(cache.get(&key(2)).await.is_some());
        assert_eq!(cache.bytes(), ENTRY_BYTES + 2);
    }
}
