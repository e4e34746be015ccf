//! The wasmtime engines: the host's, which runs, and the compiling child's, which only compiles.
//!
//! Both come from [`shared`], because the host runs what the child compiled: a flag that changes code has to be the
//! same in both, and wasmtime refuses the code otherwise.

use std::num::NonZeroUsize;

use lockgate_model::Limits;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OperatorCost, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

/// Frames of a guest's backtrace that are kept. Infinite recursion has some 30,000.
pub(crate) const MAX_FRAMES: usize = 32;

/// Elements of all tables of one call; a large Go or Python guest has some 10,000.
const MAX_TABLE_ELEMENTS: usize = 100_000;

/// Tables for each memory in the pool. Every core instance may have a table, and few have a memory of their own.
pub(crate) const TABLES_PER_MEMORY: u32 = 8;

/// Bytes of a memory that stay resident, and are cleared, when its slot goes back to the pool. With the kernel's page
/// scan only pages that were written are cleared, so a few MiB cost little and save the page faults of the next call.
/// Without it all of it is cleared at each call, and more than this costs more than it saves.
const KEEP_RESIDENT_WITH_PAGE_SCAN: usize = 4 << 20;
const KEEP_RESIDENT_WITHOUT: usize = 192 << 10;

/// The engine that runs guests: memories, tables and stacks from pools, for at most `places` calls at once. With
/// `page_scan`, what a call wrote is found with the kernel's page scan, where it has one.
pub(crate) fn host(places: u32, page_scan: bool) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    let most_memory = usize::try_from(Limits::MAX.memory_bytes)?;
    pool.total_component_instances(places)
        .total_stacks(places)
        .total_memories(places)
        .total_tables(places.saturating_mul(TABLES_PER_MEMORY))
        // Instances are allocated one by one: this total only counts, and the limits of each call are what bounds it.
        .total_core_instances(places.saturating_mul(Limits::MAX.instances))
        .max_core_instances_per_component(Limits::MAX.instances)
        .max_memories_per_component(Limits::MAX.instances)
        .max_tables_per_component(Limits::MAX.instances)
        // One core module may have them all: the sum of their bytes is what bounds a call.
        .max_memories_per_module(Limits::MAX.instances)
        .max_tables_per_module(Limits::MAX.instances)
        .max_memory_size(most_memory)
        .table_elements(MAX_TABLE_ELEMENTS)
        .table_keep_resident(64 << 10);
    if page_scan && let Ok(engine) = with_page_scan(pool.clone()) {
        return Ok(engine);
    }
    without_page_scan(pool)
}

/// The kernel's page scan (`PAGEMAP_SCAN`, Linux 6.7) finds the pages that a call wrote, so that only those are cleared.
fn with_page_scan(mut pool: PoolingAllocationConfig) -> wasmtime::Result<Engine> {
    pool.pagemap_scan(Enabled::Yes)
        .linear_memory_keep_resident(KEEP_RESIDENT_WITH_PAGE_SCAN);
    pooling(pool)
}

/// The next best on an older kernel: little stays resident. Slots are not given back to the kernel in batches, which would be
/// faster: a slot that waits for its batch keeps the code of a plugin that is gone, and may keep it for ever.
fn without_page_scan(mut pool: PoolingAllocationConfig) -> wasmtime::Result<Engine> {
    pool.pagemap_scan(Enabled::No)
        .linear_memory_keep_resident(KEEP_RESIDENT_WITHOUT)
        .decommit_batch_size(1);
    pooling(pool)
}

fn pooling(pool: PoolingAllocationConfig) -> wasmtime::Result<Engine> {
    let mut config = shared();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// The engine of the compiling child. Its allocator is the on-demand one: the pool's reservation of terabytes of
/// addresses meets no limit on memory.
pub(crate) fn compiler() -> wasmtime::Result<Engine> {
    Engine::new(&shared())
}

/// What both engines have in common.
fn shared() -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .operator_cost(fuel_costs())
        // The 0.1 contract is synchronous. Off, it makes each call a third cheaper and refuses components that need it.
        .concurrency_support(false)
        // None of these is needed by what compilers make today; each is more for a hostile guest to try.
        // Multi-memory is not among them: without it wasmtime panics on some components.
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .max_wasm_stack(512 << 10)
        .async_stack_size(2 << 20)
        .wasm_backtrace_max_frames(NonZeroUsize::new(MAX_FRAMES))
        // Guests' frames are found without it; with it, loading a plugin reads and registers that of each function.
        .native_unwind_info(false)
        // Function names are enough for people; reading a stranger's DWARF is more than the host should do.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config
}

/// wasmtime's own costs (one for an instruction, one for each byte or element of a bulk operation), but for growing
/// memories and tables: each is a call into the host and a system call, some hundred times an instruction's time, and
/// wasmtime counts it as one.
fn fuel_costs() -> OperatorCost {
    let mut costs = OperatorCost {
        MemoryGrow: 250,
        TableGrow: 250,
        ..OperatorCost::default()
    };
    costs.variable.memory_grow_per_page = 250;
    costs
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

    #[test]
    fn the_host_runs_what_the_child_compiles() {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let hash = |engine: Engine| hasher.hash_one(engine.precompile_compatibility_hash());
        let child = hash(compiler().expect("an engine"));
        for page_scan in [true, false] {
            assert_eq!(hash(host(4, page_scan).expect("an engine")), child);
        }
    }
}
