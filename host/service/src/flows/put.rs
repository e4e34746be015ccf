//! How a document becomes a version of a flow, and how a version becomes the active one.

use std::sync::Arc;

use lockgate_flow::FlowDocument;
use lockgate_model::Kebab;
use lockgate_store::{Change, FlowVersionRow};
use serde_json::json;

use super::{CauseKind, Format, Put, Saved, no_version};
use crate::error::ServiceError;
use crate::plugins::Activation;
use crate::registry::{
    Active, Aim, FlowState, Locked, Project, Ready, Registry, Settled, Snapshot, audit, cause, now,
    written,
};
use crate::{Caller, Moment};

/// Saves a document, to the end.
pub(super) async fn put(
    registry: Arc<Registry>,
    caller: Caller,
    name: Kebab,
    text: String,
    put: Put,
) -> Result<Saved, ServiceError> {
    let document = FlowDocument::parse(name.as_str(), &text)?;
    if let Some(said) = document.name().filter(|said| **said != name) {
        let message = format!("the document says `flow: {said}` and is saved as `{name}`");
        return Err(ServiceError::InvalidRequest(message));
    }
    let project = registry.project(&caller.project);
    let _turn = project.turn.lock().await;
    let before = project.snapshot();
    let digest = written(&document.digest());
    let store = registry.store();
    let known = store.flow_by_digest(&project.name, &name, &digest).await?;
    let stored = match known {
        None => None,
        Some(version) => store.flow_version(&project.name, &name, version).await?,
    };
    let state = before.flows.get(&name);
    let newest = state.map_or(0, |state| state.newest);
    let version = stored.as_ref().map_or(newest + 1, |stored| stored.version);
    if stored.is_none() {
        check_room(&registry, &before, &name, newest)?;
    }
    let saving = Saving {
        registry: &registry,
        project: &project,
        caller: &caller,
        name: &name,
        document: Arc::new(document.kept_as(project.name.clone(), version)),
        digest,
        version,
        at: now(),
    };
    let format = put.format.unwrap_or_else(|| Format::of(&text));
    saving
        .save(&before, stored, text, format, put.activate)
        .await
}

struct Saving<'a> {
    registry: &'a Registry,
    project: &'a Project,
    caller: &'a Caller,
    name: &'a Kebab,
    document: Arc<FlowDocument>,
    digest: String,
    version: u32,
    at: Moment,
}

impl Saving<'_> {
    async fn save(
        &self,
        before: &Snapshot,
        stored: Option<FlowVersionRow>,
        text: String,
        format: Format,
        activate: bool,
    ) -> Result<Saved, ServiceError> {
        let created = stored.is_none();
        let (name, version) = (self.name, self.version);
        let mut changes = Vec::new();
        match &stored {
            None => changes.push(Change::AddFlowVersion(FlowVersionRow {
                flow: name.clone(),
                version,
                digest: self.digest.clone(),
                format: format.as_str().to_owned(),
                text: Some(text),
                created_at: self.at.0,
                created_by: self.caller.name.to_string(),
            })),
            Some(stored) if stored.text.as_ref() != Some(&text) => {
                changes.push(Change::SetFlowText {
                    flow: name.clone(),
                    version,
                    text,
                    format: format.as_str().to_owned(),
                });
            }
            Some(_) => {}
        }
        let active = before.flows.get(name).and_then(|flow| flow.active.as_ref());
        let was_active = active.filter(|active| active.version == version);
        if let (Some(active), true) = (was_active, changes.is_empty())
            && let (Some(lock), Some(_)) = (&active.lock, active.plan())
        {
            return Ok(self.saved(created, true, lock, Vec::new()));
        }
        if activate && was_active.is_none() {
            changes.push(Change::ActivateFlow {
                flow: name.clone(),
                version,
                at: self.at.0,
            });
        }
        let becomes_active = activate || was_active.is_some();
        let (settled, lock) = if becomes_active {
            let last = self.last_lock(created).await?;
            let next = self.with_active(before, last);
            let aim = Aim::Change {
                cause: self.cause(if created {
                    CauseKind::Saved
                } else {
                    CauseKind::FlowActive
                }),
                target: Some(name.clone()),
            };
            let settled = self.registry.settle(next, &aim).await?;
            let lock = lock_in(&settled.next, name);
            (settled, lock)
        } else {
            self.beside(before, created).await?
        };
        let lock = lock.ok_or_else(|| ServiceError::Internal("a flow has no lock".into()))?;
        let flows = settled.flows.clone();
        let subject = format!("{name}@{version}");
        let detail = json!({ "digest": self.digest, "created": created, "activate": activate });
        let audit = audit(self.caller, self.at, "flow.save", subject, &detail);
        self.registry
            .commit(self.project, changes, settled, audit)
            .await?;
        Ok(self.saved(created, becomes_active, &lock, flows))
    }

    /// A version that does not become active. It has to plan where it is new; what is in force stays.
    async fn beside(
        &self,
        before: &Snapshot,
        created: bool,
    ) -> Result<(Settled, Option<Arc<Locked>>), ServiceError> {
        let mut next = before.clone();
        if !created {
            let lock = self.last_lock(created).await?;
            return Ok((Settled::unchanged(next), lock));
        }
        let aim = Aim::Try {
            cause: self.cause(CauseKind::Saved),
            target: self.name.clone(),
        };
        let tried = self.registry.settle(self.with_active(before, None), &aim);
        let lock = lock_in(&tried.await?.next, self.name);
        let state = self.state(before);
        next.flows.insert(self.name.clone(), state);
        let mut settled = Settled::unchanged(next);
        let locked = lock.iter().cloned();
        settled.locked = locked
            .map(|lock| (self.name.clone(), self.version, lock))
            .collect();
        Ok((settled, lock))
    }

    /// The flow with this version among its versions, and what was active still active.
    fn state(&self, before: &Snapshot) -> FlowState {
        let mut state = before.flows.get(self.name).cloned().unwrap_or(FlowState {
            newest: 0,
            created_at: self.at.0,
            updated_at: self.at.0,
            active: None,
        });
        state.newest = state.newest.max(self.version);
        state.updated_at = self.at.0;
        state
    }

    fn with_active(&self, before: &Snapshot, lock: Option<Arc<Locked>>) -> Snapshot {
        let mut next = before.clone();
        let mut state = self.state(before);
        state.active = Some(Active {
            version: self.version,
            document: self.document.clone(),
            lock,
            ready: Ready::Wanted,
        });
        next.flows.insert(self.name.clone(), state);
        next
    }

    async fn last_lock(&self, created: bool) -> Result<Option<Arc<Locked>>, ServiceError> {
        if created {
            return Ok(None);
        }
        last_lock(self.registry, self.project, self.name, self.version).await
    }

    fn cause(&self, kind: CauseKind) -> super::Cause {
        let subject = format!("{}@{}", self.name, self.version);
        cause(self.caller, kind, subject, self.at)
    }

    fn saved(
        &self,
        created: bool,
        active: bool,
        lock: &Locked,
        flows: Vec<crate::plugins::Reresolved>,
    ) -> Saved {
        Saved {
            flow: self.name.clone(),
            version: self.version,
            digest: self.digest.clone(),
            created,
            active,
            lock: lock.view(),
            flows,
        }
    }
}

