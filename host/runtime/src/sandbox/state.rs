//! What the host keeps beside one instance.

use std::sync::Arc;
use std::time::Instant;

use lockgate_model::{Breach, Limits, LogLevel};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::logs::{LogBook, LogStream};
use super::meter::Meter;
use super::{Stop, Streams};

/// What an instance was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// To say what it is. It calls nothing.
    Describe,
    /// To look at a configuration. It calls nothing.
    Configure,
    /// To run.
    Run,
}

/// What the host keeps beside one instance: the data of its wasmtime store.
pub(crate) struct State {
    pub(crate) meter: Meter,
    pub(crate) streams: Streams,
    pub(crate) logs: Arc<LogBook>,
    phase: Phase,
    instantiated: Option<Instant>,
    resources: ResourceTable,
    wasi: Option<Box<WasiCtx>>,
}

impl State {
    pub(crate) fn new(phase: Phase, limits: &Limits, streams: Streams) -> Self {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(limits.resources as usize);
        Self {
            meter: Meter::new(*limits),
            logs: Arc::new(LogBook::new(streams.sink().clone(), limits)),
            streams,
            phase,
            instantiated: None,
            resources,
            wasi: None,
        }
    }

    /// The instance is there.
    pub(crate) fn mark_instantiated(&mut self) {
        self.instantiated = Some(Instant::now());
    }

    /// When the instance was there, if it ever was.
    pub(crate) fn instantiated(&self) -> Option<Instant> {
        self.instantiated
    }

    /// Lets a call of the host's `function` through only while the guest runs.
    pub(crate) fn only_in_run(&self, function: &'static str) -> Result<(), Stop> {
        let during = match self.phase {
            Phase::Run => return Ok(()),
            Phase::Describe => "describe",
            Phase::Configure => "configure",
        };
        Err(Breach::CalledHost { function, during }.into())
    }

    /// Bytes that host calls copied.
    pub(crate) fn copied(&self) -> u64 {
        self.meter.copied().saturating_add(self.logs.written())
    }

    /// Counts the host resources that are alive now.
    pub(crate) fn count_resources(&mut self) {
        let alive = self.resources.iter_mut().count();
        self.meter.saw_resources(alive);
    }

    /// The host resource behind a guest's handle.
    pub(crate) fn resource<T: 'static>(&self, handle: &Resource<T>) -> wasmtime::Result<&T> {
        Ok(self.resources.get(handle)?)
    }

    /// The streams, when the call is over.
    pub(crate) fn into_streams(self) -> Streams {
        self.streams
    }
}

/// WASI's state, made at the first call of it: most guests never make one.
impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.count_resources();
        let Self {
            wasi,
            resources,
            logs,
            ..
        } = self;
        let ctx = wasi.get_or_insert_with(|| {
            let ctx = WasiCtx::builder()
                .stdout(LogStream::new(logs.clone(), LogLevel::Debug))
                .stderr(LogStream::new(logs.clone(), LogLevel::Warn))
                .build();
            Box::new(ctx)
        });
        WasiCtxView {
            ctx,
            table: resources,
        }
    }
}
