//! What is in force: which versions of plugins and flows are active, what the references of flows resolve to, and the plans
//! that runs start from.
//!
//! Belongs here: the one rule of resolution, locks, and how a project goes from one state to the next, whole or not at all.
//! Does not belong here: who may ask for it, and how it is told (`plugins`, `flows`).

mod config;

use std::sync::Arc;

use lockgate_flow::Plan;
use lockgate_model::Kebab;

pub use config::RegistryConfig;

use crate::ServiceError;

/// What is in force on a host, project by project.
#[derive(Debug)]
pub struct Registry {
    _config: RegistryConfig,
}

/// What a run starts from, and finishes on.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// What runs.
    pub plan: Arc<Plan>,
    /// Which flow.
    pub flow: Kebab,
    /// Which version of it.
    pub version: u32,
    /// Which of the version's locks: counts from 1.
    pub revision: u32,
    /// The lock's digest, `sha256:…`.
    pub lock: Arc<str>,
}

impl Registry {
    /// What a run of a flow starts from: its active version, which costs no more than a look at what is in force, or the
    /// version that is asked for, which is planned from its last lock where it is not active.
    ///
    /// # Errors
    ///
    /// There is no such flow or version, none is active, or it does not run on this host.
    pub async fn resolve(
        &self,
        _project: &Kebab,
        flow: &Kebab,
        _version: Option<u32>,
    ) -> Result<Resolved, ServiceError> {
        Err(ServiceError::not_found("flow", flow))
    }

    /// Plans a document that comes with a request, against what is active now. `name` is what messages call it.
    ///
    /// # Errors
    ///
    /// Every fault of the document.
    pub async fn plan_document(
        &self,
        _project: &Kebab,
        _name: &str,
        _text: &str,
    ) -> Result<Arc<Plan>, ServiceError> {
        Err(ServiceError::Internal("not built yet".into()))
    }
}
