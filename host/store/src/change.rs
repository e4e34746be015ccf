//! Changes of what a project offers: several at once, all or none, with what the audit log says of them.

use lockgate_model::Kebab;

use crate::fault::Fault;
use crate::writer::{Durability, Tx};
use crate::{AuditRow, FlowVersionRow, LockRow, PluginRow, Result, Store, audit, flows, plugins};

/// One step of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new version of a plugin. It is an error if it is there.
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
    /// [`StoreError::Taken`](crate::StoreError::Taken) and [`StoreError::Missing`](crate::StoreError::Missing) name the
    /// first step that was impossible. What is answered outlives a loss of power.
    pub async fn change(
        &self,
        project: &Kebab,
        changes: Vec<Change>,
        audit: Vec<AuditRow>,
    ) -> Result<()> {
        let project = project.clone();
        let log = audit;
        self.0
            .writer
            .write(Durability::Power, move |tx| {
                Box::pin(async move {
                    for change in changes {
                        step(tx, &project, change).await?;
                    }
                    for row in log {
                        audit::add(tx, row).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

async fn step(tx: &mut Tx, project: &Kebab, change: Change) -> Result<(), Fault> {
    match change {
        Change::AddPlugin(row) => plugins::add(tx, project, row).await,
        Change::ReplacePlugin(row) => plugins::replace(tx, project, row).await,
        Change::ActivatePlugin {
            name,
            version,
            activated,
        } => plugins::activate(tx, project, &name, &version, activated).await,
        Change::RemovePlugin { name, version } => {
            plugins::remove(tx, project, &name, &version).await
        }
        Change::AddFlowVersion(row) => flows::change::add_version(tx, project, row).await,
        Change::SetFlowText {
            flow,
            version,
            text,
            format,
        } => flows::change::set_text(tx, project, &flow, version, text, format).await,
        Change::ActivateFlow { flow, version, at } => {
            flows::change::activate(tx, project, &flow, version, at).await
        }
        Change::AddLock(row) => flows::change::add_lock(tx, project, row).await,
        Change::RemoveFlow { flow } => flows::change::remove(tx, project, &flow).await,
    }
}
