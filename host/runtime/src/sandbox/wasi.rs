//! The part of WASI that language runtimes need to start, made harmless: clocks, random numbers, standard output and
//! error (as log lines), an empty standard input, no arguments, no environment, a file system without a single folder.
//! No sockets, no name lookup, no HTTP: a component that imports those is refused when it is loaded.

use lockgate_model::Limit;
use rand::Rng as _;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random};
use wasmtime_wasi_io::bindings::wasi::io;
use wasmtime_wasi_io::poll::DynPollable;

use super::{State, Stop};

/// The interfaces that are offered, in WASI 0.2's versions.
const OFFERED: &[&str] = &[
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// A random byte costs the host as much as copying this many: the copying limit bounds it so.
const RANDOM_BYTE_COST: usize = 16;

/// The most random bytes of one call. Real guests ask for 8 to 32, as seeds.
const MAX_RANDOM_BYTES: u64 = 64 << 10;

/// Whether the sandbox offers the WASI interface `import`, such as `wasi:io/poll@0.2.6`.
pub(crate) fn offers(import: &str) -> bool {
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    OFFERED.contains(&name) && version.starts_with("0.2.")
}

/// Links what [`OFFERED`] names.
pub(crate) fn add_to_linker(l: &mut Linker<State>) -> wasmtime::Result<()> {
    io::error::add_to_linker::<State, Resources>(l, |state| state.ctx().table)?;
    io::poll::add_to_linker::<State, BoundedPoll>(l, |state| Bounded(state.ctx().table))?;
    io::streams::add_to_linker::<State, Resources>(l, |state| state.ctx().table)?;
    clocks::wall_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    filesystem::types::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    filesystem::preopens::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    random::random::add_to_linker::<State, MeteredRandom>(l, |state| Metered(state))?;
    random::insecure::add_to_linker::<State, MeteredRandom>(l, |state| Metered(state))?;
    random::insecure_seed::add_to_linker::<State, MeteredRandom>(l, |state| Metered(state))?;
    cli::environment::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::exit::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)
}

struct Resources;

impl HasData for Resources {
    type Data<'a> = &'a mut ResourceTable;
}

/// Polling without long lists. wasmtime-wasi takes a list as long as a host call can hand over, the same pollable a million
/// times, and works through it at one go.
struct Bounded<'a>(&'a mut ResourceTable);

struct BoundedPoll;

impl HasData for BoundedPoll {
    type Data<'a> = Bounded<'a>;
}

impl io::poll::Host for Bounded<'_> {
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        if pollables.len() > self.0.max_capacity() {
            return Err(Stop::Exhausted(Limit::Resources).into());
        }
        io::poll::Host::poll(self.0, pollables).await
    }
}

impl io::poll::HostPollable for Bounded<'_> {
    async fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        io::poll::HostPollable::ready(self.0, pollable).await
    }

    async fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        io::poll::HostPollable::block(self.0, pollable).await
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        io::poll::HostPollable::drop(self.0, pollable)
    }
}

/// Random numbers that count: wasmtime-wasi's own are bounded for one call, but not for a million of them.
struct Metered<'a>(&'a mut State);

struct MeteredRandom;

impl HasData for MeteredRandom {
    type Data<'a> = Metered<'a>;
}

impl Metered<'_> {
    fn bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        let bytes = usize::try_from(len.min(MAX_RANDOM_BYTES + 1))?;
        self.0.meter.copy(bytes * RANDOM_BYTE_COST)?;
        if len > MAX_RANDOM_BYTES {
            wasmtime::bail!("asked for {len} random bytes at once; {MAX_RANDOM_BYTES} is the most");
        }
        let mut random = vec![0; bytes];
        rand::rng().fill_bytes(&mut random);
        Ok(random)
    }

    fn number(&mut self) -> wasmtime::Result<u64> {
        self.0.meter.copy(size_of::<u64>() * RANDOM_BYTE_COST)?;
        Ok(rand::rng().next_u64())
    }
}

impl random::random::Host for Metered<'_> {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.number()
    }
}

impl random::insecure::Host for Metered<'_> {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.number()
    }
}

impl random::insecure_seed::Host for Metered<'_> {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.number()?, self.number()?))
    }
}
