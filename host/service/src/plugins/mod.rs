//! Plugins, as callers ask for them: uploaded, listed, made active, deleted.

mod view;

use std::sync::Arc;

use lockgate_model::PluginName;
use semver::Version;
use uuid::Uuid;

pub(crate) use view::full_name;
pub use view::{
    Activation, PluginSummary, PluginVersionView, PluginView, Reresolved, Upload, UploadDone,
    UploadStatus, Uploaded,
};

use crate::{Caller, Registry, ServiceError};

/// Plugins, as callers ask for them.
#[derive(Debug, Clone)]
pub struct Plugins {
    registry: Arc<Registry>,
}

impl Plugins {
    /// The plugins of a registry.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    /// Takes a component: checks it, compiles it, asks it what it is, and stores it for the caller's publisher. The same
    /// bytes again are answered with what is there.
    ///
    /// # Errors
    ///
    /// It is too large, refused, or its version is there with other bytes; with [`Upload::activate`], flows would break.
    pub async fn upload(
        &self,
        _caller: &Caller,
        _bytes: Vec<u8>,
        _upload: Upload,
    ) -> Result<Uploaded, ServiceError> {
        Err(ServiceError::Internal("not built yet".into()))
    }

    /// How far an upload is that answered [`Uploaded::Compiling`]. Known for the last uploads only.
    ///
    /// # Errors
    ///
    /// There is none, or it is forgotten.
    pub async fn upload_status(
        &self,
        _caller: &Caller,
        id: Uuid,
    ) -> Result<UploadStatus, ServiceError> {
        Err(ServiceError::not_found("upload", id))
    }

    /// All plugins of the caller's project, in the order of their names.
    ///
    /// # Errors
    ///
    /// The caller may not read.
    pub fn list(&self, _caller: &Caller) -> Result<Vec<PluginSummary>, ServiceError> {
        Ok(Vec::new())
    }

    /// One plugin with all of its versions.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn one(&self, _caller: &Caller, name: &PluginName) -> Result<PluginView, ServiceError> {
        Err(ServiceError::not_found("plugin", full_name(name)))
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
        _caller: &Caller,
        name: &PluginName,
        _version: &Version,
    ) -> Result<Activation, ServiceError> {
        Err(ServiceError::not_found("plugin", full_name(name)))
    }

    /// Deletes a version, or the plugin with all of its versions.
    ///
    /// # Errors
    ///
    /// There is none, locks in force need it, or it is the active version among others.
    pub async fn remove(
        &self,
        _caller: &Caller,
        name: &PluginName,
        _version: Option<&Version>,
    ) -> Result<(), ServiceError> {
        let _ = &self.registry;
        Err(ServiceError::not_found("plugin", full_name(name)))
    }
}
