//! How versions of plugins go.

use std::collections::BTreeSet;
use std::sync::Arc;

use lockgate_model::PluginName;
use lockgate_store::Change;
use semver::Version;
use serde_json::json;

use super::full_name;
use crate::Caller;
use crate::error::{FlowNeed, MAX_FLOWS_NAMED, ServiceError};
use crate::registry::{PluginKey, Registry, Settled, Snapshot, audit, now};

/// Deletes a version, or all of a plugin, to the end.
pub(super) async fn remove(
    registry: Arc<Registry>,
    caller: Caller,
    name: PluginName,
    version: Option<Version>,
) -> Result<(), ServiceError> {
    let project = registry.project(&caller.project);
    let _turn = project.turn.lock().await;
    let before = project.snapshot();
    let full = full_name(&name);
    let Some(versions) = before.plugins.get(&name) else {
        return Err(ServiceError::not_found("plugin", full));
    };
    let (subject, going) = match &version {
        None => (full.clone(), versions.keys().cloned().collect()),
        Some(version) => (
            format!("{full}@{version}"),
            BTreeSet::from([version.clone()]),
        ),
    };
    if !going.iter().all(|version| versions.contains_key(version)) {
        return Err(ServiceError::not_found("plugin version", subject));
    }
    let keys: BTreeSet<&PluginKey> = going.iter().map(|version| &versions[version].key).collect();
    let flows = needed_by(&before, &keys);
    if !flows.is_empty() {
        return Err(ServiceError::PluginNeeded {
            plugin: subject,
            flows,
        });
    }
    let active = before.active_plugin(&name);
    let active = active.filter(|active| going.contains(&active.key.version));
    if let (Some(active), true) = (active, going.len() < versions.len()) {
        return Err(ServiceError::ActiveVersion {
            plugin: full,
            version: active.key.version.to_string(),
        });
    }
    let mut next = Snapshot::clone(&before);
    if let Some(versions) = next.plugins.get_mut(&name) {
        versions.retain(|version, _| !going.contains(version));
        if versions.is_empty() {
            next.plugins.remove(&name);
        }
    }
    let changes = going.iter().map(|version| Change::RemovePlugin {
        name: full.clone(),
        version: version.to_string(),
    });
    let changes = changes.collect();
    let digests: BTreeSet<_> = keys.iter().map(|key| key.digest.clone()).collect();
    let detail = json!({ "digests": digests });
    let audit = audit(&caller, now(), "plugin.delete", subject, &detail);
    let settled = Settled::unchanged(next);
    registry
        .commit_without_files(&project, digests, changes, settled, audit)
        .await
}

/// The active flows whose locks name one of these; at most as many as an answer names.
fn needed_by(snapshot: &Snapshot, keys: &BTreeSet<&PluginKey>) -> Vec<FlowNeed> {
    let flows = snapshot.flows.iter();
    let needs = flows.filter_map(|(flow, state)| {
        let active = state.active.as_ref()?;
        let lock = active.lock.as_ref()?;
        let is_needed = lock.plugins().any(|key| keys.contains(&key));
        is_needed.then(|| FlowNeed {
            flow: flow.clone(),
            version: active.version,
        })
    });
    needs.take(MAX_FLOWS_NAMED).collect()
}
