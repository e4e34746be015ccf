//! What became of the data: plain atomics, read as one struct.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::RefusalKind;

/// What became of everything since the sender was started. Each number is of data, where nothing else is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SenderStatus {
    /// Were offered.
    pub offered: u64,
    /// Were found in the spool at the start.
    pub found: u64,
    /// Were taken by CMS.
    pub sent: u64,
    /// Requests that will be made again.
    pub retried: u64,
    /// Were refused by CMS, each by itself, and are gone.
    pub refused: Refused,
    /// Were dropped because a bound was met, and are gone.
    pub dropped: Dropped,
    /// Are on disk.
    pub spooled: u64,
    /// How much of the disk they take, in bytes.
    pub spooled_bytes: u64,
}

/// What was refused, by what the refusal was about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The account's bounds.
    pub quota: u64,
    /// Something in the datum.
    pub parameter: u64,
    /// Its length.
    pub too_large: u64,
    /// Something else.
    pub other: u64,
}

/// What was dropped, by the bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// More were offered than may wait, or after the end.
    pub queue_full: u64,
    /// The spool was full, and these were the oldest.
    pub spool_full: u64,
    /// The spool could not be written, and memory was full.
    pub spool_failed: u64,
    /// The spool's file was torn or changed.
    pub damaged: u64,
}

impl SenderStatus {
    /// How many are in memory. While a batch that was on disk is being sent in parts, it can be too low.
    pub fn waiting(&self) -> u64 {
        let came = self.offered + self.found;
        came.saturating_sub(self.sent + self.refused.total() + self.dropped.total() + self.spooled)
    }
}

impl Refused {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.quota + self.parameter + self.too_large + self.other
    }
}

impl Dropped {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.queue_full + self.spool_full + self.spool_failed + self.damaged
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    offered: AtomicU64,
    pub(super) found: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) retried: AtomicU64,
    quota: AtomicU64,
    parameter: AtomicU64,
    too_large: AtomicU64,
    other: AtomicU64,
    queue_full: AtomicU64,
    pub(super) spool_full: AtomicU64,
    pub(super) spool_failed: AtomicU64,
    pub(super) damaged: AtomicU64,
    spooled: AtomicU64,
    spooled_bytes: AtomicU64,
}

impl Counters {
    pub(super) fn offered(&self, offered: usize, left_over: usize) {
        add(&self.offered, offered);
        add(&self.queue_full, left_over);
    }

    pub(super) fn refused(&self, kind: RefusalKind) {
        let counter = match kind {
            RefusalKind::Quota => &self.quota,
            RefusalKind::Parameter => &self.parameter,
            RefusalKind::TooLarge => &self.too_large,
            RefusalKind::Authentication | RefusalKind::Other => &self.other,
        };
        add(counter, 1);
    }

    pub(super) fn spooled(&self, data: usize, bytes: u64) {
        self.spooled.store(data as u64, Relaxed);
        self.spooled_bytes.store(bytes, Relaxed);
    }

    pub(super) fn status(&self) -> SenderStatus {
        SenderStatus {
            offered: self.offered.load(Relaxed),
            found: self.found.load(Relaxed),
            sent: self.sent.load(Relaxed),
            retried: self.retried.load(Relaxed),
            refused: Refused {
                quota: self.quota.load(Relaxed),
                parameter: self.parameter.load(Relaxed),
                too_large: self.too_large.load(Relaxed),
                other: self.other.load(Relaxed),
            },
            dropped: Dropped {
                queue_full: self.queue_full.load(Relaxed),
                spool_full: self.spool_full.load(Relaxed),
                spool_failed: self.spool_failed.load(Relaxed),
                damaged: self.damaged.load(Relaxed),
            },
            spooled: self.spooled.load(Relaxed),
            spooled_bytes: self.spooled_bytes.load(Relaxed),
        }
    }
}

pub(super) fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Relaxed);
}
