//! What telemetry counts of itself: what it sent, and what it had to let go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::snapshot::OwnCount;

/// What was let go instead of being sent or counted apart; the reason says by whom and why.
pub const DROPPED: &str = "lockgate.telemetry.dropped";

/// Entries that CMS took.
pub const CMS_SENT: &str = "lockgate.cms.sent";

/// Entries that CMS refused, by reason.
pub const CMS_REFUSED: &str = "lockgate.cms.refused";

/// Requests to CMS that were made again, by reason.
pub const CMS_RETRIED: &str = "lockgate.cms.retried";

/// Reasons of one instrument that are told apart. Some are what a server answered.
const MAX_REASONS: usize = 100;

/// Counters of telemetry itself. Clones are handles of the same.
#[derive(Debug, Clone, Default)]
pub struct Own(Arc<Mutex<BTreeMap<Key, u64>>>);

/// An instrument and a reason.
type Key = (&'static str, Arc<str>);

impl Own {
    /// Adds to a counter.
    pub fn add(&self, name: &'static str, reason: &str, by: u64) {
        self.change(name, reason, |total| total.saturating_add(by));
    }

    /// Sets a counter to what somebody else counted.
    pub fn set(&self, name: &'static str, reason: &str, total: u64) {
        self.change(name, reason, |_| total);
    }

    fn change(&self, name: &'static str, reason: &str, change: impl FnOnce(u64) -> u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key: Key = (name, reason.into());
        if !counts.contains_key(&key) {
            let reasons = counts.keys().filter(|(other, _)| *other == name);
            if reasons.count() >= MAX_REASONS {
                key.1 = crate::OTHER.into();
            }
        }
        let total = counts.entry(key).or_default();
        *total = change(*total);
    }

    /// All of them.
    pub fn all(&self) -> Vec<OwnCount> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |((name, reason), total): (&Key, &u64)| OwnCount {
            name,
            reason: Arc::clone(reason),
            total: *total,
        };
        counts.iter().map(count).collect()
    }
}
