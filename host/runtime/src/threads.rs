//! The threads that guests run on, and the one that keeps time for them.
//!
//! Guests run apart from the threads that serve requests: a guest that spins keeps a thread of a tokio runtime from its
//! timers and sockets for as long as 61 of its slices. They run apart from their own deadlines too, which is why time is
//! kept on one more thread.

use std::cell::Cell;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::time::Instant;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio::time::Sleep;

/// How many tasks a guest thread runs between looks at what arrives from outside: new runs, and alarms. tokio's default
/// of 31 would let a new call wait for 31 slices of guests that spin.
const LOOK_OUTSIDE_EVERY: u32 = 2;

/// How many tasks a guest thread runs between looks at its own timers, which serve guests that sleep.
const LOOK_AT_TIMERS_EVERY: u32 = 8;

thread_local! {
    static IS_GUEST_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// The guest threads and the service thread. Dropping it stops both without waiting.
#[derive(Debug)]
pub(crate) struct Threads {
    guests: Option<Runtime>,
    service: Option<Runtime>,
}

impl Threads {
    /// Starts `guests` guest threads and the service thread.
    pub(crate) fn start(guests: NonZeroUsize) -> std::io::Result<Self> {
        let guests = Builder::new_multi_thread()
            .worker_threads(guests.get())
            .thread_name("lockgate-guest")
            .enable_time()
            .global_queue_interval(LOOK_OUTSIDE_EVERY)
            .event_interval(LOOK_AT_TIMERS_EVERY)
            .on_thread_start(|| IS_GUEST_THREAD.set(true))
            .build()?;
        let service = Builder::new_multi_thread()
            .worker_threads(1)
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

    /// Runs `future` where a spinning guest does not reach it: what waits for the compiling child.
    pub(crate) fn serve<F>(&self, future: F) -> Hop<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        Hop(handle(&self.service).spawn(future))
    }

    /// An alarm that rings at `deadline`, kept by the service thread.
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
    IS_GUEST_THREAD.get()
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
