//! Measures Lockgate against bare wasmtime and against peers, side by side in one run.
//!
//! What is held against a bound is a ratio or a difference of things that ran in turns, or an amount of memory; times of
//! the machine are told beside it. Exit status 1: a bound is missed, or something could not be measured.

mod bare;
mod calls;
mod flow;
mod guests;
mod memory;
mod noop;
mod peers;
mod report;
mod stats;
mod turns;

use std::process::ExitCode;

use anyhow::Result;

use report::Report;

/// What this program calls itself with to compile, as the `lockgate` command does: the compiling child.
const COMPILE_COMPONENT: &str = "compile-component";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(COMPILE_COMPONENT) {
        return lockgate_runtime::compile_component(arguments);
    }
    match measured() {
        Ok(report) => {
            println!("{report}");
            match report.missed() {
                0 => ExitCode::SUCCESS,
                missed => {
                    eprintln!("{missed} bounds are missed");
                    ExitCode::FAILURE
                }
            }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measured() -> Result<Report> {
    let mut report = Report::default();
    let runtime = guests::runtime(COMPILE_COMPONENT)?;
    let here = tokio::runtime::Builder::new_current_thread().build()?;
    here.block_on(async {
        memory::measure(&runtime, &mut report).await?;
        calls::measure(&runtime, &mut report).await?;
        flow::measure(&runtime, &mut report).await?;
        peers::measure(&runtime, &mut report).await?;
        Ok(report)
    })
}
