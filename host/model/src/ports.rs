//! The ports through which a flow reaches its nodes. `flow` calls them, `runtime` implements them, and tests of `flow`
//! put in nodes of their own.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;

use crate::{Call, CallEnd, CallError, Json, Limits, NodeInfo, NodeRef, Outputs, PluginId, Ports};

/// Where a flow finds its nodes.
pub trait NodeCatalog: Send + Sync {
    /// The node that `reference` names now. What comes back stays that node, whatever is loaded later.
    fn find(&self, reference: &NodeRef) -> Result<Arc<dyn Node>, UnknownNode>;
}

/// One node of one version of one plugin.
pub trait Node: Send + Sync {
    /// What its plugin says of it.
    fn info(&self) -> &NodeInfo;

    /// Which plugin it comes from.
    fn plugin(&self) -> &PluginId;

    /// What its calls may use where a flow does not narrow it.
    fn limits(&self) -> &Limits;

    /// Checks a configuration, first against the node's schema and then with the node itself, and makes it ready to run
    /// under `limits`. In a sandbox, so that it ends and harms nobody.
    fn configure(
        &self,
        config: Json,
        limits: Limits,
    ) -> BoxFuture<'_, Result<Arc<dyn NodeRunner>, ConfigureError>>;
}

/// A node with its configuration: what a plan holds and runs call.
pub trait NodeRunner: Send + Sync {
    /// The ports that it has under its configuration.
    fn ports(&self) -> &Ports;

    /// Makes one call, in a fresh sandbox. Dropping the future ends the call at once.
    fn run(&self, call: Call) -> BoxFuture<'_, CallEnd>;

    /// How many of the host's places for calls one call takes. At least 1.
    fn places(&self) -> u32 {
        1
    }

    /// Whether it ends its calls at their time limit by itself, and says in the receipt what they used until then. If
    /// not, whoever calls it drops the call.
    fn keeps_time(&self) -> bool {
        false
    }
}

/// Time, as runs see it.
pub trait Clock: Send + Sync {
    /// Time since some moment that stays the same. Never goes back.
    fn now(&self) -> Duration;

    /// The time of the day, for people and records.
    fn wall(&self) -> SystemTime;

    /// Resolves when `duration` has passed.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// Names outputs that may be used again: a SHA-256 over everything that they depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey(pub [u8; 32]);

/// Where outputs are kept for equal calls. It may forget anything at any time. Only outputs are kept, never failures.
pub trait OutputCache: Send + Sync {
    /// The outputs kept under `key`, if they are there and not older than they may become.
    fn get<'a>(&'a self, key: &'a CacheKey) -> BoxFuture<'a, Option<Outputs>>;

    /// Keeps outputs for at most `age`; as long as there is room where that is None.
    fn put(&self, key: CacheKey, outputs: Outputs, age: Option<Duration>) -> BoxFuture<'_, ()>;
}

/// No plugin or no node of this name is loaded, or no version of it that will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownNode {
    /// What was asked for.
    pub reference: NodeRef,
    /// Whether a version of the plugin that will do is there, and only the node is not.
    pub plugin_known: bool,
    /// The versions of the plugin that are loaded, the oldest first.
    pub versions: Vec<semver::Version>,
    /// Whether `versions` are others: those that would do, were uploaded, and that nobody has made active yet.
    pub inactive: bool,
    /// Full names that are there and near to it, the nearest first.
    pub nearest: Vec<String>,
}

impl fmt::Display for UnknownNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NodeRef {
            plugin,
            node,
            range,
        } = &self.reference;
        match range {
            _ if self.plugin_known => write!(f, "the plugin `{plugin}` has no node `{node}`"),
            _ if self.inactive => {
                write!(
                    f,
                    "no version of the plugin `{plugin}` that would do is active"
                )
            }
            Some(range) if !self.versions.is_empty() => {
                write!(
                    f,
                    "no version of the plugin `{plugin}` in the range `{range}` is loaded"
                )
            }
            _ => write!(f, "no plugin `{plugin}` is loaded"),
        }
    }
}

impl std::error::Error for UnknownNode {}

/// Why a configuration is refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConfigureError {
    /// It does not meet the node's schema.
    #[error("the configuration does not meet the node's schema ({} faults)", .0.len())]
    Schema(Vec<SchemaFault>),
    /// The node refuses it, or broke while it looked.
    #[error(transparent)]
    Node(#[from] CallError),
    /// The ports that the node would have under it are not ports: every fault, each as a sentence.
    #[error("the node describes ports that no node can have: {}", .0.join("; "))]
    Ports(Vec<String>),
}

/// A place where a document does not meet a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFault {
    /// Where in the document: a JSON pointer (RFC 6901), empty for the whole.
    pub path: String,
    /// What is wrong there. It holds the plugin's and the document's text: escape it.
    pub message: String,
}
