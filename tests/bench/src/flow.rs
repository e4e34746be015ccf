//! What the flow engine itself costs: a run of a flow of echo nodes, less the calls that it makes.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use lockgate_flow::{Engine, EngineConfig, FlowDocument, NoFlows, Plan, RunRequest, plan};
use lockgate_model::{Journal, Node, NodeCatalog, NodeRef, RunEvent, UnknownNode};
use lockgate_runtime::{Plugin, Runtime};
use serde_json::json;

use crate::calls::{Echo, SMALL};
use crate::guests::Guest;
use crate::noop::Noops;
use crate::report::{Bound, Report, Unit};
use crate::turns::{BOUND_ROUNDS, INFO_ROUNDS, Pair, in_turns};

/// How many nodes a flow has.
const NODES: u32 = 100;

/// What the engine may add to each node's call, in microseconds.
const MOST: f64 = 5.0;

/// How the nodes of a flow stand to one another.
#[derive(Debug, Clone, Copy)]
enum Shape {
    InARow,
    SideBySide,
}

/// Measures all of it.
pub(crate) async fn measure(runtime: &Runtime, report: &mut Report) -> Result<()> {
    let plugin = Guest::C.load(runtime).await?;
    let use_ = format!("{}/echo", plugin.id().name);
    let catalog = Single(plugin);
    let echo = Echo::new(Guest::C.node(runtime, "echo").await?, SMALL)?;
    let row = planned(&catalog, &use_, Shape::InARow).await?;
    let beside = planned(&catalog, &use_, Shape::SideBySide).await?;

    eprintln!("a flow of {NODES} nodes");
    let nodes = f64::from(NODES);
    let pair = compared(runtime, BOUND_ROUNDS, &row, &echo).await?;
    let what = format!("a run of {NODES} C nodes in a row: the engine's own time for each");
    report.held(
        what,
        &pair.difference.over(nodes),
        Unit::Micros,
        Bound::AtMost(MOST),
    );
    report.info(
        "the same, calls included",
        &pair.ours.over(nodes),
        Unit::Micros,
    );
    let pair = compared(runtime, INFO_ROUNDS, &beside, &echo).await?;
    let what = format!("a run of {NODES} C nodes side by side, calls included, for each");
    report.info(what, &pair.ours.over(nodes), Unit::Micros);

    let noops = Noops::new()?;
    let echo = Echo::new(noops.runner(), SMALL)?;
    let row = planned(&noops, &use_, Shape::InARow).await?;
    let pair = compared(runtime, BOUND_ROUNDS, &row, &echo).await?;
    let what = format!(
        "a run of {NODES} nodes without a sandbox in a row: the engine's own time for each"
    );
    report.held(
        what,
        &pair.difference.over(nodes),
        Unit::Micros,
        Bound::AtMost(MOST),
    );
    let beside = planned(&noops, &use_, Shape::SideBySide).await?;
    let pair = compared(runtime, INFO_ROUNDS, &beside, &echo).await?;
    let what = format!("a run of {NODES} nodes without a sandbox side by side, for each");
    report.info(what, &pair.ours.over(nodes), Unit::Micros);
    Ok(())
}

/// Whole runs against as many calls of the same node as they make.
async fn compared(runtime: &Runtime, rounds: u32, flow: &Arc<Plan>, echo: &Echo) -> Result<Pair> {
    let ours = async |count| {
        let flow = flow.clone();
        runtime.spawn(async move { runs(flow, count).await }).await
    };
    let theirs = async |count| {
        let echo = echo.clone();
        runtime
            .spawn(async move { echo.calls(count * NODES).await })
            .await
    };
    in_turns(rounds, ours, theirs).await
}

async fn runs(flow: Arc<Plan>, count: u32) -> Result<Duration> {
    let input = json!({ "value": "x".repeat(SMALL) });
    let journal: Arc<dyn Journal> = Arc::new(Unheard);
    let engine = Engine::new(EngineConfig::default());
    let begun = Instant::now();
    for _ in 0..count {
        let request = RunRequest::new("bench", input.clone());
        let output = engine.run(flow.clone(), request, journal.clone()).await?;
        ensure!(output["value"] == input["value"], "the flow does not echo");
    }
    Ok(begun.elapsed())
}

/// A flow of echo nodes.
async fn planned(catalog: &dyn NodeCatalog, use_: &str, shape: Shape) -> Result<Arc<Plan>> {
    let mut text = String::from("flow: bench\nnodes:\n");
    for node in 0..NODES {
        let from = match (shape, node.checked_sub(1)) {
            (Shape::InARow, Some(before)) => format!("n{before}"),
            _ => "input".to_owned(),
        };
        writeln!(
            text,
            "  n{node}: {{ use: {use_}, in: {{ value: {from}.value }} }}"
        )?;
    }
    writeln!(text, "output: {{ value: n{}.value }}", NODES - 1)?;
    let document = FlowDocument::parse("bench.yaml", &text).map_err(faulty)?;
    Ok(Arc::new(
        plan(&document, catalog, &NoFlows, &[])
            .await
            .map_err(faulty)?,
    ))
}

fn faulty(faults: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the flow is faulty: {faults}")
}

/// A journal that keeps nothing.
struct Unheard;

impl Journal for Unheard {
    fn record(&self, _: RunEvent) {}
}

/// A catalog of one plugin.
struct Single(Plugin);

impl NodeCatalog for Single {
    fn find(&self, reference: &NodeRef) -> Result<Arc<dyn Node>, UnknownNode> {
        self.0
            .node(reference.node.as_str())
            .ok_or_else(|| UnknownNode {
                reference: reference.clone(),
                versions: Vec::new(),
                plugin_known: true,
                nearest: Vec::new(),
            })
    }
}
