//! What is in force in a project at one moment. It does not change: a change makes another one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use lockgate_flow::{FlowDocument, Plan};
use lockgate_model::{Kebab, PluginId, PluginName};
use lockgate_store::PluginRow;
use semver::Version;
use serde_json::Value as Tree;

use super::lock::Locked;
use crate::ports::LoadedPlugin;

/// The versions of plugins and flows of a project, what is active of them, and the plans of what is active.
#[derive(Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) plugins: Plugins,
    pub(crate) flows: BTreeMap<Kebab, FlowState>,
    /// The plugins that locks in force need, and no others: what is not in here is freed with the last plan that uses it.
    pub(crate) loaded: Loaded,
}

/// All versions of all plugins.
pub(crate) type Plugins = BTreeMap<PluginName, BTreeMap<Version, Arc<PluginVersion>>>;

/// Plugins that are loaded.
pub(crate) type Loaded = HashMap<PluginKey, Arc<dyn LoadedPlugin>>;

/// Names a version's bytes, for a publisher: the digest alone is not enough, because two may upload the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PluginKey {
    pub(crate) name: PluginName,
    pub(crate) version: Version,
    /// `sha256:…`.
    pub(crate) digest: Arc<str>,
}

/// One uploaded version of a plugin.
#[derive(Debug, Clone)]
pub(crate) struct PluginVersion {
    pub(crate) key: PluginKey,
    pub(crate) bytes: u64,
    pub(crate) summary: String,
    /// Its nodes as it describes them: a list.
    pub(crate) nodes: Tree,
    pub(crate) imports: Vec<String>,
    pub(crate) uploaded_at: i64,
    pub(crate) uploaded_by: String,
    /// The moment of its last activation, in activations of the project. None: never.
    pub(crate) activated: Option<i64>,
}

/// A flow.
#[derive(Clone)]
pub(crate) struct FlowState {
    pub(crate) newest: u32,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) active: Option<Active>,
}

/// The active version of a flow.
#[derive(Clone)]
pub(crate) struct Active {
    pub(crate) version: u32,
    pub(crate) document: Arc<FlowDocument>,
    /// Its last lock. None only while a change is computed.
    pub(crate) lock: Option<Arc<Locked>>,
    pub(crate) ready: Ready,
}

/// Whether an active flow runs.
#[derive(Clone)]
pub(crate) enum Ready {
    /// It does.
    Plan(Arc<Plan>),
    /// It did, and does not on this host since it started: why, as a sentence without its full stop.
    Broken(Arc<str>),
    /// It never did: a change has to plan it or fails.
    Wanted,
}

impl Active {
    pub(crate) fn plan(&self) -> Option<&Arc<Plan>> {
        match &self.ready {
            Ready::Plan(plan) => Some(plan),
            Ready::Broken(_) | Ready::Wanted => None,
        }
    }

    /// Why it does not run, where it does not.
    pub(crate) fn broken(&self) -> Option<&Arc<str>> {
        match &self.ready {
            Ready::Broken(reason) => Some(reason),
            Ready::Plan(_) | Ready::Wanted => None,
        }
    }
}

impl Snapshot {
    /// The version of a plugin that was made active last.
    pub(crate) fn active_plugin(&self, name: &PluginName) -> Option<&Arc<PluginVersion>> {
        let versions = self.plugins.get(name)?.values();
        versions
            .filter(|version| version.activated.is_some())
            .max_by_key(|version| version.activated)
    }

    /// Whether an active flow does not run on this host.
    pub(crate) fn is_broken(&self) -> bool {
        let mut active = self.flows.values().filter_map(|flow| flow.active.as_ref());
        active.any(|active| active.broken().is_some())
    }

    /// The moment after all activations.
    pub(crate) fn next_activation(&self) -> i64 {
        let versions = self.plugins.values().flat_map(BTreeMap::values);
        let last = versions.filter_map(|version| version.activated).max();
        last.unwrap_or(0) + 1
    }

    /// Puts in a version, or another state of it.
    pub(crate) fn set_plugin(&mut self, version: PluginVersion) {
        let versions = self.plugins.entry(version.key.name.clone()).or_default();
        versions.insert(version.key.version.clone(), Arc::new(version));
    }

    /// The version whose bytes have this digest.
    pub(crate) fn plugin_by_digest(
        &self,
        publisher: &Kebab,
        digest: &str,
    ) -> Option<&Arc<PluginVersion>> {
        let own = self
            .plugins
            .iter()
            .filter(|(name, _)| name.publisher == *publisher);
        own.flat_map(|(_, versions)| versions.values())
            .find(|version| &*version.key.digest == digest)
    }
}

impl PluginKey {
    pub(crate) fn of(id: &PluginId) -> Self {
        Self {
            name: id.name.clone(),
            version: id.version.clone(),
            digest: format!("sha256:{}", id.digest).into(),
        }
    }
}

impl std::fmt::Display for PluginKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let PluginName { publisher, name } = &self.name;
        write!(f, "{publisher}:{name}@{}", self.version)
    }
}

impl PluginVersion {
    /// A version that was just loaded.
    pub(crate) fn of(plugin: &dyn LoadedPlugin, bytes: u64, at: i64, by: &str) -> Self {
        let info = plugin.info();
        Self {
            key: PluginKey::of(plugin.id()),
            bytes,
            summary: info.summary.clone(),
            nodes: serde_json::to_value(&info.nodes).unwrap_or_default(),
            imports: plugin.imports().to_vec(),
            uploaded_at: at,
            uploaded_by: by.to_owned(),
            activated: None,
        }
    }

    /// A version as it was stored. None where its row says what no version of this host says.
    pub(crate) fn read(row: &PluginRow) -> Option<Self> {
        let mut info: Tree = serde_json::from_str(&row.info).ok()?;
        let nodes = info.get_mut("nodes").map(Tree::take).unwrap_or_default();
        let summary = info.get("summary").and_then(Tree::as_str);
        Some(Self {
            key: PluginKey {
                name: row.name.parse().ok()?,
                version: row.version.parse().ok()?,
                digest: row.digest.as_str().into(),
            },
            bytes: row.bytes,
            summary: summary.unwrap_or_default().to_owned(),
            nodes,
            imports: row.imports.clone(),
            uploaded_at: row.uploaded_at,
            uploaded_by: row.uploaded_by.clone(),
            activated: row.activated,
        })
    }

    /// The row that it is stored as.
    pub(crate) fn row(&self) -> PluginRow {
        let info = serde_json::json!({
            "name": self.key.name.name,
            "version": self.key.version,
            "summary": self.summary,
            "nodes": self.nodes,
        });
        PluginRow {
            name: crate::plugins::full_name(&self.key.name),
            version: self.key.version.to_string(),
            digest: self.key.digest.to_string(),
            bytes: self.bytes,
            info: info.to_string(),
            imports: self.imports.clone(),
            uploaded_at: self.uploaded_at,
            uploaded_by: self.uploaded_by.clone(),
            activated: self.activated,
        }
    }

    /// The names of its nodes.
    pub(crate) fn node_names(&self) -> impl Iterator<Item = &str> {
        let nodes = self.nodes.as_array().into_iter().flatten();
        nodes.filter_map(|node| node.get("name")?.as_str())
    }
}
