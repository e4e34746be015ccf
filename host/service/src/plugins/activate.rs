//! How a version of a plugin becomes the active one.

use std::sync::Arc;

use lockgate_model::PluginName;
use lockgate_store::Change;
use semver::Version;
use serde_json::json;

use super::{Activation, Reresolved, full_name};
use crate::Caller;
use crate::error::ServiceError;
use crate::flows::CauseKind;
use crate::registry::{
    Aim, PluginKey, PluginVersion, Registry, Settled, Snapshot, audit, cause, now,
};

/// Makes a version active, to the end.
pub(super) async fn activate(
    registry: Arc<Registry>,
    caller: Caller,
    name: PluginName,
    version: Version,
) -> Result<Activation, ServiceError> {
    let project = registry.project(&caller.project);
    let _turn = project.turn.lock().await;
    let before = project.snapshot();
    let Some(versions) = before.plugins.get(&name) else {
        return Err(ServiceError::not_found("plugin", full_name(&name)));
    };
    let Some(version) = versions.get(&version) else {
        let name = format!("{}@{version}", full_name(&name));
        return Err(ServiceError::not_found("plugin version", name));
    };
    let mut next = Snapshot::clone(&before);
    let mut changes = Vec::new();
    let done = activated(&mut next, version, &mut changes);
    if changes.is_empty() && !before.is_broken() {
        return Ok(done.activation(&version.key, Vec::new()));
    }
    let at = now();
    let cause = cause(&caller, CauseKind::PluginActive, &version.key, at);
    let aim = Aim::Change {
        cause,
        target: None,
    };
    let settled: Settled = registry.settle(next, &aim).await?;
    let flows = settled.flows.clone();
    let detail = json!({ "before": done.before, "flows": flows });
    let audit = audit(&caller, at, "plugin.activate", &version.key, &detail);
    registry.commit(&project, changes, settled, audit).await?;
    Ok(done.activation(&version.key, flows))
}

/// What was active before a version is made active.
pub(super) struct Activated {
    before: Option<String>,
}

/// Makes a version the one that was made active last; nothing changes where it is that already.
pub(super) fn activated(
    next: &mut Snapshot,
    version: &PluginVersion,
    changes: &mut Vec<Change>,
) -> Activated {
    let PluginKey {
        name,
        version: number,
        ..
    } = &version.key;
    let before = next
        .active_plugin(name)
        .map(|active| active.key.version.clone());
    if before.as_ref() != Some(number) {
        let activated = next.next_activation();
        next.set_plugin(PluginVersion {
            activated: Some(activated),
            ..version.clone()
        });
        changes.push(Change::ActivatePlugin {
            name: full_name(name),
            version: number.to_string(),
            activated,
        });
    }
    Activated {
        before: before.map(|before| before.to_string()),
    }
}

impl Activated {
    pub(super) fn activation(self, key: &PluginKey, flows: Vec<Reresolved>) -> Activation {
        Activation {
            subject: full_name(&key.name),
            version: key.version.to_string(),
            before: self.before,
            flows,
        }
    }
}
