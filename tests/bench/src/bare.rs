//! Bare wasmtime, at its best: what a host would be that does nothing but call a component in a fresh instance.
//!
//! It has the runtime's settings where they make calls faster or bound them (the pooling allocator, copy-on-write images,
//! fuel and its slices, a limiter, no component async), typed bindings, and one `InstancePre` for all calls. It has none
//! of what makes a call safe to offer to strangers: deadlines, receipts, checks of what comes out, logs, streams.

use std::time::{Duration, Instant};

use lockgate_model::Limits;
use wasmtime::component::{Component, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store,
    StoreLimits, StoreLimitsBuilder, ensure,
};

use bindings::exports::lockgate::node::plugin::Call;
use bindings::lockgate::node::types::{ValueParam, ValueResult};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/node@0.1.0",
        world: "node",
        ownership: Borrowing { duplicate_if_necessary: true },
        exports: { default: async },
    });
}

/// How many calls may be alive at once.
const PLACES: u32 = 1_500;

/// How much fuel a guest burns before it lets others run.
const SLICE: u64 = 100_000;

/// How memories are made ready for their next call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clearing {
    /// With the kernel's page scan, which Linux has since 6.7: the fastest.
    PageScan,
    /// As the runtime does it on an older kernel.
    Batches,
}

/// A component, ready to be called.
pub(crate) struct Bare {
    engine: Engine,
    component: bindings::NodePre<StoreLimits>,
}

impl Bare {
    /// Compiles a component.
    pub(crate) fn new(clearing: Clearing, bytes: &[u8]) -> anyhow::Result<Self> {
        let engine = engine(clearing).map_err(told)?;
        let component = compiled(&engine, bytes).map_err(told)?;
        Ok(Self { engine, component })
    }

    /// Makes calls one after another, and says how long they took. To be polled on a guest thread, as the runtime's are.
    pub(crate) async fn echoes(&self, text: &str, count: u32) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        for _ in 0..count {
            self.echo(text).await.map_err(told)?;
        }
        Ok(begun.elapsed())
    }

    /// Calls `echo` in a fresh instance, and reads back what it gives.
    async fn echo(&self, text: &str) -> Result<()> {
        let limits = Limits::DEFAULT;
        let bounds = StoreLimitsBuilder::new()
            .memory_size(usize::try_from(limits.memory_bytes)?)
            .instances(limits.instances as usize)
            .build();
        let mut store = Store::new(&self.engine, bounds);
        store.limiter(|bounds| bounds);
        store.set_fuel(limits.fuel)?;
        store.fuel_async_yield_interval(Some(SLICE))?;
        let instance = self.component.instantiate_async(&mut store).await?;
        let said = instance
            .lockgate_node_plugin()
            .call_run(
                &mut store,
                Call {
                    node: "echo",
                    inputs: &[("value", ValueParam::Text(text))],
                    config: "{}",
                    call_id: "bench/echo",
                    attempt: 1,
                    deadline_ms: limits.timeout_ms,
                },
            )
            .await?;
        let echoed = matches!(said.as_deref(), Ok([(_, ValueResult::Text(said))]) if said.len() == text.len());
        ensure!(echoed, "the guest does not echo");
        Ok(())
    }
}

fn engine(clearing: Clearing) -> Result<Engine> {
    let limits = Limits::MAX;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(PLACES)
        .total_core_instances(PLACES * limits.instances)
        .total_stacks(PLACES)
        .total_memories(PLACES)
        .total_tables(8 * PLACES)
        .max_core_instances_per_component(limits.instances)
        .max_memories_per_component(limits.instances)
        .max_tables_per_component(limits.instances)
        .max_memory_size(usize::try_from(limits.memory_bytes)?)
        .table_elements(100_000)
        .table_keep_resident(64 << 10);
    match clearing {
        Clearing::PageScan => pool
            .pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(4 << 20),
        Clearing::Batches => pool
            .pagemap_scan(Enabled::No)
            .linear_memory_keep_resident(192 << 10)
            .decommit_batch_size(16),
    };
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .concurrency_support(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// What the component imports traps: echo nodes call nothing.
fn compiled(engine: &Engine, bytes: &[u8]) -> Result<bindings::NodePre<StoreLimits>> {
    let component = Component::from_binary(engine, bytes)?;
    let mut linker = Linker::new(engine);
    linker.define_unknown_imports_as_traps(&component)?;
    bindings::NodePre::new(linker.instantiate_pre(&component)?)
}

fn told(error: wasmtime::Error) -> anyhow::Error {
    anyhow::Error::from_boxed(error.into())
}
