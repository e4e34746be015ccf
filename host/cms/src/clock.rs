//! Time, as this crate sees it: a port, so that tests need not wait.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

/// The time of the day as requests say it: `2016-02-23T12:46:24Z`. A clock outside of 1970 to 9999 tells the nearest of these; it is
/// refused either way.
pub(crate) fn timestamp(clock: &Arc<dyn Clock>) -> String {
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let now = clock.now().clamp(UNIX_EPOCH, UNIX_EPOCH + LAST);
    humantime::format_rfc3339_seconds(now).to_string()
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
