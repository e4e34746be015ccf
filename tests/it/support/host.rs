//! Runtimes to test: one that the tests of this process share, and others for tests that need one of their own.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context as _, Result, anyhow, ensure};
use lockgate_runtime::{CompilerConfig, Runtime, RuntimeConfig};

/// The runtime of every test that does not care which.
pub(crate) fn shared() -> Result<Runtime> {
    static SHARED: Mutex<Option<Runtime>> = Mutex::new(None);
    let mut shared = SHARED
        .lock()
        .map_err(|_| anyhow!("another test broke while it started the runtime"))?;
    if let Some(runtime) = &*shared {
        return Ok(runtime.clone());
    }
    Ok(shared.insert(start(config()?)?).clone())
}

/// A runtime of few places that nobody shares.
pub(crate) fn private(places: u32) -> Result<Runtime> {
    let mut config = config()?;
    config.places = places;
    start(config)
}

/// Starts a runtime.
pub(crate) fn start(config: RuntimeConfig) -> Result<Runtime> {
    Runtime::start(config).context("a runtime starts")
}

/// How a runtime is set up here. Compiled guests are kept from one run of the tests to the next: Python's takes long.
pub(crate) fn config() -> Result<RuntimeConfig> {
    let command = vec![lockgate()?, "compile-component".into()];
    Ok(RuntimeConfig::new(
        CompilerConfig::new(command),
        Some(cache()?),
    ))
}

/// Where compiled guests are kept.
pub(crate) fn cache() -> Result<PathBuf> {
    Ok(target()?.join("test-cache"))
}

/// The program, as `make host` builds it.
pub(crate) fn lockgate() -> Result<PathBuf> {
    let program = target()?.join("release/lockgate");
    ensure!(
        program.exists(),
        "{} is not there: `make test` builds it",
        program.display()
    );
    Ok(program)
}

/// Cargo's folder for what it builds: this program lies in `release/deps` there.
pub(crate) fn target() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).map(Path::to_owned);
    target.context("the tests lie in the target folder")
}
