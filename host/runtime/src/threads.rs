//! The threads that guests run on, and the one that keeps time for them.
//!
//! Guests run apart from the threads that serve requests: a guest that spins keeps a thread of a tokio runtime from its
//! timers and sockets for as long as 61 of its slices. They run apart from their own deadlines too, which is why time is
//! kept on one more thread.

use std::cell::Cell;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio::time::Sleep;

/// How many tasks a guest thread runs between looks at what arrives from outside: new runs, and alarms. tokio's default
/// of 31 would let a new call wait for 31 slices of guests that spin.
const LOOK_OUTSIDE_EVERY: u32 = 2;

/// How many tasks a guest thread runs between looks at its own timers, which serve guests that sleep.
const LOOK_AT_TIMERS_EVERY: u32 = 8;

/// How many threads wait for compilers, and check what was compiled before. A host has tens of plugins to check when it
/// starts.
const SERVICE_THREADS: usize = 4;

thread_local! {
    /// Which guest thread this is, if it is one.
    static GUEST_THREAD: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The guest threads and the service threads. Dropping it stops both without waiting.
#[derive(Debug)]
pub(crate) struct Threads {
    guests: Option<Runtime>,
    service: Option<Runtime>,
}

impl Threads {
    /// Starts `guests` guest threads and the service threads.
    pub(crate) fn start(guests: NonZeroUsize) -> std::io::Result<Self> {
        let numbers = Arc::new(AtomicUsize::new(0));
        let guests = Builder::new_multi_thread()
            .worker_threads(guests.get())
            .thread_name("lockgate-guest")
            .enable_time()
            .global_queue_interval(LOOK_OUTSIDE_EVERY)
            .event_interval(LOOK_AT_TIMERS_EVERY)
            .on_thread_start(move || {
                GUEST_THREAD.set(Some(numbers.fetch_add(1, Ordering::Relaxed)));
            })
            .build()?;
        let service = Builder::new_multi_thread()
            .worker_threads(SERVICE_THREADS)
            .thread_name("lockgate-service")
            .enable_all()
            .build()?;
        Ok(Self {
            guests: Some(guests),
            service: Some(service),
        })
    }

    /// Runs `future` on the guest threads. From outside this is a hop of some 20 µs, so a run makes it once.
    pub(crate) fn spawn<F>(&self, future: F) -> Hop<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        Hop(handle(&self.guests).spawn(future))
    }

    /// As [`Self::spawn`], for what nobody waits for.
    pub(crate) fn detach(&self, future: impl Future<Output = ()> + Send + 'static) {
        handle(&self.guests).spawn(future);
    }

    /// Runs `future` where a spinning guest does not reach it: what waits for the compiling child.
    pub(crate) fn serve<F>(&self, future: F) -> Hop<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        Hop(handle(&self.service).spawn(future))
    }

    /// An alarm that rings at `deadline`, kept by the service threads.
    pub(crate) fn alarm(&self, deadline: Instant) -> Sleep {
        let _on_service_thread = handle(&self.service).enter();
        tokio::time::sleep_until(deadline.into())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        for runtime in [self.guests.take(), self.service.take()]
            .into_iter()
            .flatten()
        {
            runtime.shutdown_background();
        }
    }
}

fn handle(runtime: &Option<Runtime>) -> &Handle {
    runtime
        .as_ref()
        .expect("only drop takes the runtimes")
        .handle()
}

/// Whether this thread is a guest thread, where a call may run at once.
pub(crate) fn on_guest_thread() -> bool {
    GUEST_THREAD.get().is_some()
}

/// One copy of something for each guest thread, where one that all threads share would be in the way: its reference count is
/// written at each call, and then belongs to another core's cache.
#[derive(Debug)]
pub(crate) struct PerThread<T>(Box<[Arc<T>]>);

impl<T> PerThread<T> {
    /// As many copies as there are cores, because more threads do not write at once; but not more than 16.
    pub(crate) fn new(copy: impl FnMut() -> T) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self(
            std::iter::repeat_with(copy)
                .take(cores.min(16))
                .map(Arc::new)
                .collect(),
        )
    }

    /// This thread's.
    pub(crate) fn mine(&self) -> &Arc<T> {
        &self.0[GUEST_THREAD.get().unwrap_or(0) % self.0.len()]
    }
}

/// Work on another thread. Dropping it ends the work.
pub(crate) struct Hop<T>(JoinHandle<T>);

impl<T> Future for Hop<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<T> {
        Pin::new(&mut self.0).poll(cx).map(|joined| match joined {
            Ok(value) => value,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only dropping aborts, and then nobody polls. Who polls keeps the threads alive.
                Err(error) => unreachable!("{error}"),
            },
        })
    }
}

impl<T> Drop for Hop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
