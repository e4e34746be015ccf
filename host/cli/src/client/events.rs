//! A server's events, read back: as a line for people, and as much of an event as the view of a run needs.

use std::sync::Arc;
use std::time::Duration;

use lockgate_model::{
    At, CallError, Exhausted, Failure, FailureKind, HostFault, Ident, Limit, NodeOutcome,
    NodeReceipt, Receipt, Recorded, RunEvent, RunOutcome, SkipReason, TraceId, Trap, Value,
    escaped,
};
use serde_json::Value as Tree;

use super::push::word;
use super::runs::{clock, why};
use crate::quantity::{number, time};

/// The most characters of a value that a line shows.
const MAX_CHARS: usize = 200;

/// A line for one event.
pub(super) fn line(event: &Tree) -> String {
    let kind = event["type"].as_str().unwrap_or_default();
    let what = match kind {
        "run.started" => started(event),
        "run.finished" => finished(event),
        "node.started" => match event["attempt"].as_u64() {
            Some(attempt) if attempt > 1 => format!("{} attempt {attempt}", place(event)),
            _ => place(event),
        },
        "node.part" => format!(
            "{} {}: {}",
            place(event),
            word(&event["port"]),
            short(&event["part"])
        ),
        "node.log" => format!(
            "{} {}: {}",
            place(event),
            word(&event["level"]),
            word(&event["line"])
        ),
        "node.retrying" => {
            let delay = Duration::from_micros(event["delay_us"].as_u64().unwrap_or_default());
            let error = failure(&event["error"]);
            format!("{} {error}; again in {}", place(event), time(delay))
        }
        "node.skipped" => match event["reason"]["needs"].as_str() {
            Some(node) => format!("{} needs {}", place(event), escaped(node)),
            None => format!("{} when", place(event)),
        },
        "node.finished" => node_finished(event),
        _ => short(event),
    };
    format!("{} {:<13} {what}", clock(&event["at"]), escaped(kind))
}

/// What a line says above a view that draws the rest: what nodes log from `warn` on, and what went wrong.
pub(super) fn note(event: &Tree) -> Option<String> {
    let level = event["level"].as_str().unwrap_or_default();
    let tells = match event["type"].as_str()? {
        "node.log" => matches!(level, "warn" | "error"),
        "node.retrying" => true,
        "node.finished" => event["error"].is_object(),
        _ => false,
    };
    tells.then(|| line(event))
}

/// How a run ended, if this is the event that says so.
pub(super) fn end(event: &Tree) -> Option<&str> {
    let is_end = event["type"].as_str() == Some("run.finished");
    is_end.then(|| event["outcome"].as_str().unwrap_or_default())
}

fn place(event: &Tree) -> String {
    at(event).map_or_else(|| word(&event["node"]), |at| escaped(&at.to_string()))
}

fn node_finished(event: &Tree) -> String {
    let receipt = receipt(&event["receipt"]);
    let mut text = format!("{} {}", place(event), word(&event["outcome"]));
    if event["error"].is_object() {
        text.push_str(&format!(": {}", failure(&event["error"])));
    }
    if receipt.attempts > 0 {
        let (took, fuel) = (time(receipt.calls.total()), number(receipt.calls.fuel));
        text.push_str(&format!(" in {took}, {fuel} fuel"));
    }
    text
}

fn finished(event: &Tree) -> String {
    let outcome = event["outcome"].as_str().unwrap_or_default();
    match outcome {
        "ok" => format!("ok {}", short(&event["output"])),
        "cancelled" => outcome.to_owned(),
        _ => {
            let mut error = event["error"].clone();
            if error.is_null() {
                error = serde_json::json!({ "message": event["reason"] });
            } else if let Some(fields) = error.as_object_mut() {
                fields.insert("node".to_owned(), event["node"].clone());
            }
            format!("{} {}", escaped(outcome), why(outcome, &error))
        }
    }
}

fn started(event: &Tree) -> String {
    let what = format!("{} {}", word(&event["flow"]), short(&event["input"]));
    match event["trace_id"].as_str() {
        Some(trace) => format!("{what} trace {}", escaped(trace)),
        None => what,
    }
}

fn failure(error: &Tree) -> String {
    format!("{}: {}", word(&error["kind"]), word(&error["message"]))
}

