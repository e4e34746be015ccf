//! A call of an echo node through the runtime, against the same call through bare wasmtime.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use lockgate_model::{Call, Ident, Input, NodeRunner, Quiet, Value};
use lockgate_runtime::Runtime;

use crate::bare::{Bare, Clearing};
use crate::guests::Guest;
use crate::report::{Bound, Report, Unit};
use crate::turns::{BOUND_ROUNDS, INFO_ROUNDS, Pair, in_turns};

/// Bytes into an echo node and out of it, where nothing else is said.
pub(crate) const SMALL: usize = 100;

/// The sizes that are measured for information.
const LARGER: [(usize, &str); 2] = [(10 << 10, "10 KiB"), (1 << 20, "1 MiB")];

/// An echo node and what every call of it is made of.
#[derive(Clone)]
pub(crate) struct Echo {
    runner: Arc<dyn NodeRunner>,
    port: Ident,
    id: Arc<str>,
    sink: Arc<Quiet>,
    value: Value,
}

impl Echo {
    /// Calls of `runner` with a text of `bytes` bytes.
    pub(crate) fn new(runner: Arc<dyn NodeRunner>, bytes: usize) -> Result<Self> {
        Ok(Self {
            runner,
            port: "value".parse()?,
            id: "bench/echo".into(),
            sink: Arc::new(Quiet),
            value: Value::text("x".repeat(bytes)),
        })
    }

    /// Makes calls one after another, and says how long they took. To be polled on a guest thread.
    pub(crate) async fn calls(&self, count: u32) -> Result<Duration> {
        let begun = Instant::now();
        for _ in 0..count {
            let call = Call {
                id: self.id.clone(),
                attempt: 1,
                inputs: vec![(self.port.clone(), Input::Value(self.value.clone()))],
                sink: self.sink.clone(),
            };
            let outputs = self.runner.run(call).await.result?;
            let echoed = matches!(&outputs[..], [(_, value)] if value.size() == self.value.size());
            ensure!(echoed, "the guest does not echo");
        }
        Ok(begun.elapsed())
    }
}

/// Measures all of it. The guest in C is held against the bounds; the others inform. `scanless` is a runtime without the
/// kernel's page scan.
pub(crate) async fn measure(
    runtime: &Runtime,
    scanless: &Runtime,
    report: &mut Report,
) -> Result<()> {
    for guest in Guest::ECHOES {
        eprintln!("calls of an echo node, {}", guest.name());
        let bytes = guest.bytes()?;
        let ours = Ours {
            runtime,
            node: guest.node(runtime, "echo").await?,
        };
        let bare = Arc::new(Bare::new(Clearing::PageScan, &bytes)?);
        one_thread(guest, &ours, &bare, report).await?;
        if matches!(guest, Guest::Pure | Guest::C) {
            two_threads(guest, &ours, &bare, report).await?;
            let ours = Ours {
                runtime: scanless,
                node: guest.node(scanless, "echo").await?,
            };
            let bare = Arc::new(Bare::new(Clearing::Batches, &bytes)?);
            let pair = compared(INFO_ROUNDS, 1, SMALL, &ours, &bare).await?;
            informs(report, guest, "100 B, without page scan", &pair);
        }
        for (size, name) in LARGER {
            let pair = compared(INFO_ROUNDS, 1, size, &ours, &bare).await?;
            informs(report, guest, name, &pair);
        }
    }
    Ok(())
}

/// A node, and the runtime that it is of.
struct Ours<'a> {
    runtime: &'a Runtime,
    node: Arc<dyn NodeRunner>,
}

async fn one_thread(
    guest: Guest,
    ours: &Ours<'_>,
    bare: &Arc<Bare>,
    report: &mut Report,
) -> Result<()> {
    if guest != Guest::C {
        let pair = compared(INFO_ROUNDS, 1, SMALL, ours, bare).await?;
        informs(report, guest, "100 B", &pair);
        return Ok(());
    }
    let pair = compared(BOUND_ROUNDS, 1, SMALL, ours, bare).await?;
    let what = "C, 100 B: time of a call over bare wasmtime's";
    report.held(what, &pair.ratio, Unit::Times, Bound::AtMost(1.5));
    times(report, "C, 100 B", &pair);
    Ok(())
}

async fn two_threads(
    guest: Guest,
    ours: &Ours<'_>,
    bare: &Arc<Bare>,
    report: &mut Report,
) -> Result<()> {
    let held = guest == Guest::C;
    let rounds = if held { BOUND_ROUNDS } else { INFO_ROUNDS };
    let pair = compared(rounds, 2, SMALL, ours, bare).await?;
    let how = format!("{}, 100 B, on two threads", guest.name());
    let (what, ratio) = (
        format!("{how}: calls a second over bare wasmtime's"),
        pair.ratio.inverse(),
    );
    if held {
        report.held(what, &ratio, Unit::Times, Bound::AtLeast(0.9));
    } else {
        report.info(what, &ratio, Unit::Times);
    }
    times(report, &how, &pair);
    Ok(())
}

fn informs(report: &mut Report, guest: Guest, how: &str, pair: &Pair) {
    let what = format!("{}, {how}", guest.name());
    let ratio = format!("{what}: time of a call over bare wasmtime's");
    report.info(ratio, &pair.ratio, Unit::Times);
    times(report, &what, pair);
}

fn times(report: &mut Report, what: &str, pair: &Pair) {
    report.info(what, &pair.ours, Unit::Micros);
    report.info(format!("{what}, bare wasmtime"), &pair.theirs, Unit::Micros);
}

/// Both on `tasks` guest threads at once: a unit of work is one call, with `bytes` bytes, on any of them.
async fn compared(
    rounds: u32,
    tasks: usize,
    bytes: usize,
    ours: &Ours<'_>,
    bare: &Arc<Bare>,
) -> Result<Pair> {
    // Each task's calls are those of a run of its own, which share nothing with the other's but the node.
    let echoes = (0..tasks).map(|_| Echo::new(ours.node.clone(), bytes));
    let echoes = echoes.collect::<Result<Vec<_>>>()?;
    let runtime = ours.runtime;
    let ours = async |count| {
        at_once(echoes.iter().map(|echo| {
            let echo = echo.clone();
            runtime.spawn(async move { echo.calls(count).await })
        }))
        .await
    };
    let theirs = async |count| {
        at_once((0..tasks).map(|_| {
            let (bare, text) = (bare.clone(), "x".repeat(bytes));
            runtime.spawn(async move { bare.echoes(&text, count).await })
        }))
        .await
    };
    in_turns(rounds, ours, theirs).await
}

/// Waits for tasks of the same work, and gives how long one takes for its share.
async fn at_once<T>(tasks: impl ExactSizeIterator<Item = T>) -> Result<Duration>
where
    T: Future<Output = Result<Duration>>,
{
    let begun = Instant::now();
    let count = u32::try_from(tasks.len())?;
    let took = try_join_all(tasks).await?;
    match took[..] {
        [one] => Ok(one), // without the way to the guest threads and back
        _ => Ok(begun.elapsed() / count),
    }
}
