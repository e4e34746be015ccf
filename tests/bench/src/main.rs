//! Measures Lockgate against bare wasmtime and against peers, side by side in one run.
//!
//! What is held against a bound is a ratio or a difference of things that ran in turns, or an amount of memory; times of
//! the machine are told beside it. Exit status 1: a bound is missed, or something could not be measured.

mod bare;
mod calls;
mod each;
mod fairness;
mod flow;
mod guests;
mod http;
mod memory;
mod noop;
mod peers;
mod planning;
mod plans;
mod report;
mod runs;
mod stats;
mod telemetry;
mod turns;

use std::process::ExitCode;

use anyhow::{Result, bail};

use lockgate_runtime::Runtime;

use report::Report;

/// What this program calls itself with to compile, as the `lockgate` command does: the compiling child.
const COMPILE_COMPONENT: &str = "compile-component";

/// What is measured.
const MEASUREMENTS: [&str; 10] = [
    "memory",
    "calls",
    "flow",
    "each",
    "planning",
    "runs",
    "fairness",
    "peers",
    "http",
    "telemetry",
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments
        .next_if(|first| first == COMPILE_COMPONENT)
        .is_some()
    {
        return lockgate_runtime::compile_component(arguments);
    }
    let asked: Vec<_> = arguments.collect();
    if let [what, of] = &asked[..]
        && [memory::ALIVE, runs::WAITING, telemetry::SERIES].contains(&what.as_str())
    {
        return ended(print_memory(what, of));
    }
    if let Some(unknown) = asked
        .iter()
        .find(|name| !MEASUREMENTS.contains(&name.as_str()))
    {
        eprintln!(
            "error: `{unknown}` is not measured; {} are",
            MEASUREMENTS.join(", ")
        );
        return ExitCode::from(2);
    }
    ended(measured(&asked).and_then(|report| match report.missed() {
        0 => Ok(()),
        missed => bail!("{missed} of the measurements miss their bounds"),
    }))
}

fn ended(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What the processes do that measure memory.
fn print_memory(what: &str, of: &str) -> Result<()> {
    if what == telemetry::SERIES {
        return telemetry::print_memory();
    }
    let runtime = guests::runtime(COMPILE_COMPONENT, true)?;
    here()?.block_on(async {
        match what {
            memory::ALIVE => memory::print_alive(&runtime, of).await,
            _ => runs::print_waiting(&runtime, of).await,
        }
    })
}

/// Measures what was asked for, or everything, and prints it.
fn measured(asked: &[String]) -> Result<Report> {
    let mut report = Report::default();
    let runtime = guests::runtime(COMPILE_COMPONENT, true)?;
    let here = here()?;
    for name in MEASUREMENTS {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            let measured = here.block_on(measure(name, &runtime, &mut report));
            if let Err(error) = measured {
                report.failed(name, &error);
            }
        }
    }
    println!("{report}");
    Ok(report)
}

async fn measure(name: &str, runtime: &Runtime, report: &mut Report) -> Result<()> {
    match name {
        "memory" => memory::measure(report),
        "calls" => {
            let scanless = guests::runtime(COMPILE_COMPONENT, false)?;
            calls::measure(runtime, &scanless, report).await
        }
        "flow" => flow::measure(runtime, report).await,
        "each" => each::measure(runtime, report).await,
        "planning" => planning::measure(report).await,
        "runs" => runs::measure(runtime, report).await,
        "fairness" => fairness::measure(runtime, report).await,
        "peers" => peers::measure(runtime, report).await,
        "http" => http::measure(report).await,
        _ => telemetry::measure(report).await,
    }
}

/// Waits for what the runtime's own threads do, and is the client of servers.
fn here() -> std::io::Result<tokio::runtime::Runtime> {
    let mut here = tokio::runtime::Builder::new_current_thread();
    here.enable_all().build()
}
