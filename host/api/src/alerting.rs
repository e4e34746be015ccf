//! What routes about alerts need: the past, the rules in force, and where they stand.

use std::fmt;
use std::sync::Arc;

use lockgate_telemetry::alerts::config::RuleSet;
use lockgate_telemetry::alerts::{Alerts, Past};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::problem::{Code, Problem};

/// How many checks of the past go on at once. One may look at a month of minutes.
const CHECKS: usize = 2;

/// The past that rules can be tried on, and the rules of a host, where it has some.
#[derive(Clone)]
pub struct Alerting {
    pub(crate) in_force: Option<InForce>,
    pub(crate) past: Arc<dyn Past>,
    checks: Arc<Semaphore>,
}

/// The rules in force, and where they stand.
#[derive(Clone)]
pub(crate) struct InForce {
    pub(crate) alerts: Arc<Alerts>,
    pub(crate) rules: Arc<RuleSet>,
}

impl Alerting {
    /// What was counted before now: rules that come with a request are tried on it.
    pub fn new(past: Arc<dyn Past>) -> Self {
        Self {
            in_force: None,
            past,
            checks: Arc::new(Semaphore::new(CHECKS)),
        }
    }

    /// With rules in force, and what looks at them.
    #[must_use]
    pub fn with_rules(self, alerts: Arc<Alerts>, rules: RuleSet) -> Self {
        let rules = Arc::new(rules);
        Self {
            in_force: Some(InForce { alerts, rules }),
            ..self
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
