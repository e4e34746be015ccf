//! What all plugins of a runtime share: the engine, its threads, its places, and the way into a sandbox.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use lockgate_model::{CallError, Exhausted, Limits, Quiet, Receipt};
use tokio::sync::{AcquireError, OnceCell, Semaphore, SemaphorePermit};
use wasmtime::{Engine, Store};

use crate::compile::{Cache, Compiler};
use crate::config::RuntimeConfig;
use crate::contract::Contracts;
use crate::engine;
use crate::error::StartError;
use crate::sandbox::{self, OutOfTime, Phase, Ran, State, Streams};
use crate::schemas::Schemas;
use crate::threads::{Threads, on_guest_thread};

/// How much fuel a guest burns before it lets its neighbours run: little enough that a neighbour's call beside
/// four guests that spin took 0.3 ms at most in the bench, and much more than a yield costs.
const SLICE: u64 = 100_000;

/// What one host call, or the end of a call, may hand over beside the outputs: names, lengths, media types.
const HANDING_OVER_BYTES: u64 = 256 << 10;

/// What all plugins of a runtime share.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) threads: Threads,
    pub(crate) contracts: Contracts,
    pub(crate) compiler: Compiler,
    pub(crate) limits: Limits,
    pub(crate) schemas: OnceCell<Schemas>,
    places: Semaphore,
    most_places: u32,
}

/// What a sandbox is made for.
pub(crate) struct Entry<'a> {
    pub(crate) phase: Phase,
    pub(crate) limits: &'a Limits,
    pub(crate) streams: Streams,
    /// How many places it takes.
    pub(crate) places: u32,
}

/// How a sandbox ended.
pub(crate) struct Exit<T> {
    pub(crate) result: Result<T, CallError>,
    pub(crate) receipt: Receipt,
    pub(crate) streams: Streams,
}

impl Host {
    pub(crate) fn start(config: RuntimeConfig) -> Result<Self, StartError> {
        let failed = |error: wasmtime::Error| StartError::Engine(format!("{error:#}"));
        if let Some(limit) = config.limits.over(&Limits::MAX) {
            let (asked, most) = (config.limits.get(limit), Limits::MAX.get(limit));
            return Err(StartError::Limit { limit, asked, most });
        }
        let engine = engine::host(config.places, config.page_scan).map_err(failed)?;
        let cache = match &config.cache {
            Some(folder) => {
                Some(Cache::open(folder, config.cache_bytes).map_err(StartError::Cache)?)
            }
            None => None,
        };
        Ok(Self {
            contracts: Contracts::new(&engine).map_err(failed)?,
            engine,
            threads: Threads::start(config.guest_threads).map_err(StartError::Threads)?,
            compiler: Compiler::new(config.compiler, cache),
            limits: config.limits,
            schemas: OnceCell::new(),
            places: Semaphore::new(config.places as usize),
            most_places: config.places,
        })
    }

    /// Runs `work` on a guest thread: here if this is one, else after a hop. Dropping the future ends the work.
    pub(crate) async fn on_guest_thread<F>(&self, work: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        if on_guest_thread() {
            work.await
        } else {
            self.threads.spawn(work).await
        }
    }

    /// Waits for a place and makes a fresh sandbox.
    pub(crate) async fn open(&self, entry: Entry<'_>) -> Sandbox<'_> {
        let begun = Instant::now();
        let Entry {
            phase,
            limits,
            streams,
            places,
        } = entry;
        let (place, admitted) = match self.places.try_acquire_many(places) {
            Ok(place) => (Ok(place), begun),
            // The semaphore is never closed, and a component with more memories than places was refused.
            Err(_) => (self.places.acquire_many(places).await, Instant::now()),
        };
        let mut store = Store::new(&self.engine, State::new(phase, limits, streams));
        store.limiter(|state| &mut state.meter);
        // For each host call by itself; the meter counts them together.
        let handing_over = limits.output_bytes.saturating_add(HANDING_OVER_BYTES);
        store.set_hostcall_fuel(usize::try_from(handing_over).unwrap_or(usize::MAX));
        store.set_max_component_handles(limits.resources as usize);
        store
            .set_fuel(limits.fuel)
            .and_then(|()| store.fuel_async_yield_interval(Some(SLICE)))
            .expect("the engine counts fuel, and a slice is some");
        Sandbox {
            store,
            threads: &self.threads,
            limits: *limits,
            begun,
            admitted,
            _place: place,
        }
    }

    /// A sandbox without streams or a log, for what a component is asked before it runs.
    pub(crate) async fn open_to_ask(
        &self,
        phase: Phase,
        limits: &Limits,
        places: u32,
    ) -> Sandbox<'_> {
        let streams = Streams::new(Arc::default(), Arc::new(Quiet), Vec::new());
        self.open(Entry {
            phase,
            limits,
            streams,
            places,
        })
        .await
    }

    /// How many places are taken.
    pub(crate) fn places_in_use(&self) -> u64 {
        let free = self.places.available_permits();
        u64::from(self.most_places).saturating_sub(free as u64)
    }

    /// How many places a component takes, or why it has none.
    pub(crate) fn places_for(&self, memories: u32, tables: u32) -> Result<u32, String> {
        let places = memories
            .max(tables.div_ceil(engine::TABLES_PER_MEMORY))
            .max(1);
        if places <= self.most_places {
            Ok(places)
        } else {
            Err(format!(
                "it has {memories} memories and {tables} tables, more than the sandbox has places for"
            ))
        }
    }
}

/// A sandbox that lives: its store, in which one instance is made and called, and its place. Dropping it frees both.
pub(crate) struct Sandbox<'h> {
    pub(crate) store: Store<State>,
    pub(crate) threads: &'h Threads,
    limits: Limits,
    begun: Instant,
    admitted: Instant,
    _place: Result<SemaphorePermit<'h>, AcquireError>,
}

impl Sandbox<'_> {
    /// When it ends at the latest.
    pub(crate) fn deadline(&self) -> Instant {
        self.admitted + self.limits.timeout()
    }

    /// Takes the sandbox down after `ran` came to its end in it.
    pub(crate) fn close<T>(self, ran: Ran<wasmtime::Result<T>>) -> Exit<T> {
        let Self {
            store,
            limits,
            begun,
            admitted,
            ..
        } = self;
        let instantiated = store.data().instantiated();
        let result = match ran.result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(sandbox::why(
                &error,
                store.data(),
                &limits,
                instantiated.is_some(),
            )),
            Err(OutOfTime) => Err(Exhausted::timeout(limits.timeout()).into()),
        };
        let instantiate = instantiated
            .map_or(ran.ran, |instant| instant - admitted)
            .min(ran.ran);
        let fuel = limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0));
        let mut state = store.into_data();
        state.count_resources();
        let mut receipt = Receipt {
            queue: admitted - begun,
            instantiate,
            guest: ran.ran - instantiate,
            host_wait: (ran.ended - admitted).saturating_sub(ran.ran),
            fuel,
            memory_bytes: state.meter.peak_memory(),
            resources: state.meter.peak_resources(),
            copied_bytes: state.copied(),
            output_bytes: state.meter.output(),
            ..Receipt::default()
        };
        let logs = state.logs.clone();
        let streams = state.into_streams(); // an unfinished line of standard output is kept here
        receipt.log_bytes = logs.kept();
        Exit {
            result,
            receipt,
            streams,
        }
    }
}
