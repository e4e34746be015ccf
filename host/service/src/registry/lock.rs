//! Locks: what the references of a flow version resolve to, and the digest that says whether two are the same.

use std::sync::Arc;

use lockgate_flow::{FlowDocument, Uses};
use lockgate_model::Kebab;
use lockgate_store::LockRow;
use sha2::{Digest as _, Sha256};

use super::rule;
use super::snapshot::{PluginKey, Plugins};
use crate::flows::{Cause, Lock, LockView, LockedFlow, LockedNode};
use crate::plugins::full_name;

/// A lock that a flow version has: its revision, and why it came.
#[derive(Debug, Clone)]
pub(crate) struct Locked {
    pub(crate) revision: u32,
    pub(crate) digest: Arc<str>,
    pub(crate) lock: Lock,
    pub(crate) cause: Cause,
}

/// What a flow is resolved against: the active version of each flow, and the digest of its lock. None: there is none yet.
pub(crate) trait LockedFlows {
    /// The active version of a flow that is settled, and the digest of its lock.
    fn locked(&self, flow: &Kebab) -> Option<(u32, &str)>;
}

/// What a document's references resolve to, by the one rule. None where one resolves to nothing: planning says which.
pub(crate) fn lock(
    document: &FlowDocument,
    plugins: &Plugins,
    flows: &dyn LockedFlows,
) -> Option<Lock> {
    let mut lock = Lock::default();
    for (node, uses) in document.uses() {
        let node = node.to_string();
        match uses {
            Uses::Node(reference) => {
                let PluginKey {
                    name,
                    version,
                    digest,
                } = &rule::resolve(plugins, reference)?.key;
                lock.nodes.push(LockedNode {
                    node,
                    uses: reference.to_string(),
                    plugin: full_name(name),
                    version: version.to_string(),
                    digest: digest.to_string(),
                });
            }
            Uses::Flow(flow) => {
                let (version, digest) = flows.locked(flow)?;
                lock.flows.push(LockedFlow {
                    node,
                    uses: format!("flow:{flow}"),
                    flow: flow.to_string(),
                    version,
                    lock: digest.to_owned(),
                });
            }
        }
    }
    // The order in which a document lists its nodes is no part of what they resolve to.
    lock.flows.sort();
    lock.nodes.sort();
    Some(lock)
}

/// The digest of a lock: of its JSON, whose keys and entries have one order.
pub(crate) fn digest(lock: &Lock) -> Arc<str> {
    sha256(text(lock).as_bytes()).into()
}

/// The canonical text of a lock.
pub(crate) fn text(lock: &Lock) -> String {
    // Through a tree, whose keys are sorted. A lock is plain data, and always JSON.
    let tree = serde_json::to_value(lock).unwrap_or_default();
    tree.to_string()
}

/// The SHA-256 of some bytes as digests are written here: `sha256:` and 64 hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    written(&Sha256::digest(bytes))
}

/// A digest as it is written here.
pub(crate) fn written(digest: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("sha256:");
    for byte in digest {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

impl Locked {
    /// A lock as it was stored. None where its row says what no version of this host says.
    pub(crate) fn read(row: &LockRow) -> Option<Self> {
        Some(Self {
            revision: row.revision,
            digest: row.digest.as_str().into(),
            lock: serde_json::from_str(&row.lock).ok()?,
            cause: serde_json::from_str(&row.cause).ok()?,
        })
    }

    /// The row that it is stored as.
    pub(crate) fn row(&self, flow: &Kebab, version: u32) -> LockRow {
        LockRow {
            flow: flow.clone(),
            version,
            revision: self.revision,
            digest: self.digest.to_string(),
            lock: text(&self.lock),
            cause: serde_json::to_string(&self.cause).unwrap_or_default(),
            created_at: self.cause.at.0,
        }
    }

    pub(crate) fn view(&self) -> LockView {
        LockView {
            revision: self.revision,
            digest: self.digest.to_string(),
            lock: self.lock.clone(),
            cause: self.cause.clone(),
        }
    }

    /// The plugins that it names.
    pub(crate) fn plugins(&self) -> impl Iterator<Item = PluginKey> {
        self.lock.nodes.iter().filter_map(key)
    }
}

/// The plugin that a locked node names.
pub(crate) fn key(node: &LockedNode) -> Option<PluginKey> {
    Some(PluginKey {
        name: node.plugin.parse().ok()?,
        version: node.version.parse().ok()?,
        digest: node.digest.as_str().into(),
    })
}
