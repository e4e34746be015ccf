//! Flows, as callers ask for them: saved, listed, compared, made active, deleted; and drafts, which are never active.

mod check;
mod diff;
mod drafts;
mod put;
mod view;

use std::collections::BTreeSet;
use std::sync::Arc;

use lockgate_model::Kebab;
use lockgate_store::{Change, FlowVersionRow};
use serde_json::json;

pub use view::{
    Cause, CauseKind, DiffView, DraftView, FlowSummary, FlowVersionView, FlowView, Format, Lock,
    LockChange, LockView, LockedFlow, LockedNode, Put, Saved, Seen, VersionLock,
};

use crate::error::{FlowNeed, MAX_FLOWS_NAMED};
use crate::plugins::Activation;
use crate::registry::{Active, FlowState, Locked, Settled, Snapshot, audit, now, runs, to_its_end};
use crate::{Caller, Moment, Registry, Scope, ServiceError};

/// Flows, as callers ask for them. Cloning it copies a pointer.
#[derive(Debug, Clone)]
pub struct Flows {
    registry: Arc<Registry>,
}

impl Flows {
    /// The flows of a registry.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    /// Saves a document: a new version, unless a version means the same. A new version has to plan, active or not.
    ///
    /// A version that means the same has its text replaced, and is made active if that is asked for.
    ///
    /// # Errors
    ///
    /// Every fault of the document; or flows that run this one would break.
    pub async fn put(
        &self,
        caller: &Caller,
        name: &Kebab,
        text: String,
        put: Put,
    ) -> Result<Saved, ServiceError> {
        caller.may_with(Scope::Deploy, name)?;
        check_name(name)?;
        let (registry, caller, name) = (self.registry.clone(), caller.clone(), name.clone());
        to_its_end(put::put(registry, caller, name, text, put)).await
    }

    /// The flows of the caller's project that their key is for, in the order of their names.
    ///
    /// # Errors
    ///
    /// The caller may not read.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<FlowSummary>, ServiceError> {
        caller.may(Scope::Read)?;
        let snapshot = self.registry.snapshot(&caller.project);
        let flows = snapshot.flows.iter();
        let own = flows.filter(|(name, _)| caller.is_for(name));
        Ok(own.map(|(name, state)| summary(name, state)).collect())
    }

    /// One flow.
    ///
    /// # Errors
    ///
    /// There is none.
    pub async fn one(&self, caller: &Caller, name: &Kebab) -> Result<FlowView, ServiceError> {
        caller.may_with(Scope::Read, name)?;
        let snapshot = self.registry.snapshot(&caller.project);
        let state = there(&snapshot, name)?;
        let active = state.active.as_ref();
        let plan = active.and_then(Active::plan);
        let version = active.map_or(state.newest, |active| active.version);
        let outputs = plan.into_iter().flat_map(|plan| plan.outputs());
        Ok(FlowView {
            summary: summary(name, state),
            input: plan.and_then(|plan| plan.input_schema().cloned()),
            outputs: outputs.map(ToString::to_string).collect(),
            version: self.version(caller, name, version).await?,
        })
    }

    /// One version of a flow, with its text and last lock.
    ///
    /// # Errors
    ///
    /// There is none.
    pub async fn version(
        &self,
        caller: &Caller,
        name: &Kebab,
        version: u32,
    ) -> Result<FlowVersionView, ServiceError> {
        caller.may_with(Scope::Read, name)?;
        let snapshot = self.registry.snapshot(&caller.project);
        let state = there(&snapshot, name)?;
        let (store, project) = (self.registry.store(), &caller.project);
        let row = store.flow_version(project, name, version).await?;
        let row = row.ok_or_else(|| no_version(name, version))?;
        let locks = store.locks(project, name, Some(version)).await?;
        let lock = locks.first().and_then(Locked::read);
        Ok(FlowVersionView {
            lock: lock.map(|lock| lock.view()),
            ..version_view(row, state)
        })
    }

    /// The versions of a flow, the newest first.
    ///
    /// # Errors
    ///
    /// There is no such flow.
    pub async fn versions(
        &self,
        caller: &Caller,
        name: &Kebab,
    ) -> Result<Vec<FlowVersionView>, ServiceError> {
        caller.may_with(Scope::Read, name)?;
        let snapshot = self.registry.snapshot(&caller.project);
        let state = there(&snapshot, name)?;
        let rows = self.registry.store().flow_versions(&caller.project, name);
        let rows = rows.await?.into_iter();
        Ok(rows.map(|row| version_view(row, state)).collect())
    }

    /// What is different between two versions of a flow.
    ///
    /// # Errors
    ///
    /// There is no such version.
    pub async fn diff(
        &self,
        caller: &Caller,
        name: &Kebab,
        from: u32,
        to: u32,
    ) -> Result<DiffView, ServiceError> {
        let from = self.version(caller, name, from).await?;
        let to = self.version(caller, name, to).await?;
        // Comparing takes as long as the texts are different.
        let diff = tokio::task::spawn_blocking(move || diff::diff(&from, &to)).await;
        diff.map_err(|error| ServiceError::Internal(error.to_string()))
    }

    /// The locks of a version of a flow, or of all of its versions, the newest first.
    ///
    /// # Errors
    ///
    /// There is no such flow or version.
    pub async fn locks(
        &self,
        caller: &Caller,
        name: &Kebab,
        version: Option<u32>,
    ) -> Result<Vec<VersionLock>, ServiceError> {
        caller.may_with(Scope::Read, name)?;
        there(&self.registry.snapshot(&caller.project), name)?;
        let rows = self.registry.store().locks(&caller.project, name, version);
        let rows = rows.await?;
        if let (Some(version), true) = (version, rows.is_empty()) {
            return Err(no_version(name, version));
        }
        let locks = rows.iter().filter_map(|row| {
            Some(VersionLock {
                version: row.version,
                lock: Locked::read(row)?.view(),
            })
        });
        Ok(locks.collect())
    }

    /// Makes a version the active one; flows that run this one are resolved anew, or nothing changes.
    ///
    /// # Errors
    ///
    /// There is no such version, it does not plan any more, or flows would break.
    pub async fn activate(
        &self,
        caller: &Caller,
        name: &Kebab,
        version: u32,
    ) -> Result<Activation, ServiceError> {
        caller.may_with(Scope::Deploy, name)?;
        let (registry, caller, name) = (self.registry.clone(), caller.clone(), name.clone());
        to_its_end(put::activate(registry, caller, name, version)).await
    }

    /// Deletes a flow with its versions, locks and draft. Its runs stay.
    ///
    /// # Errors
    ///
    /// There is none, or active flows run it.
    pub async fn remove(&self, caller: &Caller, name: &Kebab) -> Result<(), ServiceError> {
        caller.may_with(Scope::Deploy, name)?;
        let (registry, caller, name) = (self.registry.clone(), caller.clone(), name.clone());
        to_its_end(remove(registry, caller, name)).await
    }
}

