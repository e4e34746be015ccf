//! The sandbox, as the service wants it: what ties `lockgate-runtime` to `lockgate-service`.

use std::sync::Arc;

use futures::future::BoxFuture;
use lockgate_model::{Kebab, Node, PluginId, PluginInfo};
use lockgate_runtime::{LoadError, Plugin, Runtime};
use lockgate_service::{GuestThreads, LoadedPlugin, PluginLoader, PluginRefused};

/// Loads plugins, and has the threads that runs are driven on.
#[derive(Debug)]
pub(super) struct Sandbox(pub(super) Runtime);

impl PluginLoader for Sandbox {
    fn load(
        &self,
        publisher: Kebab,
        bytes: Arc<[u8]>,
    ) -> BoxFuture<'_, Result<Arc<dyn LoadedPlugin>, PluginRefused>> {
        Box::pin(async move {
            let loaded = self.0.load(publisher, bytes).await;
            let loaded = loaded.map_err(|error| refused(&error))?;
            Ok(Arc::new(Loaded(loaded)) as Arc<dyn LoadedPlugin>)
        })
    }
}

impl GuestThreads for Sandbox {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.0.detach(work);
    }
}

struct Loaded(Plugin);

impl LoadedPlugin for Loaded {
    fn id(&self) -> &PluginId {
        self.0.id()
    }

    fn info(&self) -> &PluginInfo {
        self.0.info()
    }

    fn imports(&self) -> &[String] {
        self.0.imports()
    }

    fn node(&self, name: &str) -> Option<Arc<dyn Node>> {
        self.0.node(name)
    }
}

fn refused(error: &LoadError) -> PluginRefused {
    let code = match error {
        LoadError::TooLarge { .. } => "too-large",
        LoadError::NotWasm => "not-wasm",
        LoadError::CoreModule => "core-module",
        LoadError::Invalid(_) => "invalid",
        LoadError::NoContract { .. } => "no-contract",
        LoadError::NotOffered { .. } => "not-offered",
        LoadError::WrongType(_) => "wrong-type",
        LoadError::Compile(_) => "not-compiled",
        LoadError::Describe(_) => "not-described",
        LoadError::Malformed(_) => "malformed",
    };
    let (message, findings) = match error {
        LoadError::Malformed(findings) => (
            "what the plugin says of itself is wrong".to_owned(),
            findings.clone(),
        ),
        error => (error.to_string(), Vec::new()),
    };
    PluginRefused {
        code,
        message,
        findings,
    }
}
