//! What is in force: which versions of plugins and flows are active, what the references of flows resolve to, and the plans
//! that runs start from.
//!
//! Each project has a snapshot, which does not change. A run takes a plan from it when it starts, and finishes on that. A change
//! makes the next snapshot: it settles what the new state is (`settle`), writes it in one transaction, and swaps. What
//! nobody uses any more is freed with the last plan that held it.
//!
//! Belongs here: the one rule of resolution (`rule`), locks, and how a project goes from one state to the next, whole or not
//! at all.
//! Does not belong here: who may ask for it, and how it is told (`plugins`, `flows`).

mod against;
mod catalog;
mod commit;
mod config;
mod load;
mod lock;
mod old;
mod project;
mod references;
mod rule;
mod settle;
mod snapshot;
mod start;

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use lockgate_flow::{FlowDocument, Plan};
use lockgate_model::Kebab;
use lockgate_store::Store;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

pub use config::RegistryConfig;

pub(crate) use lock::{Locked, sha256, written};
pub(crate) use project::{Project, audit};
pub(crate) use references::runs;
pub(crate) use settle::{Aim, Settled};
pub(crate) use snapshot::{Active, FlowState, PluginKey, PluginVersion, Ready, Snapshot};

use crate::error::ServiceError;
use crate::flows::{Cause, CauseKind};
use crate::ports::{LoadedPlugin, PluginLoader};
use crate::{Caller, Moment};
use load::Shelf;

/// After which time it is worth another try where as much is done at once as may be.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What is in force on a host, project by project.
pub struct Registry {
    pub(crate) config: RegistryConfig,
    shelf: Shelf,
    projects: RwLock<HashMap<Kebab, Arc<Project>>>,
    /// Held while rows of plugins and files of components come and go, so that no file goes that a row has just named.
    files: Mutex<()>,
    checking: Semaphore,
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

/// A flow that is active and does not run on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its project.
    pub project: Kebab,
    /// Which flow.
    pub flow: Kebab,
    /// Its active version.
    pub version: u32,
    /// Why, as a sentence without its full stop. It may quote a plugin: escape it.
    pub reason: Arc<str>,
}

impl Registry {
    /// Brings back what is in force from the store: the same versions, the same locks. Plugins that locks in force need are
    /// loaded, several at once. One that is missing or refused does not keep the others from it: see [`Registry::broken`].
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn open(
        store: Store,
        loader: Arc<dyn PluginLoader>,
        config: RegistryConfig,
    ) -> Result<Self, ServiceError> {
        let shelf = Shelf { store, loader };
        let mut projects = HashMap::new();
        for name in shelf.store.projects().await? {
            let snapshot = start::start(&shelf, &name).await?;
            projects.insert(name.clone(), Arc::new(Project::new(name, snapshot)));
        }
        Ok(Self {
            checking: Semaphore::new(config.checking.max(1)),
            config,
            shelf,
            projects: RwLock::new(projects),
            files: Mutex::new(()),
        })
    }

    /// What a run of a flow starts from: its active version, which costs no more than a look at what is in force, or the
    /// version that is asked for, which is planned from its last lock where it is not active.
    ///
    /// # Errors
    ///
    /// There is no such flow or version, none is active, or it does not run on this host.
    pub async fn resolve(
        &self,
        project: &Kebab,
        flow: &Kebab,
        version: Option<u32>,
    ) -> Result<Resolved, ServiceError> {
        let Some(project) = self.known(project) else {
            return Err(ServiceError::not_found("flow", flow));
        };
        let snapshot = project.snapshot();
        let Some(state) = snapshot.flows.get(flow) else {
            return Err(ServiceError::not_found("flow", flow));
        };
        let active = state.active.as_ref();
        match (active, version) {
            (Some(active), None) => in_force(flow, active),
            (Some(active), Some(version)) if active.version == version => in_force(flow, active),
            (None, None) => Err(ServiceError::NotActive { flow: flow.clone() }),
            (_, Some(version)) => {
                let _checking = self.checking().await?;
                Box::pin(old::resolve(&self.shelf, &project, flow, version)).await
            }
        }
    }

