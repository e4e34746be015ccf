//! `lockgate run`: one run of one flow.

use std::path::Path;
use std::sync::Arc;

use lockgate_flow::{Engine, EngineConfig, Override, RunError, RunRequest};
use lockgate_model::{Journal, escaped, escaped_lines};

use crate::args::RunArgs;
use crate::exit::Failed;
use crate::journal::Shown;
use crate::plugin::call::describe;
use crate::{check, input, setup};

pub(crate) async fn run(args: RunArgs) -> Result<(), Failed> {
    let input = input::json("--input", &args.input)?.to_tree();
    let parsed = args.set.iter().map(|set| set.parse::<Override>());
    let overrides: Vec<_> = parsed
        .collect::<Result<_, _>>()
        .map_err(|error| anyhow::anyhow!("--set: {error}"))?;
    let runtime = setup::runtime(&args.host.cache)?;
    let catalog = setup::catalog(&runtime, &args.host).await?;
    let plan = Arc::new(check::planned(&args.flow, &catalog, &overrides).await?);

    let shown = Arc::new(Shown::new(args.trace));
    let journal: Arc<dyn Journal> = shown.clone();
    let id = uuid::Uuid::now_v7().to_string();
    let engine = Engine::new(EngineConfig {
        places: setup::PLACES,
        ..EngineConfig::default()
    });
    let result = runtime
        .spawn(async move { engine.run(plan, RunRequest::new(id, input), journal).await })
        .await;
    if args.trace {
        eprintln!("{}", shown.trace());
    }
    match result {
        Ok(output) => {
            println!("{output}");
            Ok(())
        }
        Err(error) => Err(tell(&args.flow, &error)),
    }
}

/// Says why a run gave no output, and what that makes of the command.
fn tell(flow: &Path, error: &RunError) -> Failed {
    match error {
        RunError::Input(faults) => {
            eprintln!("error: --input: it does not meet the flow's schema");
            for fault in faults {
                let path = if fault.path.is_empty() {
                    "the input itself"
                } else {
                    &fault.path
                };
                eprintln!("  {}: {}", escaped(path), escaped(&fault.message));
            }
            Failed::Shown
        }
        RunError::Node { node, error } => {
            eprintln!("error: node {}", describe(&node.to_string(), error));
            Failed::Run
        }
        RunError::Expression { place, .. } => {
            let (line, column) = (place.line, place.column);
            let flow = escaped(&flow.display().to_string());
            eprintln!(
                "error: {flow}:{line}:{column}: {}",
                escaped_lines(&error.to_string())
            );
            Failed::Run
        }
        error => {
            eprintln!("error: {}", escaped_lines(&error.to_string()));
            Failed::Run
        }
    }
}
