//! How a component becomes a version of a plugin.

use std::sync::Arc;

use lockgate_model::PluginName;
use lockgate_store::Change;
use serde_json::json;
use tokio::sync::Semaphore;

use super::activate::activated;
use super::show::version_view;
use super::{Upload, UploadDone, full_name};
use crate::Caller;
use crate::error::ServiceError;
use crate::flows::CauseKind;
use crate::ports::LoadedPlugin;
use crate::registry::{
    Aim, PluginVersion, Project, Registry, Settled, Snapshot, audit, cause, keep_loaded, now,
    sha256,
};

/// Takes a component for a caller, to the end.
pub(super) async fn upload(
    registry: Arc<Registry>,
    compiling: Arc<Semaphore>,
    caller: Caller,
    bytes: Arc<[u8]>,
    upload: Upload,
) -> Result<UploadDone, ServiceError> {
    let hashed = bytes.clone();
    let digest = tokio::task::spawn_blocking(move || sha256(&hashed)).await;
    let digest = digest.map_err(|error| ServiceError::Internal(error.to_string()))?;
    let project = registry.project(&caller.project);
    let taking = Taking {
        registry: &registry,
        project: &project,
        caller: &caller,
        bytes,
        activate: upload.activate.unwrap_or(registry.config.activate_uploads),
        replace: upload.replace,
    };
    let known = project.snapshot();
    if known.plugin_by_digest(&caller.publisher, &digest).is_some() {
        let _turn = project.turn.lock().await;
        let now = project.snapshot();
        // It may have been deleted since.
        if let Some(version) = now.plugin_by_digest(&caller.publisher, &digest) {
            return taking.again(&now, version).await;
        }
    }
    let plugin = {
        let place = compiling.acquire().await;
        let _place = place.map_err(|closed| ServiceError::Internal(closed.to_string()))?;
        let loader = registry.loader();
        loader
            .load(caller.publisher.clone(), taking.bytes.clone())
            .await?
    };
    let _turn = project.turn.lock().await;
    taking.loaded(plugin, &digest).await
}

struct Taking<'a> {
    registry: &'a Registry,
    project: &'a Project,
    caller: &'a Caller,
    bytes: Arc<[u8]>,
    activate: bool,
    replace: bool,
}

impl Taking<'_> {
    /// A component that is loaded.
    async fn loaded(
        &self,
        plugin: Arc<dyn LoadedPlugin>,
        digest: &str,
    ) -> Result<UploadDone, ServiceError> {
        let before = self.project.snapshot();
        let at = now();
        let bytes = self.bytes.len() as u64;
        let mut version = PluginVersion::of(&*plugin, bytes, at.0, &self.caller.name);
        if *version.key.digest != *digest {
            let message = format!("the loader gave `{}` another digest", version.key);
            return Err(ServiceError::Internal(message));
        }
        let name = version.key.name.clone();
        let versions = before.plugins.get(&name);
        let there = versions.and_then(|versions| versions.get(&version.key.version));
        match there {
            Some(there) if there.key == version.key => return self.again(&before, there).await,
            Some(_) if !self.replace => {
                return Err(ServiceError::VersionTaken {
                    plugin: full_name(&name),
                    version: version.key.version.to_string(),
                });
            }
            Some(there) => version.activated = there.activated,
            None => self.check_room(&before, &name)?,
        }
        let replaced = there.map(|there| there.key.digest.clone());
        let mut next = Snapshot::clone(&before);
        let mut changes = vec![match there {
            Some(_) => Change::ReplacePlugin(version.row()),
            None => Change::AddPlugin(version.row()),
        }];
        next.set_plugin(version.clone());
        let kind = match there {
            Some(_) => CauseKind::PluginReplaced,
            None => CauseKind::PluginActive,
        };
        let activation = self
            .activate
            .then(|| activated(&mut next, &version, &mut changes));
        let is_candidate = activation.is_some() || version.activated.is_some();
        let settled = if is_candidate {
            keep_loaded(&mut next, plugin);
            let cause = cause(self.caller, kind, &version.key, at);
            let aim = Aim::Change {
                cause,
                target: None,
            };
            self.registry.settle(next, &aim).await?
        } else {
            Settled::unchanged(next)
        };
        let flows = settled.flows.clone();
        let detail = json!({ "digest": digest, "bytes": bytes, "activate": self.activate, "replaced": replaced });
        let audit = audit(self.caller, at, "plugin.upload", &version.key, &detail);
        let file = self.registry.keep_file(&self.bytes).await?;
        self.registry
            .commit(self.project, changes, settled, audit)
            .await?;
        drop(file);
        let activation = activation.map(|activation| activation.activation(&version.key, flows));
        Ok(self.done(&version, true, activation))
    }

    /// A component that is there already. Its file is stored again, should it be missing, and flows that do not run
    /// because of it are tried again.
    async fn again(
        &self,
        before: &Snapshot,
        version: &PluginVersion,
    ) -> Result<UploadDone, ServiceError> {
        let mut next = before.clone();
        let mut changes = Vec::new();
        let activation = self
            .activate
            .then(|| activated(&mut next, version, &mut changes));
        // First the file: what is settled may load it.
        let file = self.registry.keep_file(&self.bytes).await?;
        let at = now();
        let settled = if before.is_broken() || !changes.is_empty() {
            let cause = cause(self.caller, CauseKind::PluginActive, &version.key, at);
            let aim = Aim::Change {
                cause,
                target: None,
            };
            self.registry.settle(next, &aim).await?
        } else {
            Settled::unchanged(next)
        };
        let flows = settled.flows.clone();
        let detail =
            json!({ "digest": version.key.digest, "activate": self.activate, "again": true });
        let audit = audit(self.caller, at, "plugin.upload", &version.key, &detail);
        self.registry
            .commit(self.project, changes, settled, audit)
            .await?;
        drop(file);
        let activation = activation.map(|activation| activation.activation(&version.key, flows));
        Ok(self.done(version, false, activation))
    }

    fn check_room(&self, before: &Snapshot, name: &PluginName) -> Result<(), ServiceError> {
        let config = &self.registry.config;
        let (what, there, most) = match before.plugins.get(name) {
            Some(versions) => (
                "versions of the plugin",
                versions.len(),
                config.max_plugin_versions,
            ),
            None => ("plugins", before.plugins.len(), config.max_plugins),
        };
        if there < most {
            return Ok(());
        }
        let most = most as u64;
        Err(ServiceError::TooMany { what, most })
    }

    fn done(
        &self,
        version: &PluginVersion,
        created: bool,
        activation: Option<super::Activation>,
    ) -> UploadDone {
        let now = self.project.snapshot();
        let versions = now.plugins.get(&version.key.name);
        let there = versions.and_then(|versions| versions.get(&version.key.version));
        UploadDone {
            plugin: version_view(&now, there.map_or(version, |there| there)),
            created,
            activation,
        }
    }
}