/// A value in one line, cut.
fn short(value: &Tree) -> String {
    let text = word(value);
    match text.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// As much of an event as the view needs: of an error only its kind, of values only the text of parts. None for events that
/// this version does not know.
pub(super) fn recorded(event: &Tree) -> Option<Recorded> {
    let attempt = u32::try_from(event["attempt"].as_u64().unwrap_or(1)).ok()?;
    let heard = match event["type"].as_str()? {
        "run.started" => RunEvent::RunStarted {
            flow: event["flow"].as_str()?.parse().ok()?,
            input: Arc::default(),
            vars: serde_json::Map::new(),
            labels: Vec::new(),
            trace_id: event["trace_id"].as_str().and_then(TraceId::read),
        },
        "node.started" => RunEvent::NodeStarted {
            at: at(event)?,
            attempt,
            inputs: Vec::new(),
            elements: small(&event["elements"]),
        },
        "node.part" => RunEvent::NodePart {
            at: at(event)?,
            attempt,
            port: ident(&event["port"])?,
            part: Value::Text(event["part"].as_str()?.into()),
        },
        "node.retrying" => RunEvent::NodeRetrying {
            at: at(event)?,
            attempt,
            error: Arc::new(error(&event["error"])),
            delay: Duration::from_micros(event["delay_us"].as_u64()?),
        },
        "node.skipped" => RunEvent::NodeSkipped {
            at: at(event)?,
            reason: match ident(&event["reason"]["needs"]) {
                Some(node) => SkipReason::Needs(node),
                None => SkipReason::When,
            },
        },
        "node.finished" => RunEvent::NodeFinished {
            at: at(event)?,
            outcome: match event["outcome"].as_str()? {
                "ok" => NodeOutcome::Ok(Vec::new()),
                "pinned" => NodeOutcome::Pinned(Vec::new()),
                "cancelled" => NodeOutcome::Cancelled,
                _ => NodeOutcome::Failed(Arc::new(error(&event["error"]))),
            },
            receipt: receipt(&event["receipt"]),
        },
        "run.finished" => RunEvent::RunFinished {
            outcome: outcome(event),
        },
        _ => return None,
    };
    Some(Recorded {
        v: 1,
        run: event["run"].as_str().unwrap_or_default().into(),
        seq: event["seq"].as_u64().unwrap_or_default(),
        time: humantime::parse_rfc3339(event["at"].as_str()?).ok()?,
        event: Arc::new(heard),
    })
}

fn at(event: &Tree) -> Option<At> {
    Some(At {
        within: event["within"].as_str().unwrap_or_default().into(),
        node: ident(&event["node"])?,
        index: small(&event["index"]),
    })
}

fn ident(name: &Tree) -> Option<Ident> {
    name.as_str()?.parse().ok()
}

fn small(number: &Tree) -> Option<u32> {
    u32::try_from(number.as_u64()?).ok()
}

fn outcome(event: &Tree) -> RunOutcome {
    match event["outcome"].as_str() {
        Some("ok") => RunOutcome::Ok(Arc::new(event["output"].clone())),
        Some("cancelled") => RunOutcome::Cancelled,
        _ => RunOutcome::Broken {
            reason: Arc::default(),
        },
    }
}

/// An error of the same kind. What it says stays in the event.
fn error(error: &Tree) -> CallError {
    let exhausted = |limit| Exhausted {
        limit,
        allowed: 0,
        backtrace: Vec::new(),
    };
    let failure = |kind| CallError::Failed(Failure::new(kind, ""));
    match error["kind"].as_str().unwrap_or_default() {
        "invalid-input" => failure(FailureKind::InvalidInput),
        "rejected" => failure(FailureKind::Rejected),
        "upstream" => failure(FailureKind::Upstream),
        "rate-limited" => failure(FailureKind::RateLimited),
        "denied" => failure(FailureKind::Denied),
        "internal" => failure(FailureKind::Internal),
        "out-of-fuel" => exhausted(Limit::Fuel).into(),
        "timeout" => exhausted(Limit::Timeout).into(),
        "out-of-memory" => exhausted(Limit::Memory).into(),
        "limit" => exhausted(Limit::OutputBytes).into(),
        "trap" | "breach" => CallError::Trapped(Trap {
            reason: String::new(),
            backtrace: Vec::new(),
        }),
        _ => CallError::Host(HostFault::new("")),
    }
}

fn receipt(receipt: &Tree) -> NodeReceipt {
    let count = |name: &str| receipt[name].as_u64().unwrap_or_default();
    let span = |name: &str| Duration::from_micros(count(name).min(u64::MAX / 8));
    NodeReceipt {
        attempts: small(&receipt["attempts"]).unwrap_or_default(),
        cache_hits: small(&receipt["cache_hits"]).unwrap_or_default(),
        calls: Receipt {
            queue: span("queue_us"),
            instantiate: span("instantiate_us"),
            guest: span("guest_us"),
            host_wait: span("host_wait_us"),
            check: span("check_us"),
            fuel: count("fuel"),
            memory_bytes: count("memory_bytes"),
            ..Receipt::default()
        },
        usage: serde_json::from_value(receipt["usage"].clone()).ok(),
    }
}

#[cfg(test)]
mod tests;
