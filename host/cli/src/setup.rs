//! A runtime for the length of one command, and the plugins that it finds.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use etcetera::{BaseStrategy as _, choose_base_strategy};
use lockgate_model::{Kebab, PluginName, escaped_lines};
use lockgate_runtime::{Catalog, CompilerConfig, Runtime, RuntimeConfig};

use crate::args::{CacheArgs, HostArgs};

/// What this command calls itself with to compile: the compiling child. Not for people, and so not in the help.
pub(crate) const COMPILE_COMPONENT: &str = "compile-component";

/// A command runs a flow or two: fewer places than a server's reserve fewer addresses.
pub(crate) const PLACES: u32 = 256;

/// The publisher of what is loaded from files: the command's user is the operator here.
pub(crate) fn publisher() -> anyhow::Result<Kebab> {
    PluginName::HOUSE.parse().context("the publisher's name")
}

/// The project of whatever nobody says another of.
pub(crate) fn project() -> anyhow::Result<Kebab> {
    "default".parse().context("the project's name")
}

/// Starts a runtime that compiles with this very command.
pub(crate) fn runtime(args: &CacheArgs) -> anyhow::Result<Runtime> {
    let mut config = runtime_config(args)?;
    config.places = PLACES;
    Ok(Runtime::start(config)?)
}

/// A runtime's configuration with the defaults, and this very command to compile with.
pub(crate) fn runtime_config(args: &CacheArgs) -> anyhow::Result<RuntimeConfig> {
    let command = std::env::current_exe().context("where this command is")?;
    let compiler = CompilerConfig::new(vec![command, PathBuf::from(COMPILE_COMPONENT)]);
    let cache = args
        .cache
        .clone()
        .or_else(|| Some(choose_base_strategy().ok()?.cache_dir().join("lockgate")));
    Ok(RuntimeConfig::new(compiler, cache))
}

/// Loads the plugins of the folders that the command line names, or of the usual one. What could not be loaded is told at
/// once if the folder was named, and comes back for when a flow misses it.
pub(crate) async fn catalog(runtime: &Runtime, args: &HostArgs) -> anyhow::Result<Catalog> {
    let folders = if args.plugins.is_empty() {
        usual_folders()
    } else {
        args.plugins.clone()
    };
    if folders.is_empty() {
        eprintln!("warning: no plugins: name a folder of them with `--plugins DIR`");
    }
    let publisher = publisher()?;
    let mut catalog = Catalog::default();
    let mut not_loaded = Vec::new();
    for folder in folders {
        not_loaded.extend(catalog.add_folder(runtime, &publisher, &folder).await);
    }
    for one in &not_loaded {
        eprintln!("warning: not loaded: {}", escaped_lines(&one.to_string()));
    }
    Ok(catalog)
}

/// `plugins` beside this command, or beside the folder that it is in: a build has `target/release/lockgate` and
/// `target/plugins`.
fn usual_folders() -> Vec<PathBuf> {
    let command = std::env::current_exe().unwrap_or_default();
    let beside = command
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("plugins"));
    beside
        .filter(|folder| Path::is_dir(folder))
        .take(1)
        .collect()
}
