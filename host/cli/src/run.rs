//! `lockgate run`: one run of one flow.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use anyhow::Context as _;
use lockgate_flow::{
    Engine, EngineConfig, Follower, Override, Plan, RunError, RunJournal, RunRequest,
};
use lockgate_model::{Clock, escaped, escaped_lines};
use lockgate_runtime::Runtime;
use serde_json::Value as Tree;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};

use crate::args::RunArgs;
use crate::exit::{self, Failed};
use crate::live::{FRAME, Show, View};
use crate::plugin::call::describe;
use crate::{check, request, setup};

/// How a run ended; None where Ctrl-C ended it.
type Ended = Option<Result<Tree, RunError>>;

pub(crate) async fn run(args: RunArgs) -> Result<(), Failed> {
    let request = request::read(&args)?;
    let parsed = args.set.iter().map(|set| set.parse::<Override>());
    let overrides: Vec<_> = parsed
        .collect::<Result<_, _>>()
        .map_err(|error| anyhow::anyhow!("--set: {error}"))?;
    let runtime = setup::runtime(&args.host.cache)?;
    let catalog = setup::catalog(&runtime, &args.host).await?;
    let plan = Arc::new(check::planned(&args.flow, &catalog, &overrides).await?);
    request::known(&request.vars, &plan)?;

    let show = Show {
        events: args.events,
        trace: args.trace,
    };
    match shown(&runtime, plan, request, show).await? {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(tell(&args.flow, &error)),
        None => {
            eprintln!("error: cancelled");
            Err(Failed::Interrupted)
        }
    }
}

/// Runs a plan and shows the run while it goes on, and its output.
async fn shown(
    runtime: &Runtime,
    plan: Arc<Plan>,
    request: RunRequest,
    show: Show,
) -> Result<Ended, Failed> {
    let engine = Engine::new(EngineConfig {
        places: setup::PLACES,
        ..EngineConfig::default()
    });
    let clock = engine.clock();
    let journal = RunJournal::new(Arc::clone(&request.id), Arc::clone(&clock));
    let follower = journal.follow(0);
    let view = View::new(&plan, show);
    let interrupted = interrupted()?;
    let run = runtime.spawn({
        let journal = Arc::clone(&journal);
        async move {
            tokio::select! {
                biased;
                Ok(()) = interrupted => None,
                result = engine.run(plan, request, journal) => Some(result),
            }
        }
    });
    let followed = follow(run, &journal, follower, view, &*clock).await;
    followed.map_err(|error| {
        eprintln!("error: standard output: {error}");
        Failed::Run
    })
}

/// Shows the run until it is over and everything of it was shown.
async fn follow(
    run: impl Future<Output = Ended>,
    journal: &RunJournal,
    mut follower: Follower,
    mut view: View,
    clock: &dyn Clock,
) -> std::io::Result<Ended> {
    let mut run = pin!(run);
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
    frames.reset(); // a run that takes less than a frame is shown once
    let ended = loop {
        tokio::select! {
            ended = &mut run => break ended,
            Some(events) = follower.next() => view.hear(&events)?,
            _ = frames.tick() => view.frame(clock.wall()),
        }
    };
    if journal.after(0).is_empty() {
        return Ok(ended); // it was refused, and never began
    }
    while let Some(events) = follower.next().await {
        view.hear(&events)?;
    }
    let output = ended.as_ref().and_then(|result| result.as_ref().ok());
    view.end(output, clock.wall())?;
    Ok(ended)
}

/// Resolves when Ctrl-C is pressed. Pressed again, it ends the command at once: what shows the run may be waiting for
/// whoever reads it.
fn interrupted() -> anyhow::Result<oneshot::Receiver<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut presses = signal(SignalKind::interrupt()).context("Ctrl-C")?;
    let (press, pressed) = oneshot::channel();
    tokio::spawn(async move {
        presses.recv().await;
        let _ = press.send(()); // nobody hears it where the run is over
        presses.recv().await;
        std::process::exit(exit::INTERRUPTED.into());
    });
    Ok(pressed)
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
        RunError::Request(reason) => {
            eprintln!("error: {}", escaped_lines(reason));
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
