//! The clock of a host: tokio's.

use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use lockgate_model::Clock;
use tokio::time::Instant;

/// Time as tokio keeps it. Sleeping needs a tokio runtime whose time is enabled.
#[derive(Debug, Clone, Copy)]
pub struct HostClock(Instant);

impl HostClock {
    /// A clock that counts from now.
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for HostClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
