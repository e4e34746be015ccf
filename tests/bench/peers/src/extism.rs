//! Extism's host SDK: compiled once, a fresh plugin for each call, with its limits on memory, time and fuel.

use std::time::{Duration, Instant};

use ::extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
use anyhow::{Result, ensure};
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

/// The limits that Lockgate's own calls have.
const PAGES: u32 = 2_000;
const TIMEOUT: Duration = Duration::from_secs(30);
const FUEL: u64 = 2_000_000_000;

/// Where wasmtime has memories from.
pub(crate) enum Pool {
    /// As Extism sets it up.
    Default,
    /// From a pool, which Extism's users may set up themselves.
    Pooled,
}

/// An echo plugin.
pub(crate) struct Extism(CompiledPlugin);

impl Extism {
    /// Compiles it.
    pub(crate) fn new(pool: Pool) -> Result<Self> {
        let wasm = wat::parse_str(include_str!("echo.wat"))?;
        let manifest = Manifest::new([Wasm::data(wasm)])
            .with_memory_max(PAGES)
            .with_timeout(TIMEOUT);
        let builder = PluginBuilder::new(manifest)
            .with_fuel_limit(FUEL)
            .with_cache_disabled();
        let builder = match pool {
            Pool::Default => builder,
            Pool::Pooled => builder.with_wasmtime_config(pooled()),
        };
        Ok(Self(builder.compile()?))
    }

    /// Makes calls one after another, and says how long they took.
    pub(crate) fn echoes(&self, calls: u32, bytes: usize) -> Result<Duration> {
        let text = "x".repeat(bytes);
        let begun = Instant::now();
        for _ in 0..calls {
            let mut plugin = Plugin::new_from_compiled(&self.0)?;
            let said: &str = plugin.call("echo", &text)?;
            ensure!(said.len() == text.len(), "the plugin does not echo");
        }
        Ok(begun.elapsed())
    }
}

fn pooled() -> Config {
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(
        PoolingAllocationConfig::default(),
    ));
    config
}
