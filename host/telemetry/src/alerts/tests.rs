//! What tests of this folder share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lockgate_model::Clock;

use super::{Rule, Severity};

/// A rule of this name and condition, told to `log`.
pub(super) fn rule(name: &str, when: &str) -> Rule {
    Rule {
        name: name.parse().expect("a name"),
        project: "default".parse().expect("a name"),
        when: when.parse().expect("a condition"),
        holds_for: Duration::ZERO,
        at_least: 1,
        budget: Some(1_000),
        severity: Severity::Warning,
        tell: vec!["log".parse().expect("a name")],
        silence: Duration::from_secs(3600),
    }
}

/// A clock that is where the longest sleep so far was until. Clones are the same clock.
#[derive(Debug, Clone, Default)]
pub(super) struct Jumping(Arc<Mutex<Duration>>);

impl Jumping {
    fn time(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for Jumping {
    fn now(&self) -> Duration {
        self.time()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.time()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        async move {
            tokio::task::yield_now().await;
            *clock.0.lock().unwrap_or_else(PoisonError::into_inner) += duration;
        }
        .boxed()
    }
}