async fn remove(registry: Arc<Registry>, caller: Caller, name: Kebab) -> Result<(), ServiceError> {
    let project = registry.project(&caller.project);
    let _turn = project.turn.lock().await;
    let before = project.snapshot();
    let newest = there(&before, &name)?.newest;
    let flows = needed_by(&before, &name);
    if !flows.is_empty() {
        return Err(ServiceError::FlowNeeded { flow: name, flows });
    }
    let mut next = Snapshot::clone(&before);
    next.flows.remove(&name);
    let changes = vec![Change::RemoveFlow { flow: name.clone() }];
    let detail = json!({ "versions": newest });
    let audit = audit(&caller, now(), "flow.delete", &name, &detail);
    let settled = Settled::unchanged(next);
    registry.commit(&project, changes, settled, audit).await?;
    project.forget_old(&name).await;
    Ok(())
}

/// The active flows that run a flow; at most as many as an answer names.
fn needed_by(snapshot: &Snapshot, name: &Kebab) -> Vec<FlowNeed> {
    let flows = snapshot.flows.iter().filter(|(flow, _)| *flow != name);
    let needs = flows.filter_map(|(flow, state)| {
        let active = state.active.as_ref()?;
        let used: BTreeSet<&Kebab> = runs(&active.document).collect();
        used.contains(name).then(|| FlowNeed {
            flow: flow.clone(),
            version: active.version,
        })
    });
    needs.take(MAX_FLOWS_NAMED).collect()
}

/// The name that no flow has: `/api/v1/flows/check` is where documents are checked.
const NO_FLOW: &str = "check";

/// An error for a name that no flow may have.
fn check_name(name: &Kebab) -> Result<(), ServiceError> {
    if name.as_str() == NO_FLOW {
        return Err(ServiceError::InvalidRequest(format!(
            "no flow is called `{NO_FLOW}`: that is the address where documents are checked; give it another name"
        )));
    }
    Ok(())
}

fn there<'s>(snapshot: &'s Snapshot, name: &Kebab) -> Result<&'s FlowState, ServiceError> {
    let state = snapshot.flows.get(name);
    state.ok_or_else(|| ServiceError::not_found("flow", name))
}

fn summary(name: &Kebab, state: &FlowState) -> FlowSummary {
    let active = state.active.as_ref();
    let description = active.and_then(|active| active.document.description());
    let plan = active.and_then(Active::plan);
    FlowSummary {
        flow: name.clone(),
        active: active.map(|active| active.version),
        newest: state.newest,
        description: description.map(str::to_owned),
        chat: plan.is_some_and(|plan| plan.chat().is_some()),
        broken: active
            .and_then(Active::broken)
            .map(|reason| reason.to_string()),
        created_at: Moment(state.created_at),
        updated_at: Moment(state.updated_at),
    }
}

fn version_view(row: FlowVersionRow, state: &FlowState) -> FlowVersionView {
    let active = state.active.as_ref().map(|active| active.version);
    FlowVersionView {
        active: active == Some(row.version),
        flow: row.flow,
        version: row.version,
        digest: row.digest,
        format: Format::read(&row.format),
        text: row.text,
        lock: None,
        created_at: Moment(row.created_at),
        created_by: row.created_by,
    }
}

fn no_version(name: &Kebab, version: u32) -> ServiceError {
    ServiceError::not_found("flow version", format!("{name}@{version}"))
}
