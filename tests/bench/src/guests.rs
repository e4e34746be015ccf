//! The components that are measured: the echo nodes that the Makefile builds, and the smallest one that there can be.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use lockgate_model::{Json, Kebab, Limits, NodeRunner, PluginName};
use lockgate_runtime::{CompilerConfig, Plugin, Runtime, RuntimeConfig};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A component that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guest {
    /// Written by hand, without an allocator, a language's runtime or an import.
    Smallest,
    /// The same, but that it has a `stream` node instead, which waits for its input.
    Waiting,
    /// In C, for the world `pure-node`: it calls nothing of the host, and links no libc.
    Pure,
    /// In C, for the world `node`, as authors write them: it can log and stream. Bounds of calls are held by it.
    C,
    Rust,
    JavaScript,
    Python,
    /// Has a node `node` that never ends.
    Spin,
}

impl Guest {
    /// Those that have an `echo` node, the fastest first.
    pub(crate) const ECHOES: [Self; 6] = [
        Self::Smallest,
        Self::Pure,
        Self::C,
        Self::Rust,
        Self::JavaScript,
        Self::Python,
    ];

    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Smallest => "smallest",
            Self::Waiting => "smallest",
            Self::Pure => "pure C",
            Self::C => "C",
            Self::Rust => "Rust",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
            Self::Spin => "spinning",
        }
    }

    /// Its bytes.
    pub(crate) fn bytes(self) -> Result<Vec<u8>> {
        let file = match self {
            Self::Smallest => return encoded(include_str!("smallest.wat"), "pure-node"),
            Self::Waiting => return encoded(include_str!("waiting.wat"), "node"),
            Self::Pure => "guests/pure-c.wasm",
            Self::C => "guests/echo-c.wasm",
            Self::Rust => "plugins/echo.wasm",
            Self::JavaScript => "guests/echo-js.wasm",
            Self::Python => "guests/echo-python.wasm",
            Self::Spin => "guests/spin.wasm",
        };
        let path = built()?.join(file);
        std::fs::read(&path).with_context(|| format!("{}: `make bench` builds it", path.display()))
    }

    /// It as a plugin.
    pub(crate) async fn load(self, runtime: &Runtime) -> Result<Plugin> {
        let publisher: Kebab = PluginName::HOUSE.parse()?;
        let plugin = runtime.load(publisher, self.bytes()?).await;
        plugin.with_context(|| format!("the echo node, {}", self.name()))
    }

    /// Its node of this name, ready to be called with the limits that every call has.
    pub(crate) async fn node(self, runtime: &Runtime, name: &str) -> Result<Arc<dyn NodeRunner>> {
        self.node_within(runtime, name, *runtime.limits()).await
    }

    /// Its node of this name, ready to be called with these limits.
    pub(crate) async fn node_within(
        self,
        runtime: &Runtime,
        name: &str,
        limits: Limits,
    ) -> Result<Arc<dyn NodeRunner>> {
        let plugin = self.load(runtime).await?;
        let node = plugin
            .node(name)
            .with_context(|| format!("`{}` has no node `{name}`", plugin.id().name))?;
        Ok(node.configure(Json::parse("{}")?, limits).await?)
    }
}

/// A runtime as a host starts it, that compiles with this very program. Without the page scan it is one on a kernel that
/// has none.
pub(crate) fn runtime(compile: &str, page_scan: bool) -> Result<Runtime> {
    let command = std::env::current_exe().context("where this program is")?;
    let compiler = CompilerConfig::new(vec![command, PathBuf::from(compile)]);
    let cache = built()?.join("bench/cache");
    std::fs::create_dir_all(&cache)?;
    let mut config = RuntimeConfig::new(compiler, Some(cache));
    config.page_scan = page_scan;
    Ok(Runtime::start(config)?)
}

/// The folder of everything built: this program is in `dist/` there.
pub(crate) fn built() -> Result<PathBuf> {
    let program = std::env::current_exe().context("where this program is")?;
    let folder = program.ancestors().nth(2).map(Path::to_owned);
    folder.context("this program is in no folder of built things")
}

/// A component of a core module in WebAssembly's text format.
fn encoded(text: &str, world: &str) -> Result<Vec<u8>> {
    let mut module = wat::parse_str(text)?;
    let mut resolve = Resolve::default();
    let contract =
        resolve.push_str("node.wit", include_str!("../../../wit/node@0.1.0/node.wit"))?;
    let world = resolve.select_world(&[contract], Some(world))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    let mut encoder = ComponentEncoder::default().module(&module)?;
    encoder.encode().context("a component of a core module")
}
