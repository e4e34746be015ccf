//! Plugins of a snapshot as they are told.

use std::collections::BTreeMap;
use std::sync::Arc;

use lockgate_model::PluginName;
use semver::Version;

use super::{PluginSummary, PluginVersionView, PluginView, full_name};
use crate::Moment;
use crate::registry::{PluginVersion, Snapshot};

/// What the interfaces begin with that do nothing before an operator grants them.
const GRANTED: [&str; 1] = ["lockgate:node/http@"];

/// One version.
pub(super) fn version_view(snapshot: &Snapshot, version: &PluginVersion) -> PluginVersionView {
    let active = snapshot.active_plugin(&version.key.name);
    let is_granted = |import: &&String| {
        GRANTED
            .iter()
            .any(|interface| import.starts_with(interface))
    };
    PluginVersionView {
        plugin: full_name(&version.key.name),
        version: version.key.version.to_string(),
        digest: version.key.digest.to_string(),
        bytes: version.bytes,
        summary: version.summary.clone(),
        nodes: version.nodes.clone(),
        imports: version.imports.clone(),
        asks: version.imports.iter().filter(is_granted).cloned().collect(),
        uploaded_at: Moment(version.uploaded_at),
        uploaded_by: version.uploaded_by.clone(),
        active: active.is_some_and(|active| active.key == version.key),
        candidate: version.activated.is_some(),
    }
}

/// A plugin with all of its versions.
pub(super) fn view(snapshot: &Snapshot, name: &PluginName) -> Option<PluginView> {
    let versions = snapshot.plugins.get(name)?;
    let newest_first = versions.values().rev();
    Some(PluginView {
        plugin: full_name(name),
        active: active(snapshot, name),
        versions: newest_first
            .map(|version| version_view(snapshot, version))
            .collect(),
    })
}

/// A plugin's line in the list.
pub(super) fn summary(
    snapshot: &Snapshot,
    name: &PluginName,
    versions: &BTreeMap<Version, Arc<PluginVersion>>,
) -> PluginSummary {
    let newest = versions.values().next_back();
    let shown = snapshot.active_plugin(name).or(newest);
    let nodes = shown.into_iter().flat_map(|version| version.node_names());
    PluginSummary {
        plugin: full_name(name),
        active: active(snapshot, name),
        versions: versions.keys().rev().map(ToString::to_string).collect(),
        summary: shown
            .map(|version| version.summary.clone())
            .unwrap_or_default(),
        nodes: nodes.map(str::to_owned).collect(),
    }
}

fn active(snapshot: &Snapshot, name: &PluginName) -> Option<String> {
    let active = snapshot.active_plugin(name)?;
    Some(active.key.version.to_string())
}
