//! Many runs at once: what each of them takes of the host's memory, and whether they hold each other up.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use lockgate_flow::{Engine, EngineConfig, Plan, RunRequest};
use lockgate_model::Journal;
use lockgate_runtime::Runtime;
use serde_json::json;

use crate::memory::{Footprint, until};
use crate::noop::Noops;
use crate::plans::{Unheard, parsed, planned};
use crate::report::{Bound, Report, Unit};
use crate::stats::Samples;

/// What this program calls itself with to measure the memory of runs of one flow.
pub(crate) const WAITING: &str = "waiting-runs";

/// How many runs there are at once.
const RUNS: u32 = 10_000;

/// What a run may take beside its values, in kibibytes.
const MOST_KIBIBYTES: f64 = 20.0;

/// Within how many seconds all runs end whose only node waits one second.
const MOST_SECONDS: f64 = 1.5;

/// How many times that is measured.
const TIMES: usize = 5;

/// A flow whose runs wait: its name, how many of a run's calls wait, and its text.
type Waiting = (&'static str, u32, &'static str);

const FLOWS: [Waiting; 3] = [
    (
        "of 1 node",
        1,
        "
flow: one
nodes:
  a: { use: noop/wait, in: { value: input.value } }
output: { a: a.value }
",
    ),
    (
        "of 5 nodes in a row, in the last",
        1,
        "
flow: row
nodes:
  a: { use: noop/echo, in: { value: input.value } }
  b: { use: noop/echo, in: { value: a.value } }
  c: { use: noop/echo, in: { value: b.value } }
  d: { use: noop/echo, in: { value: c.value } }
  e: { use: noop/wait, in: { value: d.value } }
output: { a: a.value, b: b.value, c: c.value, d: d.value, e: e.value }
",
    ),
    (
        "of 5 nodes side by side, in all",
        5,
        "
flow: beside
nodes:
  a: { use: noop/wait, in: { value: input.value } }
  b: { use: noop/wait, in: { value: input.value } }
  c: { use: noop/wait, in: { value: input.value } }
  d: { use: noop/wait, in: { value: input.value } }
  e: { use: noop/wait, in: { value: input.value } }
output: { a: a.value, b: b.value, c: c.value, d: d.value, e: e.value }
",
    ),
];

const SLEEPING: &str = "
flow: sleeping
nodes:
  n: { use: noop/sleep, in: { value: input.value } }
output: { value: n.value }
";

/// Measures all of it; the memory of each flow's runs in a process of its own.
pub(crate) async fn measure(runtime: &Runtime, report: &mut Report) -> Result<()> {
    for (name, ..) in FLOWS {
        eprintln!("{RUNS} runs that wait, {name}");
        let output = Command::new(std::env::current_exe()?)
            .args([WAITING, name])
            .stderr(Stdio::inherit())
            .output()?;
        let kibibytes: f64 = serde_json::from_slice(&output.stdout)?;
        report.held(
            format!("{RUNS} runs that wait, {name}: resident memory of each"),
            &Samples::new([kibibytes]),
            Unit::Kibibytes,
            Bound::AtMost(MOST_KIBIBYTES),
        );
    }
    eprintln!("{RUNS} runs that wait for a second");
    let plan = planned(&parsed(SLEEPING)?, &Noops::default()).await?;
    let mut seconds = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begun = Instant::now();
        try_join_all(started(runtime, &plan, RUNS)).await?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    report.held(
        format!("{RUNS} runs at once whose node waits 1 s: time over that second"),
        &Samples::new(seconds),
        Unit::Times,
        Bound::AtMost(MOST_SECONDS),
    );
    Ok(())
}

/// What that process does: starts runs of the flow of this name, and prints what each adds, in kibibytes.
pub(crate) async fn print_waiting(runtime: &Runtime, name: &str) -> Result<()> {
    let flow = FLOWS.into_iter().find(|(known, ..)| *known == name);
    let (_, calls, text) = flow.context("no such flow")?;
    let noops = Noops::default();
    let plan = planned(&parsed(text)?, &noops).await?;
    let before = Footprint::now()?;
    let runs: Vec<_> = started(runtime, &plan, RUNS * calls)
        .map(Box::pin)
        .collect();
    until(|| noops.waiting() == (RUNS * calls) as usize)?;
    let added = Footprint::now()?.resident - before.resident;
    println!("{}", added * 1024.0 / f64::from(RUNS));
    drop(runs);
    Ok(())
}

/// Runs of a plan on a host with so many places, on the guest threads. Dropping one ends it.
fn started<'r>(
    runtime: &'r Runtime,
    plan: &Arc<Plan>,
    places: u32,
) -> impl Iterator<Item = impl Future<Output = Result<()>> + use<>> + use<'r> {
    let config = EngineConfig {
        places,
        ..EngineConfig::default()
    };
    let (engine, plan) = (Engine::new(config), plan.clone());
    let journal: Arc<dyn Journal> = Arc::new(Unheard);
    (0..RUNS).map(move |run| {
        let (engine, plan, journal) = (engine.clone(), plan.clone(), journal.clone());
        runtime.spawn(async move {
            let request = RunRequest::new(run.to_string(), json!({ "value": "春" }));
            engine.run(plan, request, journal).await?;
            Ok(())
        })
    })
}
