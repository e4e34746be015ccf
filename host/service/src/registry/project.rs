//! One project of a host: what is in force in it, and the turn that changes of it take.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use lockgate_flow::Plan;
use lockgate_model::Kebab;
use lockgate_store::{AuditRow, Change};
use serde_json::Value as Tree;
use tokio::sync::Mutex;

use super::settle::Settled;
use super::snapshot::Snapshot;
use crate::{Caller, Moment};

/// A project of a host.
pub(crate) struct Project {
    pub(crate) name: Kebab,
    /// Who changes the project holds it from the first look to the last word.
    pub(crate) turn: Mutex<()>,
    snapshot: RwLock<Arc<Snapshot>>,
    /// The plans of versions that are not active, as long as runs hold them.
    pub(super) old: Mutex<OldPlans>,
}

/// By flow and version: the digest of the lock that was planned from, and the plan.
pub(super) type OldPlans = HashMap<(Kebab, u32), (Arc<str>, Weak<Plan>)>;

impl Project {
    pub(super) fn new(name: Kebab, snapshot: Snapshot) -> Self {
        Self {
            name,
            turn: Mutex::new(()),
            snapshot: RwLock::new(Arc::new(snapshot)),
            old: Mutex::new(HashMap::new()),
        }
    }

    /// What is in force now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        // Nothing panics while it is held: it guards a pointer.
        let snapshot = self.snapshot.read();
        snapshot.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the plans of a flow's versions: there may be other versions with the same numbers.
    pub(crate) async fn forget_old(&self, flow: &Kebab) {
        let mut old = self.old.lock().await;
        old.retain(|(of, _), _| of != flow);
    }

    /// What is in force from now on. The old state is dropped outside the lock: with it may go plans and plugins.
    pub(super) fn swap(&self, next: Snapshot) {
        let next = Arc::new(next);
        let before = {
            let mut snapshot = self
                .snapshot
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *snapshot, next)
        };
        drop(before);
    }
}

/// What a change writes: the new locks of what was settled, after what it says itself.
pub(super) fn with_locks(mut changes: Vec<Change>, settled: &Settled) -> Vec<Change> {
    let locks = settled.locked.iter();
    changes.extend(locks.map(|(flow, version, lock)| Change::AddLock(lock.row(flow, *version))));
    changes
}

/// A line of the audit log.
pub(crate) fn audit(
    caller: &Caller,
    at: Moment,
    action: &str,
    subject: impl ToString,
    detail: &Tree,
) -> AuditRow {
    AuditRow {
        project: caller.project.clone(),
        at: at.0,
        actor: caller.name.to_string(),
        key: caller.key,
        address: caller.address.map(|address| address.to_string()),
        action: action.to_owned(),
        subject: subject.to_string(),
        detail: detail.to_string(),
    }
}
