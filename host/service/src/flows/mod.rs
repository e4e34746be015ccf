//! Flows, as callers ask for them: saved, listed, compared, made active, deleted; and drafts, which are never active.

mod view;

use std::sync::Arc;

use lockgate_model::Kebab;

pub use view::{
    Cause, CauseKind, DiffView, DraftView, FlowSummary, FlowVersionView, FlowView, Format, Lock,
    LockChange, LockView, LockedFlow, LockedNode, Put, Saved, Seen, VersionLock,
};

use crate::plugins::Activation;
use crate::{Caller, Registry, ServiceError};

/// Flows, as callers ask for them.
#[derive(Debug, Clone)]
pub struct Flows {
    registry: Arc<Registry>,
}

impl Flows {
    /// The flows of a registry.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    /// Saves a document: a new version, unless a version means the same. It has to plan.
    ///
    /// # Errors
    ///
    /// Every fault of the document; or flows that run this one would break.
    pub async fn put(
        &self,
        _caller: &Caller,
        _name: &Kebab,
        _text: String,
        _put: Put,
    ) -> Result<Saved, ServiceError> {
        let _ = &self.registry;
        Err(ServiceError::Internal("not built yet".into()))
    }

    /// The flows of the caller's project that their key is for, in the order of their names.
    ///
    /// # Errors
    ///
    /// The caller may not read.
    pub async fn list(&self, _caller: &Caller) -> Result<Vec<FlowSummary>, ServiceError> {
        Ok(Vec::new())
    }

    /// One flow.
    ///
    /// # Errors
    ///
    /// There is none.
    pub async fn one(&self, _caller: &Caller, name: &Kebab) -> Result<FlowView, ServiceError> {
        Err(ServiceError::not_found("flow", name))
    }

    /// One version of a flow, with its text and last lock.
    ///
    /// # Errors
    ///
    /// There is none.
    pub async fn version(
        &self,
        _caller: &Caller,
        name: &Kebab,
        version: u32,
    ) -> Result<FlowVersionView, ServiceError> {
        Err(no_version(name, version))
    }

    /// The versions of a flow, the newest first.
    ///
    /// # Errors
    ///
    /// There is no such flow.
    pub async fn versions(
        &self,
        _caller: &Caller,
        name: &Kebab,
    ) -> Result<Vec<FlowVersionView>, ServiceError> {
        Err(ServiceError::not_found("flow", name))
    }

    /// What is different between two versions of a flow.
    ///
    /// # Errors
    ///
    /// There is no such version.
    pub async fn diff(
        &self,
        _caller: &Caller,
        name: &Kebab,
        from: u32,
        _to: u32,
    ) -> Result<DiffView, ServiceError> {
        Err(no_version(name, from))
    }

    /// The locks of a version of a flow, or of all of its versions, the newest first.
    ///
    /// # Errors
    ///
    /// There is no such flow or version.
    pub async fn locks(
        &self,
        _caller: &Caller,
        name: &Kebab,
        _version: Option<u32>,
    ) -> Result<Vec<VersionLock>, ServiceError> {
        Err(ServiceError::not_found("flow", name))
    }

    /// Makes a version the active one; flows that run this one are resolved anew, or nothing changes.
    ///
    /// # Errors
    ///
    /// There is no such version, it does not plan any more, or flows would break.
    pub async fn activate(
        &self,
        _caller: &Caller,
        name: &Kebab,
        version: u32,
    ) -> Result<Activation, ServiceError> {
        Err(no_version(name, version))
    }

    /// Deletes a flow with its versions, locks and draft. Its runs stay.
    ///
    /// # Errors
    ///
    /// There is none, or active flows run it.
    pub async fn remove(&self, _caller: &Caller, name: &Kebab) -> Result<(), ServiceError> {
        Err(ServiceError::not_found("flow", name))
    }

    /// The draft of a flow.
    ///
    /// # Errors
    ///
    /// There is none.
    pub async fn draft(&self, _caller: &Caller, name: &Kebab) -> Result<DraftView, ServiceError> {
        Err(ServiceError::not_found("draft", name))
    }

    /// Writes the draft of a flow, which need not be there. `seen` is what the writer saw; it has to be so still.
    ///
    /// # Errors
    ///
    /// [`ServiceError::DraftChanged`], or the text is too large.
    pub async fn put_draft(
        &self,
        _caller: &Caller,
        _name: &Kebab,
        _text: String,
        _seen: Seen,
    ) -> Result<DraftView, ServiceError> {
        Err(ServiceError::Internal("not built yet".into()))
    }

    /// Deletes the draft of a flow.
    ///
    /// # Errors
    ///
    /// There is none, or [`ServiceError::DraftChanged`].
    pub async fn remove_draft(
        &self,
        _caller: &Caller,
        name: &Kebab,
        _seen: Seen,
    ) -> Result<(), ServiceError> {
        Err(ServiceError::not_found("draft", name))
    }
}

fn no_version(name: &Kebab, version: u32) -> ServiceError {
    ServiceError::not_found("flow version", format!("{name}@{version}"))
}
