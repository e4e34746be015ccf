//! What routes about alerts need: the rules in force, where they stand, and the past.

use std::fmt;
use std::sync::Arc;

use lockgate_telemetry::alerts::config::RuleSet;
use lockgate_telemetry::alerts::{Alerts, Past};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::problem::{Code, Problem};

/// How many checks of the past go on at once. One may look at a month of minutes.
const CHECKS: usize = 2;

/// The rules of a host, where they stand, and the past that others can be tried on.
#[derive(Clone)]
pub struct Alerting {
    pub(crate) alerts: Arc<Alerts>,
    pub(crate) rules: Arc<RuleSet>,
    pub(crate) past: Arc<dyn Past>,
    checks: Arc<Semaphore>,
}

impl Alerting {
    /// The rules in force, what looks at them, and what was counted before now.
    pub fn new(alerts: Arc<Alerts>, rules: RuleSet, past: Arc<dyn Past>) -> Self {
        Self {
            alerts,
            rules: Arc::new(rules),
            past,
            checks: Arc::new(Semaphore::new(CHECKS)),
        }
    }

    /// A place for one check.
    pub(crate) fn place(&self) -> Result<SemaphorePermit<'_>, Problem> {
        let place = self.checks.try_acquire();
        place.map_err(|_| {
            let problem = Problem::new(Code::Busy, "too many checks of the past go on at once");
            problem.retry_after(std::time::Duration::from_secs(5))
        })
    }
}

impl fmt::Debug for Alerting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alerting").finish_non_exhaustive()
    }
}