/// Makes a version the active one, to the end.
pub(super) async fn activate(
    registry: Arc<Registry>,
    caller: Caller,
    name: Kebab,
    version: u32,
) -> Result<Activation, ServiceError> {
    let project = registry.project(&caller.project);
    let _turn = project.turn.lock().await;
    let before = project.snapshot();
    let Some(state) = before.flows.get(&name) else {
        return Err(ServiceError::not_found("flow", name));
    };
    let active = state.active.as_ref();
    let was = active.map(|active| active.version);
    let done = |flows| Activation {
        subject: name.to_string(),
        version: version.to_string(),
        before: was.map(|was| was.to_string()),
        flows,
    };
    if was == Some(version) && active.is_some_and(|active| active.plan().is_some()) {
        return Ok(done(Vec::new()));
    }
    let stored = registry.store().flow_version(&project.name, &name, version);
    let text = stored.await?.and_then(|stored| stored.text);
    let text = text.ok_or_else(|| no_version(&name, version))?;
    let saving = Saving {
        registry: &registry,
        project: &project,
        caller: &caller,
        name: &name,
        document: Arc::new(
            FlowDocument::parse(name.as_str(), &text)?.kept_as(project.name.clone(), version),
        ),
        digest: String::new(),
        version,
        at: now(),
    };
    let next = saving.with_active(&before, saving.last_lock(false).await?);
    let aim = Aim::Change {
        cause: saving.cause(CauseKind::FlowActive),
        target: Some(name.clone()),
    };
    let settled = registry.settle(next, &aim).await?;
    let flows = settled.flows.clone();
    let changes = vec![Change::ActivateFlow {
        flow: name.clone(),
        version,
        at: saving.at.0,
    }];
    let detail = json!({ "before": was, "flows": flows });
    let subject = format!("{name}@{version}");
    let audit = audit(&caller, saving.at, "flow.activate", subject, &detail);
    registry.commit(&project, changes, settled, audit).await?;
    Ok(done(flows))
}

/// The last lock of a version.
pub(super) async fn last_lock(
    registry: &Registry,
    project: &Project,
    flow: &Kebab,
    version: u32,
) -> Result<Option<Arc<Locked>>, ServiceError> {
    let locks = registry.store().locks(&project.name, flow, Some(version));
    let locks = locks.await?;
    Ok(locks.first().and_then(Locked::read).map(Arc::new))
}

fn lock_in(snapshot: &Snapshot, flow: &Kebab) -> Option<Arc<Locked>> {
    snapshot.flows.get(flow)?.active.as_ref()?.lock.clone()
}

fn check_room(
    registry: &Registry,
    before: &Snapshot,
    name: &Kebab,
    newest: u32,
) -> Result<(), ServiceError> {
    let config = &registry.config;
    let (what, there, most) = match before.flows.contains_key(name) {
        true => (
            "versions of the flow",
            u64::from(newest),
            u64::from(config.max_flow_versions),
        ),
        false => ("flows", before.flows.len() as u64, config.max_flows as u64),
    };
    if there < most {
        return Ok(());
    }
    Err(ServiceError::TooMany { what, most })
}

impl Format {
    /// How a text seems to be written. JSON begins with a brace, and what else does is read the same either way.
    pub(super) fn of(text: &str) -> Self {
        if text.trim_start().starts_with('{') {
            Self::Json
        } else {
            Self::Yaml
        }
    }

    /// As it is stored.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
        }
    }

    /// As it was stored.
    pub(super) fn read(text: &str) -> Self {
        if text == "json" {
            Self::Json
        } else {
            Self::Yaml
        }
    }
}
