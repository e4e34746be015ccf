//! Flows: their versions, and the locks of those.

use lockgate_model::Kebab;

use crate::{Result, Store, StoreError};

/// A flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowRow {
    /// Its name.
    pub flow: Kebab,
    /// The version in force. None: none is.
    pub active: Option<u32>,
    /// The newest version.
    pub newest: u32,
    /// When the first version came, in milliseconds since 1970.
    pub created_at: i64,
    /// When the newest version came or the active one changed.
    pub updated_at: i64,
}

/// One version of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowVersionRow {
    /// The flow.
    pub flow: Kebab,
    /// 1, 2, …
    pub version: u32,
    /// The digest of what the document means. No two versions of a flow have the same.
    pub digest: String,
    /// `yaml` or `json`.
    pub format: String,
    /// The document. None where it was not asked for.
    pub text: Option<String>,
    /// When it was saved, in milliseconds since 1970.
    pub created_at: i64,
    /// Who saved it: a key's name.
    pub created_by: String,
}

/// One revision of the lock of a flow's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRow {
    /// The flow.
    pub flow: Kebab,
    /// The flow's version.
    pub version: u32,
    /// 1, 2, …, for this version.
    pub revision: u32,
    /// The lock's digest.
    pub digest: String,
    /// The lock, as JSON.
    pub lock: String,
    /// Why it came, as JSON.
    pub cause: String,
    /// When it came, in milliseconds since 1970.
    pub created_at: i64,
}

/// What a start needs of a flow in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveFlow {
    /// The flow.
    pub flow: Kebab,
    /// The version in force.
    pub version: u32,
    /// Its document.
    pub text: String,
    /// `yaml` or `json`.
    pub format: String,
    /// Its newest lock.
    pub lock: LockRow,
}

impl Store {
    /// The flows of a project, by name.
    pub async fn flows(&self, project: &Kebab) -> Result<Vec<FlowRow>> {
        let _ = project;
        Err(StoreError::Closed)
    }

    /// One version of a flow, with its text.
    pub async fn flow_version(
        &self,
        project: &Kebab,
        flow: &Kebab,
        version: u32,
    ) -> Result<Option<FlowVersionRow>> {
        let _ = (project, flow, version);
        Err(StoreError::Closed)
    }

    /// All versions of a flow, newest first, without their texts.
    pub async fn flow_versions(
        &self,
        project: &Kebab,
        flow: &Kebab,
    ) -> Result<Vec<FlowVersionRow>> {
        let _ = (project, flow);
        Err(StoreError::Closed)
    }

    /// The version of a flow that has this digest.
    pub async fn flow_by_digest(
        &self,
        project: &Kebab,
        flow: &Kebab,
        digest: &str,
    ) -> Result<Option<u32>> {
        let _ = (project, flow, digest);
        Err(StoreError::Closed)
    }

    /// The locks of a flow, or of one of its versions: the newest version first, and of that the newest revision.
    pub async fn locks(
        &self,
        project: &Kebab,
        flow: &Kebab,
        version: Option<u32>,
    ) -> Result<Vec<LockRow>> {
        let _ = (project, flow, version);
        Err(StoreError::Closed)
    }

    /// Every flow in force, with its document and its newest lock, by name. One without a lock is not in force.
    pub async fn active_flows(&self, project: &Kebab) -> Result<Vec<ActiveFlow>> {
        let _ = project;
        Err(StoreError::Closed)
    }

    /// The projects that have plugins, flows, drafts, keys, or runs that wait; by name.
    pub async fn projects(&self) -> Result<Vec<Kebab>> {
        Err(StoreError::Closed)
    }
}
