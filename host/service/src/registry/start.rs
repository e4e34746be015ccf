//! Brings a project back from the store: what was in force is in force again, with the same locks.

use std::collections::BTreeMap;
use std::sync::Arc;

use lockgate_flow::FlowDocument;
use lockgate_model::Kebab;
use lockgate_store::{ActiveFlow, Store};

use super::load::Shelf;
use super::lock::Locked;
use super::settle::{Aim, settle};
use super::snapshot::{Active, FlowState, PluginVersion, Ready, Snapshot};
use crate::ServiceError;

/// What is in force in a project. Flows that do not run on this host are among it, as broken.
pub(super) async fn start(shelf: &Shelf, project: &Kebab) -> Result<Snapshot, ServiceError> {
    let stored = read(&shelf.store, project).await?;
    let settled = settle(shelf, stored, &Aim::Start).await?;
    for (flow, state) in &settled.next.flows {
        if let Some(reason) = state.active.as_ref().and_then(Active::broken) {
            let reason = reason.escape_debug();
            tracing::warn!(%project, %flow, %reason, "a flow does not run");
        }
    }
    Ok(settled.next)
}

/// What is stored, with nothing planned.
async fn read(store: &Store, project: &Kebab) -> Result<Snapshot, ServiceError> {
    let mut snapshot = Snapshot::default();
    for row in store.plugins(project).await? {
        match PluginVersion::read(&row) {
            Some(version) => snapshot.set_plugin(version),
            None => tracing::error!(
                %project,
                plugin = %row.name.escape_debug(),
                "the row of a plugin says what this host cannot read, and is left alone"
            ),
        }
    }
    let mut active: BTreeMap<Kebab, Active> = BTreeMap::new();
    for row in store.active_flows(project).await? {
        let (flow, version) = (row.flow.clone(), row.version);
        match read_active(project, row) {
            Some(read) => {
                active.insert(flow, read);
            }
            None => tracing::error!(
                %project,
                %flow,
                version,
                "the active version of a flow says what this host cannot read, and does not run"
            ),
        }
    }
    for row in store.flows(project).await? {
        let state = FlowState {
            newest: row.newest,
            created_at: row.created_at,
            updated_at: row.updated_at,
            active: active.remove(&row.flow),
        };
        snapshot.flows.insert(row.flow, state);
    }
    Ok(snapshot)
}

fn read_active(project: &Kebab, row: ActiveFlow) -> Option<Active> {
    let document = FlowDocument::parse(row.flow.as_str(), &row.text).ok()?;
    Some(Active {
        version: row.version,
        document: Arc::new(document.kept_as(project.clone(), row.version)),
        lock: Some(Arc::new(Locked::read(&row.lock)?)),
        ready: Ready::Wanted,
    })
}
