//! Plans versions of flows that are not active, each from its last lock: with the plugins and the flows that the lock names,
//! whatever is active by now.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Weak};

use lockgate_flow::{FlowDocument, Plan};
use lockgate_model::{Kebab, NodeRef};
use lockgate_store::{LockRow, Store};

use super::Resolved;
use super::catalog::{LockedDocuments, LockedNodes};
use super::load::Shelf;
use super::lock::{self, Locked};
use super::project::Project;
use super::snapshot::{Loaded, PluginKey, Snapshot};
use crate::ServiceError;

/// What a run of a version that is not active starts from. Runs at the same time share one plan, and it is freed with the
/// last of them.
pub(super) async fn resolve(
    shelf: &Shelf,
    project: &Project,
    flow: &Kebab,
    version: u32,
) -> Result<Resolved, ServiceError> {
    // One at a time: many runs that start at once shall share what the first of them plans.
    let mut old = project.old.lock().await;
    let snapshot = project.snapshot();
    let (store, name) = (&shelf.store, &project.name);
    let locks = store.locks(name, flow, Some(version)).await?;
    let Some(row) = locks.first() else {
        let is_there = store.flow_version(name, flow, version).await?.is_some();
        return Err(if is_there {
            gone(flow, version, "it never had one".to_owned())
        } else {
            ServiceError::not_found("flow version", format!("{flow}@{version}"))
        });
    };
    let resolved = |plan: Arc<Plan>| Resolved {
        plan,
        flow: flow.clone(),
        version,
        revision: row.revision,
        lock: row.digest.as_str().into(),
    };
    let key = (flow.clone(), version);
    let known = old.get(&key).filter(|(digest, _)| **digest == *row.digest);
    if let Some(plan) = known.and_then(|(_, plan)| plan.upgrade()) {
        return Ok(resolved(plan));
    }
    let tree = LockTree::read(store, name, flow, version, row).await?;
    let plan = Arc::new(tree.plan(shelf, &snapshot).await?);
    old.retain(|_, (_, plan)| Weak::strong_count(plan) > 0);
    old.insert(key, (row.digest.as_str().into(), Arc::downgrade(&plan)));
    Ok(resolved(plan))
}

/// A lock and those of all flows that it names.
struct LockTree<'a> {
    flow: &'a Kebab,
    version: u32,
    documents: BTreeMap<Kebab, Arc<FlowDocument>>,
    /// One for each reference: all locks of a tree were in force at one moment.
    pins: HashMap<NodeRef, PluginKey>,
}

impl<'a> LockTree<'a> {
    async fn read(
        store: &Store,
        project: &Kebab,
        flow: &'a Kebab,
        version: u32,
        row: &LockRow,
    ) -> Result<Self, ServiceError> {
        let mut tree = Self {
            flow,
            version,
            documents: BTreeMap::new(),
            pins: HashMap::new(),
        };
        let mut open = vec![(flow.clone(), version, row.clone())];
        while let Some((name, version, row)) = open.pop() {
            if tree.documents.contains_key(&name) {
                continue;
            }
            let stored = store.flow_version(project, &name, version).await?;
            let text = stored.and_then(|stored| stored.text);
            let text = text.ok_or_else(|| tree.deleted(&name, version))?;
            let document = FlowDocument::parse(name.as_str(), &text)?;
            let document = document.kept_as(project.clone(), version);
            tree.documents.insert(name, Arc::new(document));
            let unreadable = || tree.gone("this host cannot read it: save the flow again".into());
            let locked = Locked::read(&row).ok_or_else(unreadable)?;
            for node in &locked.lock.nodes {
                let reference = node.uses.parse().ok();
                let (Some(reference), Some(key)) = (reference, lock::key(node)) else {
                    return Err(tree.gone("this host cannot read it: save the flow again".into()));
                };
                tree.pins.insert(reference, key);
            }
            for inner in locked.lock.flows {
                let Ok(name) = inner.flow.parse::<Kebab>() else {
                    continue;
                };
                let rows = store.locks(project, &name, Some(inner.version)).await?;
                let row = rows.into_iter().find(|row| row.digest == inner.lock);
                let row = row.ok_or_else(|| tree.deleted(&name, inner.version))?;
                open.push((name, inner.version, row));
            }
        }
        Ok(tree)
    }

    async fn plan(&self, shelf: &Shelf, snapshot: &Snapshot) -> Result<Plan, ServiceError> {
        let keys: BTreeSet<&PluginKey> = self.pins.values().collect();
        let is_there = |key: &PluginKey| {
            let versions = snapshot.plugins.get(&key.name);
            let version = versions.and_then(|versions| versions.get(&key.version));
            version.is_some_and(|version| version.key.digest == key.digest)
        };
        if let Some(key) = keys.iter().find(|key| !is_there(key)) {
            return Err(self.gone(format!(
                "the plugin `{key}` with the digest {} was deleted: upload it again, or run another version",
                key.digest
            )));
        }
        let mut loaded = Loaded::new();
        let mut wanted = BTreeSet::new();
        for key in keys {
            match snapshot.loaded.get(key) {
                Some(plugin) => {
                    loaded.insert(key.clone(), plugin.clone());
                }
                None => {
                    wanted.insert(key.clone());
                }
            }
        }
        for (key, outcome) in shelf.load(wanted).await {
            let plugin = outcome.map_err(|reason| self.gone(reason.to_string()))?;
            loaded.insert(key, plugin);
        }
        let Some(document) = self.documents.get(self.flow) else {
            return Err(self.deleted(self.flow, self.version));
        };
        let nodes = LockedNodes {
            pins: &self.pins,
            loaded: &loaded,
        };
        let flows = LockedDocuments(&self.documents);
        Ok(Box::pin(lockgate_flow::plan(document, &nodes, &flows, &[])).await?)
    }

    fn deleted(&self, flow: &Kebab, version: u32) -> ServiceError {
        self.gone(format!(
            "version {version} of the flow `{flow}` was deleted: run another version"
        ))
    }

    fn gone(&self, reason: String) -> ServiceError {
        gone(self.flow, self.version, reason)
    }
}

fn gone(flow: &Kebab, version: u32, reason: String) -> ServiceError {
    ServiceError::LockGone {
        flow: flow.clone(),
        version,
        reason,
    }
}
