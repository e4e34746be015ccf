//! Whether a node's outputs are used again, and what names them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lockgate_model::{CacheKey, Ident, Json, NodeRef, PluginId, Value};
use sha2::{Digest as _, Sha256};

use crate::document::{CacheRule, written};

/// From how much fuel on the outputs of a pure node are kept where its flow says nothing: what costs less, about a
/// millisecond, is sooner computed than looked up and kept.
const WORTH_KEEPING_FUEL: u64 = 1_000_000;

/// Whether a node's outputs are used again.
#[derive(Debug, Clone, Default)]
pub(crate) struct CacheUse {
    rule: Rule,
    /// Over everything that its outputs depend on, but for its inputs and the project.
    node: [u8; 32],
    /// A call of a pure node used enough fuel.
    is_worth_it: Arc<AtomicBool>,
}

#[derive(Debug, Clone, Copy, Default)]
enum Rule {
    /// Never.
    #[default]
    Off,
    /// For so long, because the flow says so.
    For(Duration),
    /// As long as there is room, because the node is pure. Only once a call of it was seen to be worth it: what is
    /// cheap is not even looked up.
    Pure,
}

impl CacheUse {
    pub(super) fn of_node(
        rule: Option<CacheRule>,
        plugin: &PluginId,
        reference: &NodeRef,
        config: &Json,
        pure: bool,
    ) -> Self {
        let rule = match rule {
            Some(CacheRule::For(age)) => Rule::For(age),
            Some(CacheRule::Off) => Rule::Off,
            None if pure => Rule::Pure,
            None => Rule::Off,
        };
        let mut digest = Sha256::new();
        let name = plugin.name.to_string();
        let parts = ["node", &name, &plugin.digest, reference.node.as_str()];
        for part in parts.into_iter().chain([config.as_str()]) {
            add(&mut digest, part.as_bytes());
        }
        Self {
            rule,
            node: digest.finalize().into(),
            is_worth_it: Arc::default(),
        }
    }

    /// For a flow as a node: only where the flow that uses it says so. `digest` is that of the plan.
    pub(super) fn of_flow(rule: Option<CacheRule>, digest: &[u8; 32]) -> Self {
        let rule = match rule {
            Some(CacheRule::For(age)) => Rule::For(age),
            Some(CacheRule::Off) | None => Rule::Off,
        };
        Self {
            rule,
            node: *digest,
            is_worth_it: Arc::default(),
        }
    }

    /// Whether its flow asks for it.
    pub(crate) fn is_asked_for(&self) -> bool {
        matches!(self.rule, Rule::For(_))
    }

    /// What a person reads of it; None where nothing is kept.
    pub(super) fn written(&self) -> Option<String> {
        match self.rule {
            Rule::Off => None,
            Rule::For(age) => Some(written(age)),
            Rule::Pure => Some("pure".to_owned()),
        }
    }

    /// What names the outputs for these inputs, where they may be there already.
    pub(crate) fn key(&self, project: &str, inputs: &[(Ident, Value)]) -> Option<CacheKey> {
        let may_be_there = match self.rule {
            Rule::Off => false,
            Rule::For(_) => true,
            Rule::Pure => self.is_worth_it.load(Ordering::Relaxed),
        };
        may_be_there.then(|| self.name(project, inputs))
    }

    /// What names the outputs for these inputs.
    pub(crate) fn name(&self, project: &str, inputs: &[(Ident, Value)]) -> CacheKey {
        let mut digest = Sha256::new();
        digest.update(self.node);
        add(&mut digest, project.as_bytes());
        // In the order of their names: the order in which a flow wires them changes nothing.
        let mut order: Vec<_> = inputs.iter().collect();
        order.sort_unstable_by_key(|(name, _)| name.as_str());
        for (name, value) in order {
            add(&mut digest, name.as_str().as_bytes());
            match value {
                Value::Text(text) => tagged(&mut digest, b't', text.as_bytes()),
                Value::Json(json) => tagged(&mut digest, b'j', json.as_str().as_bytes()),
                Value::Binary(blob) => {
                    tagged(&mut digest, b'b', blob.media_type.as_bytes());
                    add(&mut digest, &blob.data);
                }
            }
        }
        CacheKey(digest.finalize().into())
    }

    /// For how long the outputs of a call that used so much fuel are kept, if they are; for ever where that is None.
    pub(crate) fn age(&self, fuel: u64) -> Option<Option<Duration>> {
        match self.rule {
            Rule::Off => None,
            Rule::For(age) => Some(Some(age)),
            Rule::Pure if fuel >= WORTH_KEEPING_FUEL => {
                self.is_worth_it.store(true, Ordering::Relaxed);
                Some(None)
            }
            Rule::Pure => None,
        }
    }
}

/// Adds bytes in a way that no other sequence of bytes can be taken for.
pub(super) fn add(digest: &mut Sha256, bytes: &[u8]) {
    digest.update((bytes.len() as u64).to_le_bytes());
    digest.update(bytes);
}

fn tagged(digest: &mut Sha256, tag: u8, bytes: &[u8]) {
    digest.update([tag]);
    add(digest, bytes);
}
