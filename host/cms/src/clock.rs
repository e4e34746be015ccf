//! Time, as this crate sees it: a port, so that tests need not wait.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;

/// Time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time of the day.
    fn now(&self) -> SystemTime;

    /// Resolves when `duration` has passed.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Resolves when an answer was waited for long enough. It is [`Clock::sleep`], but for clocks of tests: those jump to the next
    /// moment that something sleeps for, and must not while an answer is on its way: from this call until what it gives is dropped.
    fn patience(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.sleep(duration)
    }
}

/// Held while another thread uses the disk, and never waited for: a clock of a test stands still meanwhile.
pub(crate) fn disk_works(clock: &Arc<dyn Clock>) -> BoxFuture<'static, ()> {
    clock.patience(Duration::ZERO)
}

/// The machine's time, and tokio's timers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
