//! What an element of a list costs, and a part that travels from one node to another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lockgate_flow::{Engine, EngineConfig, Plan, RunJournal, RunRequest};
use lockgate_model::Journal;
use lockgate_runtime::Runtime;
use serde_json::{Value as Tree, json};

use crate::noop::{Noops, PARTS};
use crate::plans::{Unheard, parsed, planned};
use crate::report::{Report, Unit};
use crate::turns::{Pair, in_turns};

/// How many elements the list has.
const ELEMENTS: u32 = 10_000;

const LIST: &str = "
flow: bench
nodes:
  n: { use: noop/echo, each: input.values, in: { value: item } }
output: { values: n.value }
";

const PIPE: &str = "
flow: bench
nodes:
  from: { use: noop/emit, in: { value: input.value } }
  to: { use: noop/drain, in: { value: from.value } }
output: { read: to.value }
";

/// Runs of a list take some ten milliseconds.
const ROUNDS: u32 = 51;

/// Measures both, with a journal that keeps everything and with one that keeps nothing.
pub(crate) async fn measure(runtime: &Runtime, report: &mut Report) -> Result<()> {
    let list = json!({ "values": (0..ELEMENTS).collect::<Vec<_>>() });
    let pipe = json!({ "value": "token " });
    for (name, text, input, units) in [
        ("an element of a list", LIST, list, ELEMENTS),
        ("a part from node to node", PIPE, pipe, PARTS),
    ] {
        eprintln!("{name}");
        let plan = planned(&parsed(text)?, &Noops::default()).await?;
        let pair = compared(runtime, &plan, &input).await?;
        let units = f64::from(units);
        let what = format!("{name}, without a sandbox");
        report.info(what.clone(), &pair.theirs.over(units), Unit::Micros);
        let what = format!("{what}, with a journal that is kept");
        report.info(what, &pair.ours.over(units), Unit::Micros);
    }
    Ok(())
}

async fn compared(runtime: &Runtime, plan: &Arc<Plan>, input: &Tree) -> Result<Pair> {
    let runs = async |count, is_kept| {
        let (plan, input) = (plan.clone(), input.clone());
        runtime
            .spawn(async move { runs(plan, input, count, is_kept).await })
            .await
    };
    in_turns(
        ROUNDS,
        async |count| runs(count, true).await,
        async |count| runs(count, false).await,
    )
    .await
}

async fn runs(plan: Arc<Plan>, input: Tree, count: u32, is_kept: bool) -> Result<Duration> {
    let engine = Engine::new(EngineConfig::default());
    let begun = Instant::now();
    for _ in 0..count {
        let journal: Arc<dyn Journal> = if is_kept {
            RunJournal::new("bench", engine.clock())
        } else {
            Arc::new(Unheard)
        };
        let request = RunRequest::new("bench", input.clone());
        let output = engine.run(plan.clone(), request, journal).await?;
        ensure!(
            output.get("values") == input.get("values"),
            "not what it was"
        );
    }
    Ok(begun.elapsed())
}
