//! The deadline of a call: on the wall, whatever the guest does or waits for.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::threads::Threads;

/// The deadline passed before the future was done.
#[derive(Debug)]
pub(crate) struct OutOfTime;

/// How a future came to its end.
pub(crate) struct Ran<T> {
    pub(crate) result: Result<T, OutOfTime>,
    /// How long it really ran, without its waits.
    pub(crate) ran: Duration,
    /// When it ended.
    pub(crate) ended: Instant,
}

/// Runs `future` until it is done or `deadline` passes.
///
/// A guest that spins gives its thread back at each slice of fuel, and the clock is read then. A guest that waits does
/// not, so the first wait sets an alarm; a call that never waits, which is most, sets none.
pub(crate) async fn within<F: Future>(
    future: F,
    deadline: Instant,
    threads: &Threads,
) -> Ran<F::Output> {
    let mut future = pin!(future);
    let mut alarm = None;
    let mut ran = Duration::ZERO;
    let mut ended = deadline;
    let result = poll_fn(|cx| {
        let from = Instant::now();
        let polled = future.as_mut().poll(cx);
        let now = Instant::now();
        ran += now - from;
        ended = now;
        match polled {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending if now >= deadline => Poll::Ready(Err(OutOfTime)),
            Poll::Pending => alarm
                .get_or_insert_with(|| Box::pin(threads.alarm(deadline)))
                .as_mut()
                .poll(cx)
                .map(|()| Err(OutOfTime)),
        }
    })
    .await;
    Ran { result, ran, ended }
}
