//! What calls that are alive add to the host: guests that wait for a part that does not come.

use std::fmt::Display;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::future::BoxFuture;
use lockgate_model::{Call, Failure, Input, NodeRunner, PartReader, Quiet, Value};
use lockgate_runtime::Runtime;
use serde::{Deserialize, Serialize};

use crate::guests::Guest;
use crate::report::{Bound, Report, Unit};
use crate::stats::Samples;

/// What this program calls itself with to measure one guest.
pub(crate) const ALIVE: &str = "alive";

/// The guests. C is held against the bound, with imports: a guest that waits has one. The smallest shows what of that is
/// the host's.
const GUESTS: [Guest; 3] = [Guest::Waiting, Guest::C, Guest::Rust];

/// How many calls are alive at once.
const CALLS: usize = 1_000;

/// The longest that what is started may take to get to where it waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures it for each guest in a process of its own: what one frees would hide what the next one takes.
pub(crate) fn measure(report: &mut Report) -> Result<()> {
    for guest in GUESTS {
        eprintln!("{CALLS} calls alive at once, {}", guest.name());
        let output = Command::new(std::env::current_exe()?)
            .args([ALIVE, guest.name()])
            .stderr(Stdio::inherit())
            .output()?;
        let added: Footprint = serde_json::from_slice(&output.stdout)?;
        let what = format!("{CALLS} calls alive, {}", guest.name());
        let (resident, tables) = (
            Samples::new([added.resident]),
            Samples::new([added.page_tables]),
        );
        let what_resident = format!("{what}: resident memory that they add");
        if guest == Guest::C {
            report.held(
                what_resident,
                &resident,
                Unit::Mebibytes,
                Bound::AtMost(32.0),
            );
        } else {
            report.info(what_resident, &resident, Unit::Mebibytes);
        }
        report.info(
            format!("{what}: page tables that they add"),
            &tables,
            Unit::Mebibytes,
        );
    }
    Ok(())
}

/// What that process does: makes calls of the guest of this name, and prints what they add.
pub(crate) async fn print_alive(runtime: &Runtime, guest: &str) -> Result<()> {
    let guest = GUESTS.into_iter().find(|known| known.name() == guest);
    let guest = guest.context("no such guest")?;
    let runner = guest.node(runtime, "stream").await?;
    let before = Footprint::now()?;
    let during = alive(runtime, &runner).await?;
    let added = Footprint {
        resident: during.resident - before.resident,
        page_tables: during.page_tables - before.page_tables,
    };
    println!("{}", serde_json::to_string(&added)?);
    Ok(())
}

/// Starts the calls, waits until every guest waits, and gives what the host takes then. Dropping the calls ends them.
async fn alive(runtime: &Runtime, runner: &Arc<dyn NodeRunner>) -> Result<Footprint> {
    let waiting = Arc::new(AtomicUsize::new(0));
    let calls = (0..CALLS).map(|_| {
        let call = Call {
            id: "bench/stream".into(),
            attempt: 1,
            inputs: vec![(
                "text".parse()?,
                Input::Parts(Box::new(Never(waiting.clone()))),
            )],
            sink: Arc::new(Quiet),
        };
        let runner = runner.clone();
        Ok(Box::pin(
            runtime.spawn(async move { runner.run(call).await }),
        ))
    });
    let calls = calls.collect::<Result<Vec<_>>>()?;
    until(|| waiting.load(Ordering::Relaxed) == CALLS)?;
    let footprint = Footprint::now()?;
    drop(calls);
    Ok(footprint)
}

/// Blocks until all that was started waits.
pub(crate) fn until(all_wait: impl Fn() -> bool) -> Result<()> {
    let begun = Instant::now();
    while !all_wait() {
        ensure!(
            begun.elapsed() < PATIENCE,
            "what was started does not get to where it waits"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Parts that never come. Counts those who wait.
struct Never(Arc<AtomicUsize>);

impl PartReader for Never {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Value>, Failure>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::pending())
    }
}

/// What a process takes, in mebibytes.
#[derive(Serialize, Deserialize)]
pub(crate) struct Footprint {
    pub(crate) resident: f64,
    pub(crate) page_tables: f64,
}

impl Footprint {
    /// What this one takes now.
    pub(crate) fn now() -> Result<Self> {
        Self::of("self")
    }

    /// What the process of this number takes now.
    pub(crate) fn of(process: impl Display) -> Result<Self> {
        Ok(Self {
            // `statm` counts in batches for each thread; this walks the pages.
            resident: mebibytes(&format!("/proc/{process}/smaps_rollup"), "Rss:")?,
            page_tables: mebibytes(&format!("/proc/{process}/status"), "VmPTE:")?,
        })
    }
}

fn mebibytes(file: &str, field: &str) -> Result<f64> {
    let text = std::fs::read_to_string(file).with_context(|| file.to_owned())?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kibibytes: f64 = kibibytes.context("not there")?.parse()?;
    Ok(kibibytes / 1024.0)
}
