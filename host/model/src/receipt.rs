//! What one call used.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// What one call used of each of its [`crate::Limits`], and where its time went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Waiting for a place in the sandbox.
    #[serde(rename = "queue_us", serialize_with = "micros")]
    pub queue: Duration,
    /// Making the instance.
    #[serde(rename = "instantiate_us", serialize_with = "micros")]
    pub instantiate: Duration,
    /// The guest ran, host calls that return at once included.
    #[serde(rename = "guest_us", serialize_with = "micros")]
    pub guest: Duration,
    /// The guest did not run: it waited in a host call, or for its neighbours after it had used its slice of time.
    #[serde(rename = "host_wait_us", serialize_with = "micros")]
    pub host_wait: Duration,
    /// Holding documents on inputs and outputs against their ports' schemas.
    #[serde(rename = "check_us", serialize_with = "micros")]
    pub check: Duration,
    /// Fuel.
    pub fuel: u64,
    /// The most bytes that all memories and tables had together.
    pub memory_bytes: u64,
    /// Core instances that the component was made of.
    pub instances: u32,
    /// The most host resources that were alive at once.
    pub resources: u32,
    /// Bytes that host calls copied into and out of the sandbox.
    pub copied_bytes: u64,
    /// Bytes of log lines that were kept.
    pub log_bytes: u64,
    /// Bytes of the inputs.
    pub input_bytes: u64,
    /// Bytes of the outputs, parts included.
    pub output_bytes: u64,
}

impl Receipt {
    /// From the first moment to the last.
    pub fn total(&self) -> Duration {
        self.queue + self.instantiate + self.guest + self.host_wait + self.check
    }
}

fn micros<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}
