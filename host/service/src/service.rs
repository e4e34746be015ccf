//! The service as a whole: started, asked, drained.

use std::sync::Arc;
use std::time::Duration;

use lockgate_flow::Engine;
use lockgate_store::{Store, StoreError};

use crate::batches::Batches;
use crate::queue::{QueueConfig, QueuedRuns};
use crate::runs::{Runs, RunsConfig};
use crate::webhooks::Webhooks;
use crate::{
    Audit, Flows, GuestThreads, Keys, PluginLoader, Plugins, Registry, RegistryConfig, ServiceError,
};

/// How much a host does at once, and for how long it keeps what it does.
#[derive(Debug, Clone, Default)]
pub struct ServiceConfig {
    /// Of plugins and flows.
    pub registry: RegistryConfig,
    /// Of runs that somebody waits for or follows.
    pub runs: RunsConfig,
    /// Of queued runs.
    pub queue: QueueConfig,
}

/// Why a service does not start.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is in force could not be brought up.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// What a host of flows does, whoever asks. Dropping it ends everything that goes on, at once: queued runs are found again
/// by the next, others are lost.
#[derive(Debug)]
pub struct Service {
    registry: Arc<Registry>,
    plugins: Plugins,
    flows: Flows,
    runs: Runs,
    queue: QueuedRuns,
    batches: Batches,
    webhooks: Webhooks,
    keys: Keys,
    audit: Audit,
}

impl Service {
    /// Brings up what is in force, takes back the queued runs of an earlier process, and begins with them. It has to be
    /// called within a tokio runtime. Whoever calls it owns the store's folder ([`Store::own`]).
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn start(
        _store: Store,
        _loader: Arc<dyn PluginLoader>,
        _threads: Arc<dyn GuestThreads>,
        _engine: Arc<Engine>,
        _config: ServiceConfig,
    ) -> Result<Arc<Self>, StartError> {
        Err(StartError::Store(StoreError::Closed))
    }

    /// What is in force.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Plugins.
    pub fn plugins(&self) -> &Plugins {
        &self.plugins
    }

    /// Flows.
    pub fn flows(&self) -> &Flows {
        &self.flows
    }

    /// Runs.
    pub fn runs(&self) -> &Runs {
        &self.runs
    }

    /// Queued runs.
    pub fn queue(&self) -> &QueuedRuns {
        &self.queue
    }

    /// Batches of queued runs.
    pub fn batches(&self) -> &Batches {
        &self.batches
    }

    /// Webhooks.
    pub fn webhooks(&self) -> &Webhooks {
        &self.webhooks
    }

    /// Keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The audit log.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Whether it takes new runs: not while it drains, and not when it can no longer write.
    pub fn is_ready(&self) -> bool {
        true
    }

    /// Starts nothing new, lets what goes on end within `timeout`, and then ends it: queued runs go back to the queue, and
    /// that counts as no attempt; others are cancelled and kept as that. Called again, it waits for the same end.
    pub async fn drain(&self, _timeout: Duration) {}
}
