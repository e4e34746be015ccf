//! How a runtime is set up.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use lockgate_model::Limits;

use crate::compile::CompilerConfig;

/// How a runtime is set up.
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// How components are compiled.
    pub compiler: CompilerConfig,
    /// Where compiled components are kept: a folder that only the host's user can write. `None`: nowhere.
    pub cache: Option<PathBuf>,
    /// The most bytes that the cache may have.
    pub cache_bytes: u64,
    /// How many threads guests run on. The default is one for each processor.
    pub guest_threads: NonZeroUsize,
    /// How many places the sandbox has: one for each memory of each call that is under way. Further calls wait. Each
    /// place reserves 4 GiB of addresses, and no memory until it is used.
    pub places: u32,
    /// What a call may use where nobody narrows it; at most [`Limits::MAX`].
    pub limits: Limits,
}

impl RuntimeConfig {
    /// The defaults: a cache of at most 4 GiB in `cache`, a guest thread for each processor, 1,500 places.
    pub fn new(compiler: CompilerConfig, cache: Option<PathBuf>) -> Self {
        Self {
            compiler,
            cache,
            cache_bytes: 4 << 30,
            guest_threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            places: 1_500,
            limits: Limits::DEFAULT,
        }
    }
}
