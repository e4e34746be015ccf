//! The components that are measured, where the Makefile puts them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use lockgate_model::{Json, Kebab, Node, NodeRunner, PluginName};
use lockgate_runtime::{CompilerConfig, Plugin, Runtime, RuntimeConfig};

/// A component that has an `echo` node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guest {
    /// What people call it.
    pub(crate) name: &'static str,
    /// Its file below the folder of everything built.
    file: &'static str,
}

impl Guest {
    pub(crate) const C: Self = Self {
        name: "C",
        file: "guests/echo-c.wasm",
    };
    pub(crate) const RUST: Self = Self {
        name: "Rust",
        file: "plugins/echo.wasm",
    };
    pub(crate) const JS: Self = Self {
        name: "JavaScript",
        file: "guests/echo-js.wasm",
    };
    pub(crate) const PYTHON: Self = Self {
        name: "Python",
        file: "guests/echo-python.wasm",
    };

    /// Where it is.
    pub(crate) fn path(self) -> Result<PathBuf> {
        Ok(built()?.join(self.file))
    }

    /// Its bytes.
    pub(crate) fn bytes(self) -> Result<Vec<u8>> {
        let path = self.path()?;
        std::fs::read(&path).with_context(|| path.display().to_string())
    }

    /// It as a plugin.
    pub(crate) async fn load(self, runtime: &Runtime) -> Result<Plugin> {
        let plugin = runtime.load(publisher()?, self.bytes()?).await;
        plugin.with_context(|| self.file)
    }
}

/// Its node of this name, ready to be called with the limits that every call has.
pub(crate) async fn runner(plugin: &Plugin, node: &str) -> Result<Arc<dyn NodeRunner>> {
    let node: Arc<dyn Node> = plugin
        .node(node)
        .ok_or_else(|| anyhow!("`{}` has no node `{node}`", plugin.id().name))?;
    let limits = *node.limits();
    Ok(node.configure(Json::parse("{}")?, limits).await?)
}

/// A runtime as a host starts it, that compiles with this very program.
pub(crate) fn runtime(compile: &str) -> Result<Runtime> {
    let command = std::env::current_exe().context("where this program is")?;
    let compiler = CompilerConfig::new(vec![command, PathBuf::from(compile)]);
    let cache = built()?.join("bench/cache");
    std::fs::create_dir_all(&cache)?;
    Ok(Runtime::start(RuntimeConfig::new(compiler, Some(cache)))?)
}

/// The publisher of what is loaded here.
pub(crate) fn publisher() -> Result<Kebab> {
    PluginName::HOUSE.parse().context("the publisher's name")
}

/// The folder of everything built: this program is in `release/` there.
pub(crate) fn built() -> Result<PathBuf> {
    let program = std::env::current_exe().context("where this program is")?;
    let folder = program.ancestors().nth(2).map(Path::to_owned);
    folder.context("this program is in no folder of built things")
}
