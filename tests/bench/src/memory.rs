//! What calls that are alive add to the host: guests that wait for a part that does not come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::future::BoxFuture;
use lockgate_model::{Call, Failure, Input, NodeRunner, PartReader, Quiet, Value};
use lockgate_runtime::Runtime;

use crate::guests::{Guest, runner};
use crate::report::{Bound, Report, Unit};
use crate::stats::Samples;

/// How many calls are alive at once.
const CALLS: usize = 1_000;

/// How often they are made alive. The first time grows the host's own tables, too, so all times are told.
const TIMES: usize = 3;

/// The longest that they may take to get to where they wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures it. Before everything else, so that no memory that was freed before hides what is taken here.
pub(crate) async fn measure(runtime: &Runtime, report: &mut Report) -> Result<()> {
    eprintln!("{CALLS} calls alive at once");
    let runner = runner(&Guest::C.load(runtime).await?, "stream").await?;
    let (mut resident, mut tables) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let before = Footprint::now()?;
        let during = alive(runtime, &runner).await?;
        resident.push(during.resident - before.resident);
        tables.push(during.page_tables - before.page_tables);
    }
    let first = Samples::new([resident[0]]);
    let what = format!("{CALLS} calls alive: resident memory that they add");
    report.held(what, &first, Unit::Mebibytes, Bound::AtMost(32.0));
    report.info(
        "the same, when places were used before",
        &Samples::new(resident.split_off(1)),
        Unit::Mebibytes,
    );
    report.info(
        "page tables that they add",
        &Samples::new(tables),
        Unit::Mebibytes,
    );
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
    let begun = Instant::now();
    while waiting.load(Ordering::Relaxed) < CALLS {
        ensure!(
            begun.elapsed() < PATIENCE,
            "the guests do not get to where they wait"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    let footprint = Footprint::now()?;
    drop(calls);
    Ok(footprint)
}

/// Parts that never come. Counts those who wait.
struct Never(Arc<AtomicUsize>);

impl PartReader for Never {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Value>, Failure>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::pending())
    }
}

/// What this process takes, in mebibytes.
struct Footprint {
    resident: f64,
    page_tables: f64,
}

impl Footprint {
    fn now() -> Result<Self> {
        Ok(Self {
            // `statm` counts in batches for each thread; this walks the pages.
            resident: mebibytes("/proc/self/smaps_rollup", "Rss:")?,
            page_tables: mebibytes("/proc/self/status", "VmPTE:")?,
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
