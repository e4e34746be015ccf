//! What the flow engine itself costs: a run of a flow of echo nodes, less the calls that it makes.
//!
//! Nodes in a row are held against as many calls one after another on one guest thread. Nodes side by side are held
//! against as many calls on all guest threads at once: a task for each thread, and in it its share of the calls, one after
//! another. That is the least that the calls can take, so what is told includes the engine's own task for each node.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use lockgate_flow::{Engine, EngineConfig, Plan, RunRequest};
use lockgate_model::{Journal, NodeCatalog, NodeRunner};
use lockgate_runtime::Runtime;
use serde_json::json;

use crate::calls::{Echo, SMALL};
use crate::guests::Guest;
use crate::noop::Noops;
use crate::plans::{Shape, Single, Unheard, flow, planned};
use crate::report::{Bound, Report, Unit};
use crate::turns::{BOUND_ROUNDS, Pair, in_turns};

/// How many nodes a flow has.
const NODES: u32 = 100;

/// What the engine may add to each node's call, in microseconds.
const MOST: f64 = 5.0;

/// Measures all of it.
pub(crate) async fn measure(runtime: &Runtime, report: &mut Report) -> Result<()> {
    let plugin = Guest::Pure.load(runtime).await?;
    let use_ = format!("{}/echo", plugin.id().name);
    let runner = Guest::Pure.node(runtime, "echo").await?;
    held(runtime, "C nodes", &Single(plugin), &use_, runner, report).await?;
    let (noops, runner) = (Noops::default(), Noops::echo()?);
    let name = "nodes without a sandbox";
    held(runtime, name, &noops, "noop/echo", runner, report).await
}

async fn held(
    runtime: &Runtime,
    name: &str,
    catalog: &dyn NodeCatalog,
    use_: &str,
    runner: Arc<dyn NodeRunner>,
    report: &mut Report,
) -> Result<()> {
    let echo = Echo::new(runner, SMALL)?;
    for shape in [Shape::InARow, Shape::SideBySide] {
        eprintln!("a run of {NODES} {name} {}", shape.name());
        let plan = planned(&flow(NODES, use_, shape)?, catalog).await?;
        let pair = compared(runtime, &plan, &echo, shape).await?;
        let what = format!("a run of {NODES} {name} {}", shape.name());
        let each = f64::from(NODES);
        report.held(
            format!("{what}: the engine's own time for each"),
            &pair.difference.over(each),
            Unit::Micros,
            Bound::AtMost(MOST),
        );
        let what = format!("{what}: time of each");
        report.info(what, &pair.ours.over(each), Unit::Micros);
    }
    Ok(())
}

/// Whole runs against as many calls of the same node as they make.
async fn compared(runtime: &Runtime, plan: &Arc<Plan>, echo: &Echo, shape: Shape) -> Result<Pair> {
    let ours = async |count| {
        let plan = plan.clone();
        runtime.spawn(async move { runs(plan, count).await }).await
    };
    let theirs = async |count| {
        let echo = echo.clone();
        let calls = async move {
            match shape {
                Shape::InARow => echo.calls(count * NODES).await,
                Shape::SideBySide => spread(&echo, count).await,
            }
        };
        runtime.spawn(calls).await
    };
    in_turns(BOUND_ROUNDS, ours, theirs).await
}

async fn runs(plan: Arc<Plan>, count: u32) -> Result<Duration> {
    let input = json!({ "value": "x".repeat(SMALL) });
    let journal: Arc<dyn Journal> = Arc::new(Unheard);
    let engine = Engine::new(EngineConfig::default());
    let begun = Instant::now();
    for _ in 0..count {
        let request = RunRequest::new("bench", input.clone());
        let output = engine.run(plan.clone(), request, journal.clone()).await?;
        ensure!(output["value"] == input["value"], "the flow does not echo");
    }
    Ok(begun.elapsed())
}

/// The calls of `count` runs, those of each on all guest threads. To be polled on one of them.
async fn spread(echo: &Echo, count: u32) -> Result<Duration> {
    let threads = u32::try_from(std::thread::available_parallelism()?.get())?;
    let begun = Instant::now();
    for _ in 0..count {
        let others = (1..threads).map(|_| {
            let echo = echo.clone();
            tokio::spawn(async move { echo.calls(NODES / threads).await })
        });
        let others: Vec<_> = others.collect();
        echo.calls(NODES - NODES / threads * (threads - 1)).await?;
        for took in try_join_all(others).await? {
            took?;
        }
    }
    Ok(begun.elapsed())
}
