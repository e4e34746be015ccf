//! What a document is planned against: the plugins that are loaded, and the plans and documents of other flows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use lockgate_flow::{Faults, FlowCatalog, FlowDocument, Plan};
use lockgate_model::{Kebab, Node, NodeCatalog, NodeRef, UnknownNode};

use super::rule;
use super::snapshot::{FlowState, Loaded, PluginKey, Plugins};

/// Nodes by the one rule. What it finds has to be loaded before.
pub(crate) struct ActiveNodes<'a> {
    pub(crate) plugins: &'a Plugins,
    pub(crate) loaded: &'a Loaded,
}

impl NodeCatalog for ActiveNodes<'_> {
    fn find(&self, reference: &NodeRef) -> Result<Arc<dyn Node>, UnknownNode> {
        let version = rule::resolve(self.plugins, reference);
        let plugin = version.and_then(|version| self.loaded.get(&version.key));
        plugin
            .and_then(|plugin| plugin.node(reference.node.as_str()))
            .ok_or_else(|| rule::unknown(self.plugins, reference, plugin.is_some()))
    }
}

/// Nodes by a lock.
pub(crate) struct LockedNodes<'a> {
    pub(crate) pins: &'a HashMap<NodeRef, PluginKey>,
    pub(crate) loaded: &'a Loaded,
}

impl NodeCatalog for LockedNodes<'_> {
    fn find(&self, reference: &NodeRef) -> Result<Arc<dyn Node>, UnknownNode> {
        let key = self.pins.get(reference);
        let plugin = key.and_then(|key| self.loaded.get(key));
        plugin
            .and_then(|plugin| plugin.node(reference.node.as_str()))
            .ok_or_else(|| UnknownNode {
                reference: reference.clone(),
                plugin_known: plugin.is_some(),
                versions: Vec::new(),
                inactive: false,
                nearest: Vec::new(),
            })
    }
}

/// The active flows: plans of those that are settled, and documents of the others, which is how recursion is found.
pub(crate) struct ActiveFlows<'a> {
    pub(crate) flows: &'a BTreeMap<Kebab, FlowState>,
    pub(crate) plans: &'a BTreeMap<Kebab, Arc<Plan>>,
}

impl FlowCatalog for ActiveFlows<'_> {
    fn find(&self, name: &Kebab) -> Result<Option<Arc<FlowDocument>>, Faults> {
        let active = self.flows.get(name).and_then(|flow| flow.active.as_ref());
        Ok(active.map(|active| active.document.clone()))
    }

    fn planned(&self, name: &Kebab) -> Option<Arc<Plan>> {
        self.plans.get(name).cloned()
    }

    fn names(&self) -> Vec<Kebab> {
        let active = self.flows.iter().filter(|(_, flow)| flow.active.is_some());
        active.map(|(name, _)| name.clone()).collect()
    }
}

/// The documents that a lock names.
pub(crate) struct LockedDocuments<'a>(pub(crate) &'a BTreeMap<Kebab, Arc<FlowDocument>>);

impl FlowCatalog for LockedDocuments<'_> {
    fn find(&self, name: &Kebab) -> Result<Option<Arc<FlowDocument>>, Faults> {
        Ok(self.0.get(name).cloned())
    }

    fn names(&self) -> Vec<Kebab> {
        self.0.keys().cloned().collect()
    }
}
