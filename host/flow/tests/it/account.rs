//! How a run is written down for people to review: a line for each event, with its time in milliseconds.

use std::fmt::{self, Display};
use std::sync::Mutex;
use std::time::Duration;

use lockgate_model::{
    At, CallError, Clock as _, Ident, Journal, NodeOutcome, NodeReceipt, RunEvent, RunOutcome,
    SkipReason, Value,
};
use serde_json::Value as Tree;

use crate::clock::VirtualClock;

/// A value that is longer is cut, in characters.
const MAX_VALUE: usize = 60;

/// A run's output that is longer is cut, in characters.
const MAX_OUTPUT: usize = 400;

/// A journal that is read by people.
pub(crate) struct Account {
    clock: VirtualClock,
    lines: Mutex<String>,
}

impl Account {
    pub(crate) fn new(clock: VirtualClock) -> Self {
        let lines = Mutex::default();
        Self { clock, lines }
    }

    pub(crate) fn lines(&self) -> String {
        self.lines.lock().expect("no panic").clone()
    }
}

impl Journal for Account {
    fn record(&self, event: RunEvent) {
        let line = format!("{:>7} ms  {}\n", millis(self.clock.now()), Line(&event));
        self.lines.lock().expect("no panic").push_str(&line);
    }
}

struct Line<'a>(&'a RunEvent);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            RunEvent::RunStarted { flow, labels, .. } if labels.is_empty() => {
                write!(f, "{flow} started")
            }
            RunEvent::RunStarted { flow, labels, .. } => {
                write!(f, "{flow} started, labels{}", Values(labels))
            }
            RunEvent::NodeStarted {
                at,
                attempt,
                inputs,
                elements,
            } => {
                write!(f, "{at} started")?;
                match (elements, attempt) {
                    (Some(elements), _) => write!(f, ", elements: {elements}")?,
                    (None, 0) => write!(f, ", no attempt needed")?,
                    (None, 1) => {}
                    (None, _) => write!(f, ", attempt {attempt}")?,
                }
                write!(f, "{}", Values(inputs))
            }
            RunEvent::NodePart { at, port, part, .. } => {
                write!(f, "{at}.{port} part {}", short(part))
            }
            RunEvent::NodeLog {
                at, level, line, ..
            } => write!(f, "{at} {level}: {line}"),
            RunEvent::NodeRetrying {
                at,
                attempt,
                error,
                delay,
            } => {
                let delay = millis(*delay);
                write!(
                    f,
                    "{at} retrying in {delay} ms, attempt {attempt} failed: {}",
                    Error(error)
                )
            }
            RunEvent::NodeSkipped {
                at,
                reason: SkipReason::When,
            } => write!(f, "{at} skipped: when"),
            RunEvent::NodeSkipped {
                at,
                reason: SkipReason::Needs(node),
            } => {
                write!(f, "{at} skipped: needs {node}")
            }
            RunEvent::NodeFinished {
                at,
                outcome,
                receipt,
            } => node_finished(f, at, outcome, receipt),
            RunEvent::RunFinished { outcome } => run_finished(f, outcome),
        }
    }
}

fn node_finished(
    f: &mut fmt::Formatter<'_>,
    at: &At,
    outcome: &NodeOutcome,
    receipt: &NodeReceipt,
) -> fmt::Result {
    write!(f, "{at} {}", outcome.word())?;
    match outcome {
        NodeOutcome::Ok(outputs) | NodeOutcome::Pinned(outputs) => {
            write!(f, "{}", Values(outputs))?
        }
        NodeOutcome::Failed(error) => write!(f, ": {}", Error(error))?,
        NodeOutcome::Cancelled => {}
    }
    let mut notes = Vec::new();
    if receipt.attempts > 1 {
        notes.push(format!("{} attempts", receipt.attempts));
    }
    if receipt.cache_hits > 0 {
        notes.push(format!("{} from the cache", receipt.cache_hits));
    }
    if receipt.calls.fuel > 0 {
        notes.push(format!("{} fuel", receipt.calls.fuel));
    }
    if !receipt.calls.queue.is_zero() {
        notes.push(format!("queued {} ms", millis(receipt.calls.queue)));
    }
    if let Some(usage) = &receipt.usage {
        let (read, written) = (usage.input_tokens, usage.output_tokens);
        notes.push(format!(
            "{}/{}: {read} + {written} tokens",
            usage.provider, usage.model
        ));
    }
    match notes.is_empty() {
        true => Ok(()),
        false => write!(f, " ({})", notes.join(", ")),
    }
}

fn run_finished(f: &mut fmt::Formatter<'_>, outcome: &RunOutcome) -> fmt::Result {
    write!(f, "run {}", outcome.word())?;
    match outcome {
        RunOutcome::Failed { node, error } => write!(f, " at {node}: {}", Error(error)),
        RunOutcome::Broken { reason } => write!(f, ": {reason}"),
        RunOutcome::Ok(_) | RunOutcome::Cancelled => Ok(()),
    }
}

struct Error<'a>(&'a CallError);

impl Display for Error<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind(), self.0.message())
    }
}

struct Values<'a>(&'a [(Ident, Value)]);

impl Display for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|(name, value)| write!(f, " {name}={}", short(value)))
    }
}

fn short(value: &Value) -> String {
    cut(
        serde_json::to_string(value).expect("a value is JSON"),
        MAX_VALUE,
    )
}

/// A run's output, cut where it is long.
pub(crate) fn output(tree: &Tree) -> String {
    cut(tree.to_string(), MAX_OUTPUT)
}

fn cut(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}

/// Milliseconds, with a fraction only where there is one.
fn millis(time: Duration) -> String {
    match time.subsec_nanos() % 1_000_000 {
        0 => time.as_millis().to_string(),
        _ => format!("{:.3}", time.as_secs_f64() * 1000.0),
    }
}