    /// Plans a document that comes with a request, against what is active now. `name` is what messages call it.
    ///
    /// # Errors
    ///
    /// Every fault of the document.
    pub async fn plan_document(
        &self,
        project: &Kebab,
        name: &str,
        text: &str,
    ) -> Result<Arc<Plan>, ServiceError> {
        let document = FlowDocument::parse(name, text)?;
        let _checking = self.checking().await?;
        let against = self.against(project, &document).await;
        if !against.blocked.is_empty() {
            return Err(ServiceError::Faults {
                total: against.blocked.len(),
                faults: against
                    .blocked
                    .iter()
                    .cloned()
                    .map(settle::not_loaded)
                    .collect(),
            });
        }
        let (nodes, flows) = (against.nodes(), against.flows());
        let plan = Box::pin(lockgate_flow::plan(&document, &nodes, &flows, &[])).await?;
        Ok(Arc::new(plan))
    }

    /// The active flows that do not run on this host, and why. They are tried again with each change of their project.
    pub fn broken(&self) -> Vec<Broken> {
        let mut broken = Vec::new();
        for project in self.projects() {
            for (flow, state) in &project.snapshot().flows {
                let Some(active) = &state.active else {
                    continue;
                };
                broken.extend(active.broken().map(|reason| Broken {
                    project: project.name.clone(),
                    flow: flow.clone(),
                    version: active.version,
                    reason: reason.clone(),
                }));
            }
        }
        broken.sort_by(|a, b| (&a.project, &a.flow).cmp(&(&b.project, &b.flow)));
        broken
    }

    /// A place among the documents that are planned at once beside those that are saved.
    pub(crate) async fn checking(&self) -> Result<SemaphorePermit<'_>, ServiceError> {
        let place = self.checking.acquire().await;
        place.map_err(|closed| ServiceError::Internal(closed.to_string()))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.shelf.store
    }

    pub(crate) fn loader(&self) -> &Arc<dyn PluginLoader> {
        &self.shelf.loader
    }

    /// What is in force in a project. Nothing, in one that nobody changed yet.
    pub(crate) fn snapshot(&self, project: &Kebab) -> Arc<Snapshot> {
        let known = self.known(project);
        known.map_or_else(Arc::default, |project| project.snapshot())
    }

    fn known(&self, name: &Kebab) -> Option<Arc<Project>> {
        let projects = self.projects.read().unwrap_or_else(PoisonError::into_inner);
        projects.get(name).cloned()
    }

    fn projects(&self) -> Vec<Arc<Project>> {
        let projects = self.projects.read().unwrap_or_else(PoisonError::into_inner);
        projects.values().cloned().collect()
    }

    /// A project to be changed.
    pub(crate) fn project(&self, name: &Kebab) -> Arc<Project> {
        let mut projects = self
            .projects
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Project::new(name.clone(), Snapshot::default()));
        projects.entry(name.clone()).or_insert_with(new).clone()
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn in_force(flow: &Kebab, active: &Active) -> Result<Resolved, ServiceError> {
    match (&active.ready, &active.lock) {
        (Ready::Plan(plan), Some(lock)) => Ok(Resolved {
            plan: plan.clone(),
            flow: flow.clone(),
            version: active.version,
            revision: lock.revision,
            lock: lock.digest.clone(),
        }),
        (ready, _) => Err(ServiceError::FlowBroken {
            flow: flow.clone(),
            reason: match ready {
                Ready::Broken(reason) => reason.to_string(),
                Ready::Plan(_) | Ready::Wanted => "it has no lock".to_owned(),
            },
        }),
    }
}

/// Does work to its end, even if whoever waits for it goes away: a change must not stop between the store and the swap.
pub(crate) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
) -> Result<T, ServiceError> {
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|error| Err(ServiceError::Internal(error.to_string())))
}

/// Now.
pub(crate) fn now() -> Moment {
    Moment::of(SystemTime::now())
}

/// Puts a plugin that was just loaded among those of a state, so that it is not loaded again.
pub(crate) fn keep_loaded(next: &mut Snapshot, plugin: Arc<dyn LoadedPlugin>) {
    let key = snapshot::PluginKey::of(plugin.id());
    next.loaded.insert(key, plugin);
}

/// The cause of what a caller does.
pub(crate) fn cause(caller: &Caller, kind: CauseKind, subject: impl ToString, at: Moment) -> Cause {
    Cause {
        kind,
        subject: subject.to_string(),
        by: caller.name.to_string(),
        at,
    }
}
