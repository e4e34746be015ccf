//! What the service needs of a sandbox: something that makes plugins of bytes, and threads that runs are driven on.
//!
//! `lockgate-runtime` has both, and `lockgate-cli` ties them together. Tests put in fakes.

use std::sync::Arc;

use futures::future::BoxFuture;
use lockgate_model::{Kebab, Node, PluginId, PluginInfo};

/// Makes plugins of components.
pub trait PluginLoader: Send + Sync {
    /// Checks a component, compiles it (or finds it compiled), and asks it what it is. Once it began it may go on after the
    /// future is dropped.
    ///
    /// # Errors
    ///
    /// Why the bytes are no plugin that this host can run.
    fn load(
        &self,
        publisher: Kebab,
        bytes: Arc<[u8]>,
    ) -> BoxFuture<'_, Result<Arc<dyn LoadedPlugin>, PluginRefused>>;
}

/// A plugin that is ready to be called. What holds it keeps its code in memory; nodes hold what they need of it.
pub trait LoadedPlugin: Send + Sync {
    /// Which plugin it is.
    fn id(&self) -> &PluginId;

    /// What it says of itself.
    fn info(&self) -> &PluginInfo;

    /// The interfaces that it imports: what it may ever ask the host for.
    fn imports(&self) -> &[String];

    /// Its node of this name.
    fn node(&self, name: &str) -> Option<Arc<dyn Node>>;
}

/// Why a component is no plugin here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PluginRefused {
    /// What sort of reason it is, in kebab-case, such as `not-wasm`. The words stay what they are.
    pub code: &'static str,
    /// Why, as a sentence without its full stop. It may quote the component: escape it.
    pub message: String,
    /// Each single fault, where there are several.
    pub findings: Vec<String>,
}

/// Threads that guests may run on: where runs are driven, so that they hop there once and not at each call.
pub trait GuestThreads: Send + Sync {
    /// Starts work there. It goes on by itself, and is dropped where the threads go before it is done.
    fn spawn(&self, work: BoxFuture<'static, ()>);
}
