//! Series of the bench's own, and what very many of them take of the memory.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use lockgate_model::{
    CountedFlow, CountedNode, FlowOrigin, FlowSeries, Ident, Kebab, NodeFinished, NodeOutcome,
    NodeReceipt, PluginId, Telemetry as _,
};
use lockgate_telemetry::{Bounds, Collector, Counts, Own};

use crate::memory::Footprint;
use crate::report::{Bound, Report, Unit};
use crate::stats::Samples;

/// What this program calls itself with to measure the memory.
pub(crate) const SERIES: &str = "series";

/// How many nodes a flow has.
pub(super) const NODES: usize = 20;

/// How many flows there are where there are very many.
const FLOWS: usize = 10_000;

/// What all series may add, in mebibytes, with the bounds that a host has by default: 20,000 nodes are told apart.
const MOST_MEBIBYTES: f64 = 128.0;

/// Measures it in a process of its own: what was freed before would hide what is taken.
pub(super) fn measure(report: &mut Report) -> Result<()> {
    eprintln!("{FLOWS} flows of {NODES} nodes are counted");
    let output = Command::new(std::env::current_exe()?)
        .args([SERIES, "all"])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "it failed");
    let added: f64 = serde_json::from_slice(&output.stdout)?;
    report.held(
        format!("{FLOWS} flows of {NODES} nodes that ran: resident memory that counting adds"),
        &Samples::new([added]),
        Unit::Mebibytes,
        Bound::AtMost(MOST_MEBIBYTES),
    );
    Ok(())
}

/// What that process does: counts runs of all flows in three intervals, and prints what that added.
pub(crate) fn print_memory() -> Result<()> {
    let before = Footprint::now()?;
    let own = Own::default();
    let counts = Arc::new(Counts::new(Bounds::default(), own.clone()));
    let collector = Collector::new(Arc::clone(&counts), own, Vec::new(), SystemTime::now());
    let flows: Vec<_> = (0..FLOWS).map(|flow| series(&counts, flow)).collect();
    for interval in 1..=3 {
        for flow in &flows {
            (0..NODES).for_each(|node| count(&**flow, node, interval * 100));
        }
        collector.collect(SystemTime::now(), None);
    }
    let added = Footprint::now()?.resident - before.resident;
    let told = collector.with_totals(|totals| totals.nodes.len());
    let told = told.checked_sub(1).context("nothing was counted")?;
    ensure!(
        told == Bounds::default().nodes,
        "{told} nodes were told apart"
    );
    println!("{}", serde_json::to_string(&added)?);
    Ok(())
}

/// The series of a flow of this number.
pub(super) fn series(counts: &Counts, flow: usize) -> Arc<dyn FlowSeries> {
    let names: Vec<Ident> = (0..NODES)
        .filter_map(|node| format!("node_{node}").parse().ok())
        .collect();
    let (Ok(project), Ok(name), Ok(plugin)) = (
        "default".parse::<Kebab>(),
        format!("flow-{flow}").parse::<Kebab>(),
        "bench:plugin".parse(),
    ) else {
        unreachable!("these are names");
    };
    let plugin = PluginId {
        name: plugin,
        version: semver::Version::new(1, 0, 0),
        digest: "0".into(),
    };
    let node = |name| CountedNode {
        name,
        plugin: Some(&plugin),
    };
    counts.series(&CountedFlow {
        origin: Some(&FlowOrigin {
            project,
            version: 1,
        }),
        name: &name,
        nodes: names.iter().map(node).collect(),
    })
}

/// Counts one call of a node that took so many microseconds.
pub(super) fn count(series: &dyn FlowSeries, node: usize, micros: u64) {
    let mut receipt = NodeReceipt {
        attempts: 1,
        ..NodeReceipt::default()
    };
    receipt.calls.fuel = micros * 1_000;
    receipt.calls.memory_bytes = 1 << 20;
    series.node_finished(&NodeFinished {
        node: node as u32,
        outcome: &NodeOutcome::Ok(Vec::new()),
        receipt: &receipt,
        took: Duration::from_micros(micros),
        last_took: Duration::from_micros(micros),
    });
}
