//! How planning grows with a flow: ten times the nodes may take no more than twenty times the time.

use std::time::Instant;

use anyhow::Result;
use lockgate_flow::FlowDocument;

use crate::noop::Noops;
use crate::plans::{Shape, flow, planned};
use crate::report::{Bound, Report, Unit};
use crate::turns::{Pair, in_turns};

/// How many nodes the two flows have.
const NODES: [u32; 2] = [1_000, 100];

/// How many times the time of the smaller one the larger one's may be.
const MOST: f64 = 20.0;

/// Each plans a thousand nodes, which takes some milliseconds.
const ROUNDS: u32 = 51;

/// The flows: how people call them, the node that they are of, and how the nodes stand.
const FLOWS: [(&str, &str, Shape); 3] = [
    ("nodes in a row", "noop/echo", Shape::InARow),
    ("nodes side by side", "noop/echo", Shape::SideBySide),
    ("streaming nodes in a row", "noop/stream", Shape::InARow),
];

/// Measures all of it.
pub(crate) async fn measure(report: &mut Report) -> Result<()> {
    for (name, use_, shape) in FLOWS {
        let [many, few] = NODES;
        eprintln!("planning flows of {many} and {few} {name}");
        let (large, small) = (flow(many, use_, shape)?, flow(few, use_, shape)?);
        let pair = compared(&large, &small).await?;
        let what = format!("planning {many} {name}: time over that of {few}");
        report.held(what, &pair.ratio, Unit::Times, Bound::AtMost(MOST));
        report.info(format!("planning {many} {name}"), &pair.ours, Unit::Micros);
    }
    Ok(())
}

async fn compared(large: &FlowDocument, small: &FlowDocument) -> Result<Pair> {
    let noops = Noops::default();
    let plans = async |flow: &FlowDocument, count| {
        let begun = Instant::now();
        for _ in 0..count {
            planned(flow, &noops).await?;
        }
        Ok(begun.elapsed())
    };
    in_turns(
        ROUNDS,
        async |count| plans(large, count).await,
        async |count| plans(small, count).await,
    )
    .await
}
