//! What a neighbour notices of four guests that spin: how long its calls take meanwhile.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use lockgate_model::{Call, Input, Limits, Quiet, Value};
use lockgate_runtime::Runtime;

use crate::guests::Guest;
use crate::report::{Bound, Report, Unit};
use crate::stats::Samples;

/// How many guests spin.
const SPINNING: usize = 4;

/// How many calls the neighbour makes, one after another.
const CALLS: usize = 500;

/// A call that has to wait for a turn of each guest that spins takes no longer than this.
const BOUND_MICROS: f64 = 10_000.0;

/// Measures the neighbour's calls, from outside to outside, alone and then beside the others.
pub(crate) async fn measure(runtime: &Runtime, report: &mut Report) -> Result<()> {
    eprintln!("a neighbour of {SPINNING} guests that spin");
    let alone = neighbour(runtime).await?;
    let endless = Limits {
        fuel: Limits::MAX.fuel,
        timeout_ms: Limits::MAX.timeout_ms,
        ..Limits::DEFAULT
    };
    let spinner = Guest::Spin.node_within(runtime, "node", endless).await?;
    let spinning: Vec<_> = (0..SPINNING)
        .map(|_| {
            let spinner = spinner.clone();
            Box::pin(runtime.spawn(async move { spinner.run(call(Vec::new())).await }))
        })
        .collect();
    let beside = neighbour(runtime).await?;
    drop(spinning); // which ends them
    report.info("a call from outside, alone", &alone, Unit::Micros);
    let what = format!("a call from outside, beside {SPINNING} guests that spin");
    report.held(what, &beside, Unit::Micros, Bound::AtMost(BOUND_MICROS));
    Ok(())
}

async fn neighbour(runtime: &Runtime) -> Result<Samples> {
    let node = Guest::C.node(runtime, "echo").await?;
    let mut samples = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let input = ("value".parse()?, Input::Value(Value::text("春")));
        let begun = Instant::now();
        node.run(call(vec![input])).await.result?;
        samples.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    Ok(Samples::new(samples))
}

fn call(inputs: Vec<(lockgate_model::Ident, Input)>) -> Call {
    Call {
        id: "bench/fairness".into(),
        attempt: 1,
        inputs,
        sink: Arc::new(Quiet),
    }
}
