//! Plugins, as callers ask for them: uploaded, listed, made active, deleted.

mod activate;
mod remove;
mod show;
mod upload;
mod uploads;
mod view;

use std::sync::Arc;

use lockgate_model::PluginName;
use semver::Version;
use tokio::sync::Semaphore;
use uuid::Uuid;

pub(crate) use view::full_name;
pub use view::{
    Activation, PluginSummary, PluginVersionView, PluginView, Reresolved, Upload, UploadDone,
    UploadStatus, Uploaded,
};

use crate::registry::{RETRY_AFTER, to_its_end};
use crate::{Caller, Registry, Scope, ServiceError};
use uploads::Uploads;

/// Plugins, as callers ask for them. Cloning it copies pointers.
#[derive(Debug, Clone)]
pub struct Plugins {
    registry: Arc<Registry>,
    uploads: Arc<Uploads>,
    /// The components that are compiled at once.
    compiling: Arc<Semaphore>,
    /// The components that are held in memory at once.
    taking: Arc<Semaphore>,
}

impl Plugins {
    /// The plugins of a registry. One for each registry: it counts what is compiled at once.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self {
            uploads: Arc::default(),
            compiling: Arc::new(Semaphore::new(registry.config.compiling.max(1))),
            taking: Arc::new(Semaphore::new(registry.config.uploads.max(1))),
            registry,
        }
    }

    /// Takes a component: checks it, compiles it, asks it what it is, and stores it for the caller's publisher. The same
    /// bytes again are answered with what is there.
    ///
    /// It goes on if whoever waits goes away.
    ///
    /// # Errors
    ///
    /// It is too large, refused, or its version is there with other bytes; with [`Upload::activate`], flows would break.
    pub async fn upload(
        &self,
        caller: &Caller,
        bytes: Vec<u8>,
        upload: Upload,
    ) -> Result<Uploaded, ServiceError> {
        caller.may_everywhere(Scope::Deploy)?;
        let config = &self.registry.config;
        let most = config.max_component_bytes;
        if bytes.len() as u64 > most {
            return Err(ServiceError::TooLarge {
                what: "the component",
                bytes: bytes.len() as u64,
                most,
            });
        }
        let place = self.taking.clone().try_acquire_owned();
        let place = place.map_err(|_| ServiceError::Busy {
            what: "it takes as many uploads at once as it may",
            retry_after: RETRY_AFTER,
        })?;
        let id = Uuid::now_v7();
        self.uploads.begin(id, caller.project.clone());
        let work = upload::upload(
            self.registry.clone(),
            self.compiling.clone(),
            caller.clone(),
            bytes.into(),
            upload,
        );
        let uploads = self.uploads.clone();
        let mut done = Box::pin(to_its_end(async move {
            let done = to_its_end(work).await;
            drop(place);
            let status = match &done {
                Ok(done) => UploadStatus::Done(Box::new(done.clone())),
                Err(error) => UploadStatus::Refused(error.clone()),
            };
            uploads.end(id, status);
            done
        }));
        match tokio::time::timeout(config.upload_wait, &mut done).await {
            Ok(done) => {
                self.uploads.forget(id);
                Ok(Uploaded::Done(Box::new(done?)))
            }
            Err(_) => Ok(Uploaded::Compiling(id)),
        }
    }

    /// How far an upload is that answered [`Uploaded::Compiling`]. Known for the last uploads only.
    ///
    /// # Errors
    ///
    /// There is none, or it is forgotten.
    pub async fn upload_status(
        &self,
        caller: &Caller,
        id: Uuid,
    ) -> Result<UploadStatus, ServiceError> {
        caller.may_everywhere(Scope::Deploy)?;
        let status = self.uploads.status(&caller.project, id);
        status.ok_or_else(|| ServiceError::not_found("upload", id))
    }

    /// All plugins of the caller's project, in the order of their names.
    ///
    /// # Errors
    ///
    /// The caller may not read.
    pub fn list(&self, caller: &Caller) -> Result<Vec<PluginSummary>, ServiceError> {
        caller.may(Scope::Read)?;
        let snapshot = self.registry.snapshot(&caller.project);
        let plugins = snapshot.plugins.iter();
        let plugins = plugins.map(|(name, versions)| show::summary(&snapshot, name, versions));
        Ok(plugins.collect())
    }

    /// One plugin with all of its versions.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn one(&self, caller: &Caller, name: &PluginName) -> Result<PluginView, ServiceError> {
        caller.may(Scope::Read)?;
        let snapshot = self.registry.snapshot(&caller.project);
        let view = show::view(&snapshot, name);
        view.ok_or_else(|| ServiceError::not_found("plugin", full_name(name)))
    }

    /// The versions of a plugin, the newest first.
    ///
    /// # Errors
    ///
    /// There is no such plugin.
    pub fn versions(
        &self,
        caller: &Caller,
        name: &PluginName,
    ) -> Result<Vec<PluginVersionView>, ServiceError> {
        Ok(self.one(caller, name)?.versions)
    }

    /// Makes a version active: every active flow whose references admit it is resolved anew, or nothing changes.
    ///
    /// # Errors
    ///
    /// There is no such version, or flows would break.
    pub async fn activate(
        &self,
        caller: &Caller,
        name: &PluginName,
        version: &Version,
    ) -> Result<Activation, ServiceError> {
        caller.may_everywhere(Scope::Deploy)?;
        let (registry, caller) = (self.registry.clone(), caller.clone());
        to_its_end(activate::activate(
            registry,
            caller,
            name.clone(),
            version.clone(),
        ))
        .await
    }

    /// Deletes a version, or the plugin with all of its versions.
    ///
    /// # Errors
    ///
    /// There is none, locks in force need it, or it is the active version among others.
    pub async fn remove(
        &self,
        caller: &Caller,
        name: &PluginName,
        version: Option<&Version>,
    ) -> Result<(), ServiceError> {
        caller.may_everywhere(Scope::Deploy)?;
        let (registry, caller) = (self.registry.clone(), caller.clone());
        to_its_end(remove::remove(
            registry,
            caller,
            name.clone(),
            version.cloned(),
        ))
        .await
    }
}
