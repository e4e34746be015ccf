//! A call of an echo node, against the same in other hosts of WebAssembly plugins. Those are a program of their own,
//! `peers/`, that answers each line of `CASE CALLS BYTES` with one of JSON that says how long the calls took.
//!
//! Both sides make a fresh instance, hand it a text, and read it back, with the least guest that each can have, written by hand: what is
//! compared are the hosts. Ours has all limits on, and finds its input among those of the call (`smallest.wat`); theirs copies its input into
//! its memory and out of it, as any plugin that their development kits make does (`peers/src/echo.wat`). A call of the node in C is shown
//! beside it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use lockgate_runtime::Runtime;
use serde::Deserialize;

use crate::calls::{Echo, SMALL};
use crate::guests::{Guest, built};
use crate::report::{Bound, Report, Unit};
use crate::turns::{BOUND_ROUNDS, in_turns};

/// What is measured, how people call it, our guest, and how many times faster this host has to be.
const CASES: [(&str, &str, Guest, Option<f64>); 4] = [
    (
        "extism",
        "Extism, a fresh plugin for each call",
        Guest::Smallest,
        Some(15.0),
    ),
    (
        "extism",
        "Extism, a fresh plugin for each call, against the node in pure C",
        Guest::Pure,
        None,
    ),
    (
        "extism",
        "Extism, a fresh plugin for each call, against the node in C",
        Guest::C,
        None,
    ),
    (
        "extism-pooled",
        "Extism with wasmtime's pooling allocator",
        Guest::Smallest,
        None,
    ),
];

/// Measures all of them.
pub(crate) async fn measure(runtime: &Runtime, report: &mut Report) -> Result<()> {
    let mut peers = Peers::start()?;
    for (case, name, guest, times) in CASES {
        eprintln!("{name}");
        let echo = Echo::new(guest.node(runtime, "echo").await?, SMALL)?;
        let ours = async |count| {
            let echo = echo.clone();
            runtime.spawn(async move { echo.calls(count).await }).await
        };
        let theirs = async |count| peers.calls(case, count);
        let pair = in_turns(BOUND_ROUNDS, ours, theirs).await?;
        let (faster, what) = (pair.ratio.inverse(), format!("{name}: its time over ours"));
        match times {
            Some(times) => report.held(what, &faster, Unit::Times, Bound::AtLeast(times)),
            None => report.info(what, &faster, Unit::Times),
        }
        report.info(name, &pair.theirs, Unit::Micros);
    }
    Ok(())
}

/// The program that runs the peers. It waits while it is not asked, and ends when its input does.
struct Peers {
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
    _process: Child,
}

#[derive(Deserialize)]
struct Answer {
    microseconds: f64,
}

impl Peers {
    fn start() -> Result<Self> {
        let program = built()?.join("peers/release/lockgate-bench-peers");
        let mut process = Command::new(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{}: `make bench` builds it", program.display()))?;
        let (asks, answers) = (process.stdin.take(), process.stdout.take());
        Ok(Self {
            asks: asks.context("its input")?,
            answers: BufReader::new(answers.context("its output")?),
            _process: process,
        })
    }

    fn calls(&mut self, case: &str, count: u32) -> Result<Duration> {
        writeln!(self.asks, "{case} {count} {SMALL}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let answer: Answer =
            serde_json::from_str(&line).with_context(|| format!("{case}: {line}"))?;
        Ok(Duration::from_secs_f64(answer.microseconds / 1e6))
    }
}
