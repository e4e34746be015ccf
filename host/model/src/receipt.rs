//! What one call used, and what all attempts at a node used together.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::{Outputs, Value};

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

    /// Adds what another call used: times, fuel and bytes are summed; of what calls occupy at one moment the most counts.
    pub fn add(&mut self, other: &Self) {
        self.queue += other.queue;
        self.instantiate += other.instantiate;
        self.guest += other.guest;
        self.host_wait += other.host_wait;
        self.check += other.check;
        self.fuel = self.fuel.saturating_add(other.fuel);
        self.memory_bytes = self.memory_bytes.max(other.memory_bytes);
        self.instances = self.instances.max(other.instances);
        self.resources = self.resources.max(other.resources);
        self.copied_bytes = self.copied_bytes.saturating_add(other.copied_bytes);
        self.log_bytes = self.log_bytes.saturating_add(other.log_bytes);
        self.input_bytes = self.input_bytes.saturating_add(other.input_bytes);
        self.output_bytes = self.output_bytes.saturating_add(other.output_bytes);
    }
}

/// What a node used in a run: all attempts, all elements of an `each`, all nodes of a sub-flow together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NodeReceipt {
    /// How many calls were made. 0 if none was needed.
    pub attempts: u32,
    /// How many times outputs were reused instead of being computed.
    pub cache_hits: u32,
    /// What the calls used together.
    #[serde(flatten)]
    pub calls: Receipt,
    /// What a model service counted, where the node has an output `usage` that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

impl NodeReceipt {
    /// Adds what another attempt, element or node used.
    pub fn add(&mut self, other: &Self) {
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.cache_hits = self.cache_hits.saturating_add(other.cache_hits);
        self.calls.add(&other.calls);
        if let Some(usage) = &other.usage {
            match &mut self.usage {
                Some(sum) => sum.add(usage),
                None => self.usage = Some(usage.clone()),
            }
        }
    }
}

/// Tokens of a model service, as a node's output `usage` has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Who serves the model, such as `openai`. The node's text: escape it. `mixed` where several are summed.
    pub provider: String,
    /// Which model. The node's text: escape it. `mixed` where several are summed.
    pub model: String,
    /// Tokens of the prompt.
    pub input_tokens: u64,
    /// Tokens of the completion.
    pub output_tokens: u64,
    /// Tokens of the prompt that the service had in a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
}

impl Usage {
    /// The output that it is read from.
    pub const PORT: &str = "usage";

    /// What a provider's or a model's name is where several are summed.
    pub const MIXED: &str = "mixed";

    /// The longest name of a provider or a model that is kept, in bytes.
    const MAX_NAME_BYTES: usize = 128;

    /// Reads it from the outputs of a call, where they have it.
    pub fn of(outputs: &Outputs) -> Option<Self> {
        let said = outputs.iter().find(|(name, _)| name.as_str() == Self::PORT);
        let Some((_, Value::Json(json))) = said else {
            return None;
        };
        let usage: Self = serde_json::from_str(json.as_str()).ok()?;
        let fits = |name: &str| name.len() <= Self::MAX_NAME_BYTES;
        (fits(&usage.provider) && fits(&usage.model)).then_some(usage)
    }

    fn add(&mut self, other: &Self) {
        for (name, other) in [
            (&mut self.provider, &other.provider),
            (&mut self.model, &other.model),
        ] {
            if name != other {
                Self::MIXED.clone_into(name);
            }
        }
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cached_tokens = match (self.cached_tokens, other.cached_tokens) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        };
    }
}

fn micros<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}
