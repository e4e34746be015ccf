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
    /// Whether calls are cleared away with the kernel's page scan (`PAGEMAP_SCAN`, Linux 6.7), which finds what a call
    /// wrote, where the kernel has it. The default is yes: without it a small call takes about twice as long. No is for
    /// hosts that must not open their own `/proc/self/pagemap`, and for measuring what an older kernel costs.
    pub page_scan: bool,
    /// What a call may use where nobody narrows it; at most [`Limits::MAX`].
    pub limits: Limits,
}

impl RuntimeConfig {
    /// The defaults: a cache of at most 4 GiB in `cache`, a guest thread for each processor, 1,500 places, the page scan
    /// where the kernel has it.
    pub fn new(compiler: CompilerConfig, cache: Option<PathBuf>) -> Self {
        Self {
            compiler,
            cache,
            cache_bytes: 4 << 30,
            guest_threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            places: 1_500,
            page_scan: true,
            limits: Limits::DEFAULT,
        }
    }
}
