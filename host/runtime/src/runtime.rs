//! The runtime: loads plugins and runs what calls their nodes.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use lockgate_model::{Kebab, Limits};

use crate::config::RuntimeConfig;
use crate::error::{LoadError, StartError};
use crate::host::Host;
use crate::plugin::Plugin;

/// Loads plugins, and runs calls of their nodes in sandboxes. Cloning it copies a pointer; when the last clone and the
/// last plugin are gone, so are its threads.
#[derive(Clone)]
pub struct Runtime(Arc<Host>);

impl Runtime {
    /// Starts the engine and its threads.
    pub fn start(config: RuntimeConfig) -> Result<Self, StartError> {
        Ok(Self(Arc::new(Host::start(config)?)))
    }

    /// Loads a plugin from a component's bytes. Its full name begins with `publisher`, which the caller knows and the
    /// component cannot claim. Takes as long as compiling, the first time.
    pub async fn load(
        &self,
        publisher: Kebab,
        bytes: impl Into<Arc<[u8]>>,
    ) -> Result<Plugin, LoadError> {
        Plugin::load(self.0.clone(), publisher, bytes.into()).await
    }

    /// What a call may use where nobody narrows it.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// How many of its places calls take at this moment.
    pub fn places_in_use(&self) -> u64 {
        self.0.places_in_use()
    }

    /// As [`Self::spawn`], for work that goes on by itself. Where the runtime goes before it is done, it is dropped.
    pub fn detach(&self, work: BoxFuture<'static, ()>) {
        self.0.threads.detach(work);
    }

    /// Runs `work`, a whole run of a flow say, on the guest threads, where calls of nodes cost no hop. Dropping the future
    /// that this gives ends the work.
    pub fn spawn<F>(&self, work: F) -> impl Future<Output = F::Output> + Send + use<F>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let hop = self.0.threads.spawn(work);
        let kept_alive = self.0.clone();
        async move {
            let output = hop.await;
            drop(kept_alive);
            output
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}
