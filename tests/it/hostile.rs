//! What hostile guests get: each ends in the right typed error within its limits, and the host serves the next call.

mod cases;
mod made;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use lockgate_model::{CallEnd, ConfigureError, Limit, Limits, NodeRunner, Receipt, Value};
use lockgate_runtime::{LoadError, Runtime};

use crate::support::{calls, guests, host};
use cases::{CASES, Case, Ends};

/// Places of the hostile guests' runtime: few, so that one that is lost is missed.
const PLACES: u32 = 6;

/// What became of a guest.
#[derive(Debug)]
enum Outcome {
    NotLoaded(LoadError),
    NotConfigured(ConfigureError),
    Ran(CallEnd),
}

#[tokio::test]
async fn each_ends_as_it_should_and_the_host_is_as_before() -> Result<()> {
    let runtime = host::private(PLACES)?;
    let neighbour = neighbour(&runtime).await?;
    let mut wrong = Vec::new();
    for case in CASES {
        let component = guests::hostile(case.guest)?;
        wrong.extend(judged(&runtime, case, component).await);
        serves(&*neighbour)
            .await
            .with_context(|| format!("after {}", case.guest))?;
    }
    for (case, component) in made::cases()? {
        wrong.extend(judged(&runtime, &case, component).await);
        serves(&*neighbour)
            .await
            .with_context(|| format!("after {}", case.guest))?;
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    every_place_is_free(&runtime).await
}

#[test]
fn every_guest_has_a_case() -> Result<()> {
    let there: BTreeSet<String> = guests::names()?.into_iter().collect();
    let mut tested: BTreeSet<String> = CASES.iter().map(|case| case.guest.to_owned()).collect();
    tested.extend(cases::ELSEWHERE.iter().map(|guest| (*guest).to_owned()));
    assert_eq!(there, tested, "guests (left) and cases (right) differ");
    Ok(())
}

/// Tries one guest, and says what is wrong with how it ended.
async fn judged(runtime: &Runtime, case: &Case, component: Vec<u8>) -> Option<String> {
    let outcome = tried(runtime, case, component).await;
    let said = said(&outcome);
    let as_expected = match (&case.ends, &outcome) {
        (Ends::NotLoaded(fits), Outcome::NotLoaded(error)) => fits(error),
        (Ends::NotConfigured(fits), Outcome::NotConfigured(error)) => fits(error),
        (
            Ends::Fails(fits),
            Outcome::Ran(CallEnd {
                result: Err(error), ..
            }),
        ) => fits(error),
        _ => false,
    };
    let over = match &outcome {
        Outcome::Ran(end) => over(&end.receipt, &case.limits),
        _ => None,
    };
    if as_expected && over.is_none() && said.contains(case.says) && said.len() < 20_000 {
        return None;
    }
    let over = over.map_or(String::new(), |over| format!(" [{over}]"));
    Some(format!(
        "{}: {said:.2000} ({} bytes){over}; expected: {}",
        case.guest,
        said.len(),
        case.says
    ))
}

async fn tried(runtime: &Runtime, case: &Case, component: Vec<u8>) -> Outcome {
    let plugin = match calls::load(runtime, component).await {
        Ok(plugin) => plugin,
        Err(error) => return Outcome::NotLoaded(error),
    };
    match calls::configured(&plugin, "node", "{}", case.limits).await {
        Ok(node) => Outcome::Ran(node.run(calls::call((case.inputs)())).await),
        Err(error) => Outcome::NotConfigured(error),
    }
}

/// The outcome as a person reads it.
fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::NotLoaded(error) => format!("not loaded: {error}"),
        Outcome::NotConfigured(ConfigureError::Schema(faults)) => {
            format!("not configured: {faults:?}")
        }
        Outcome::NotConfigured(error) => format!("not configured: {error}"),
        Outcome::Ran(CallEnd {
            result: Err(error), ..
        }) => format!("{}: {error}", error.kind()),
        Outcome::Ran(CallEnd {
            result: Ok(outputs),
            ..
        }) => format!("gave {} outputs", outputs.len()),
    }
}

/// A limit that the receipt goes over.
fn over(receipt: &Receipt, limits: &Limits) -> Option<String> {
    let used = |limit| match limit {
        Limit::Fuel => receipt.fuel,
        Limit::Timeout => 0, // no test asserts a time
        Limit::Memory => receipt.memory_bytes,
        Limit::Instances => receipt.instances.into(),
        Limit::Resources => receipt.resources.into(),
        Limit::CopiedBytes => receipt.copied_bytes,
        Limit::LogBytes => receipt.log_bytes,
        Limit::OutputBytes => receipt.output_bytes,
    };
    let over = Limit::ALL
        .into_iter()
        .find(|&limit| used(limit) > limits.get(limit))?;
    Some(format!(
        "the receipt has {} of {over}; {} is the limit",
        used(over),
        limits.get(over)
    ))
}

/// A node that does its work, whatever runs beside it.
async fn neighbour(runtime: &Runtime) -> Result<std::sync::Arc<dyn NodeRunner>> {
    let plugin = calls::load(runtime, guests::built("guests/echo-c")?).await?;
    Ok(calls::configured(&plugin, "echo", "{}", Limits::DEFAULT).await?)
}

async fn serves(neighbour: &dyn NodeRunner) -> Result<()> {
    let outputs = neighbour
        .run(calls::call(vec![("value", calls::text("春"))]))
        .await
        .result?;
    ensure!(
        outputs == [(calls::ident("value"), Value::text("春"))],
        "the neighbour gave {outputs:?}"
    );
    Ok(())
}

/// As many calls as there are places, none of which ends before all are under way.
async fn every_place_is_free(runtime: &Runtime) -> Result<()> {
    let node = calls::ready(runtime, guests::hostile("wait")?, Limits::DEFAULT).await?;
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(PLACES as usize));
    let calls = (0..PLACES).map(|_| {
        node.run(calls::call(vec![(
            "parts",
            calls::together(barrier.clone()),
        )]))
    });
    for end in futures::future::join_all(calls).await {
        end.result.context("a place is lost")?;
    }
    Ok(())
}
