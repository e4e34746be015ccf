//! How a settled state becomes the one in force: one transaction, then the swap.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lockgate_store::{AuditRow, Change};
use tokio::sync::MutexGuard;

use super::Registry;
use super::project::{self, Project};
use super::settle::{self, Aim, Settled};
use super::snapshot::Snapshot;
use crate::error::ServiceError;

impl Registry {
    /// Settles what a project's next state would be. Nothing is changed by it.
    pub(crate) async fn settle(&self, next: Snapshot, aim: &Aim) -> Result<Settled, ServiceError> {
        Box::pin(settle::settle(&self.shelf, next, aim)).await
    }

    /// Makes a settled state the one in force: one transaction, then the swap. Whoever calls it holds the project's turn.
    pub(crate) async fn commit(
        &self,
        project: &Project,
        changes: Vec<Change>,
        settled: Settled,
        audit: AuditRow,
    ) -> Result<(), ServiceError> {
        let changes = project::with_locks(changes, &settled);
        let store = self.store();
        store.change(&project.name, changes, vec![audit]).await?;
        project.swap(settled.next);
        Ok(())
    }

    /// Stores a component's file. It stays at least as long as the answer is held: the time to write a row that names it.
    pub(crate) async fn keep_file(
        &self,
        bytes: &Arc<[u8]>,
    ) -> Result<MutexGuard<'_, ()>, ServiceError> {
        let files = self.files.lock().await;
        self.store().components().put(bytes.to_vec()).await?;
        Ok(files)
    }

    /// Does `commit` and then removes those files that no row names any more.
    pub(crate) async fn commit_without_files(
        &self,
        project: &Project,
        digests: BTreeSet<Arc<str>>,
        changes: Vec<Change>,
        settled: Settled,
        audit: AuditRow,
    ) -> Result<(), ServiceError> {
        let _files = self.files.lock().await;
        self.commit(project, changes, settled, audit).await?;
        let projects = self.projects();
        for digest in digests {
            let is_named = projects.iter().any(|project| {
                let snapshot = project.snapshot();
                let mut versions = snapshot.plugins.values().flat_map(BTreeMap::values);
                versions.any(|version| version.key.digest == digest)
            });
            if is_named {
                continue;
            }
            // What stays behind takes room and does no harm.
            if let Err(error) = self.store().components().remove(&digest).await {
                tracing::warn!(%digest, %error, "the file of a deleted plugin was not removed");
            }
        }
        Ok(())
    }
}
