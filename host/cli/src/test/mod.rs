//! `lockgate test`: the test cases of flows.

mod diff;
pub(crate) mod files;
mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::StreamExt as _;
use lockgate_flow::{Case, CaseDocument, Course, Engine, EngineConfig, Mismatch, Plan};
use lockgate_model::{Journal, NodeCatalog, escaped, escaped_lines};
use lockgate_runtime::Runtime;

use crate::args::TestArgs;
use crate::exit::Failed;
use crate::{check, setup};

use report::Report;

/// How many cases run at the same time. What each holds of its nodes' outputs has a bound, and so have all together.
const AT_ONCE: usize = 8;

/// A case, and the flow that it is of.
struct Task {
    flow: PathBuf,
    cases: PathBuf,
    plan: Arc<Plan>,
    case: Arc<Case>,
}

/// How a case came out.
struct Outcome {
    task: Task,
    took: Duration,
    /// Nothing, if it passed.
    mismatches: Vec<Mismatch>,
}

pub(crate) async fn test(args: TestArgs) -> Result<(), Failed> {
    let flows = files::flows(&args.flows)?;
    let runtime = setup::runtime(&args.host.cache)?;
    let catalog = setup::catalog(&runtime, &args.host).await?;
    let all = tasks(&flows, &catalog).await?;
    let count = all.len();
    let tasks: Vec<_> = match &args.filter {
        Some(text) => all.into_iter().filter(|task| task.has(text)).collect(),
        None => all,
    };
    if tasks.is_empty() {
        return Err(nothing_to_run(count, args.filter.as_deref()).into());
    }
    let mut report = Report::new(args.json, count - tasks.len());
    let engine = Engine::new(EngineConfig {
        places: setup::PLACES,
        ..EngineConfig::default()
    });
    let runs = tasks.into_iter().map(|task| run(&runtime, &engine, task));
    let mut outcomes = futures::stream::iter(runs).buffered(AT_ONCE);
    while let Some(outcome) = outcomes.next().await {
        report.add(&outcome);
    }
    report.end()
}

/// Checks a file of cases and the flow that they are of. Every fault is shown on standard error.
pub(crate) async fn check(cases: &Path, catalog: &dyn NodeCatalog) -> Result<(), Failed> {
    let checked = match files::flow_of(cases) {
        Ok(flow) => read(&flow, cases, catalog).await,
        Err(error) => Err(error.into()),
    };
    let (_, read) = checked.map_err(shown)?;
    let file = escaped(&cases.display().to_string());
    println!("{file}: ok, {} cases", read.len());
    Ok(())
}

/// The cases of all flows. Every fault of all of them is shown on standard error, and then there are none.
async fn tasks(flows: &[PathBuf], catalog: &dyn NodeCatalog) -> Result<Vec<Task>, Failed> {
    let mut tasks = Vec::new();
    let mut faulty = false;
    for flow in flows {
        let Some(file) = files::cases_of(flow) else {
            let usual = files::usual_cases_of(flow);
            let [flow, usual] = [flow, &usual].map(|path| escaped(&path.display().to_string()));
            eprintln!("{flow}: no cases: there is no {usual}");
            continue;
        };
        match read(flow, &file, catalog).await.map_err(shown) {
            Err(_) => faulty = true,
            Ok((plan, cases)) => tasks.extend(cases.into_iter().map(|case| Task {
                flow: flow.clone(),
                cases: file.clone(),
                plan: Arc::clone(&plan),
                case,
            })),
        }
    }
    if faulty {
        Err(Failed::Shown)
    } else {
        Ok(tasks)
    }
}

/// Reads a flow and its cases.
async fn read(
    flow: &Path,
    file: &Path,
    catalog: &dyn NodeCatalog,
) -> Result<(Arc<Plan>, Vec<Arc<Case>>), Failed> {
    let plan = check::planned(flow, catalog, &[]).await.map_err(shown);
    let name = file.display().to_string();
    let text = check::read(file).with_context(|| name.clone())?;
    let document = CaseDocument::parse(&name, &text).map_err(|faults| check::show(&faults))?;
    match plan {
        Ok(plan) => match document.check(&plan) {
            Ok(cases) => Ok((Arc::new(plan), cases)),
            Err(faults) => Err(check::show(&faults)),
        },
        Err(failed) => {
            if let Err(faults) = document.check_alone() {
                check::show(&faults);
            }
            Err(failed)
        }
    }
}

/// Shows what is wrong, if that was not shown yet.
fn shown(failed: Failed) -> Failed {
    if let Failed::Wrong(error) = failed {
        eprintln!("error: {}", escaped_lines(&format!("{error:#}")));
    }
    Failed::Shown
}

fn nothing_to_run(cases: usize, filter: Option<&str>) -> anyhow::Error {
    match filter {
        Some(text) if cases > 0 => anyhow::anyhow!(
            "--filter: none of {cases} cases has `{text}` in its name or its flow's name"
        ),
        _ => anyhow::anyhow!("there is no case to run"),
    }
}

async fn run(runtime: &Runtime, engine: &Arc<Engine>, task: Task) -> Outcome {
    let course = Arc::new(Course::default());
    let journal: Arc<dyn Journal> = Arc::clone(&course) as _;
    let request = task.case.request(uuid::Uuid::now_v7().to_string());
    let (engine, plan) = (Arc::clone(engine), Arc::clone(&task.plan));
    let began = Instant::now();
    let ended = runtime
        .spawn(async move { engine.run(plan, request, journal).await })
        .await;
    let took = began.elapsed();
    Outcome {
        mismatches: task.case.judge(&ended, &course),
        task,
        took,
    }
}

impl Task {
    /// Whether its name, or its flow's, has a text in it.
    fn has(&self, text: &str) -> bool {
        self.case.name().contains(text) || self.plan.name().as_str().contains(text)
    }
}
