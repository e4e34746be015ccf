//! What became of the data: plain atomics, read as one struct.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::{CallError, RefusalKind};

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
    pub retried: Retried,
    /// Were refused by CMS, each by itself, and are gone.
    pub refused: Refused,
    /// Were dropped because a bound was met, and are gone.
    pub dropped: Dropped,
    /// Are on disk.
    pub spooled: u64,
    /// How much of the disk they take, in bytes.
    pub spooled_bytes: u64,
}

/// Requests that came to nothing and will be made again, by why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retried {
    /// CMS took no more for then.
    pub throttled: u64,
    /// There was no answer of CMS's.
    pub unreachable: u64,
    /// They came too late, or twice.
    pub expired: u64,
    /// There were no credentials.
    pub credentials: u64,
    /// CMS refused who asked.
    pub authentication: u64,
    /// CMS, or what is before it, failed: 5xx.
    pub fault: u64,
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

impl Retried {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.throttled
            + self.unreachable
            + self.expired
            + self.credentials
            + self.authentication
            + self.fault
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

/// Why a request is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    Throttled,
    Unreachable,
    Expired,
    Credentials,
    Authentication,
    Fault,
}

impl Trouble {
    pub(super) fn of(error: &CallError) -> Self {
        match error {
            CallError::Credentials(_) => Self::Credentials,
            CallError::Throttled { .. } => Self::Throttled,
            CallError::Retryable { .. } => Self::Unreachable,
            CallError::Fault { .. } => Self::Fault,
            CallError::Expired { .. } => Self::Expired,
            CallError::Refused(_) => Self::Authentication,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    offered: AtomicU64,
    pub(super) found: AtomicU64,
    pub(super) sent: AtomicU64,
    throttled: AtomicU64,
    unreachable: AtomicU64,
    expired: AtomicU64,
    credentials: AtomicU64,
    authentication: AtomicU64,
    fault: AtomicU64,
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

    pub(super) fn retried(&self, trouble: Trouble) {
        let counter = match trouble {
            Trouble::Throttled => &self.throttled,
            Trouble::Unreachable => &self.unreachable,
            Trouble::Expired => &self.expired,
            Trouble::Credentials => &self.credentials,
            Trouble::Authentication => &self.authentication,
            Trouble::Fault => &self.fault,
        };
        add(counter, 1);
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
            retried: Retried {
                throttled: self.throttled.load(Relaxed),
                unreachable: self.unreachable.load(Relaxed),
                expired: self.expired.load(Relaxed),
                credentials: self.credentials.load(Relaxed),
                authentication: self.authentication.load(Relaxed),
                fault: self.fault.load(Relaxed),
            },
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
