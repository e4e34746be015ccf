//! `lockgate runs` and `cancel`: what a server did, and no more of it.

use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use lockgate_model::{escaped, escaped_lines};
use reqwest::Method;
use serde_json::Value as Tree;

use super::Connection;
use super::push::word;
use crate::args::{CancelArgs, RunsArgs};
use crate::exit::Failed;
use crate::quantity::time;
use crate::table;

/// How many runs are asked for at once.
const PAGE: u32 = 100;

pub(crate) async fn runs(args: RunsArgs) -> Result<(), Failed> {
    let connection = Connection::new(&args.client)?;
    let mut query = Vec::new();
    if let Some(flow) = &args.flow {
        query.push(("flow", flow.to_string()));
    }
    if let Some(outcome) = &args.outcome {
        query.push(("outcome", outcome.clone()));
    }
    if let Some(since) = args.since {
        query.push(("since", humantime::format_rfc3339_millis(since).to_string()));
    }
    let mut rows = Vec::new();
    let mut left = args.limit;
    let mut cursor: Option<String> = None;
    while left > 0 {
        let limit = left.min(PAGE);
        let mut query = query.clone();
        query.push(("limit", limit.to_string()));
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let query: Vec<_> = query
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        let request = connection.request(Method::GET, "/api/v1/runs", &query)?;
        let answer = connection.answer(request).await?.body;
        let items = answer["items"].as_array();
        let items = items.context("the server's answer has no runs")?;
        for item in items.iter().take(limit as usize) {
            match args.json {
                true => println!("{item}"),
                false => rows.push(row(item)),
            }
        }
        left -= limit;
        cursor = answer["next"].as_str().map(str::to_owned);
        if cursor.is_none() || items.is_empty() {
            break;
        }
    }
    if !args.json {
        let mut table = table::plain(["run", "flow", "outcome", "began", "took", "started by"]);
        table.add_rows(rows);
        table
            .lines()
            .for_each(|line| println!("{}", line.trim_end()));
    }
    Ok(())
}

fn row(run: &Tree) -> [String; 6] {
    let flow = match &run["version"] {
        Tree::Null => word(&run["flow"]),
        version => format!("{}@{}", word(&run["flow"]), word(version)),
    };
    let outcome = match &run["outcome"] {
        Tree::Null => word(&run["state"]),
        outcome => word(outcome),
    };
    let took = run["duration_us"].as_u64();
    [
        word(&run["run"]),
        flow,
        outcome,
        word(&run["created_at"]),
        took.map_or_else(String::new, |us| time(Duration::from_micros(us))),
        word(&run["trigger"]),
    ]
}

/// Why a run gave nothing, as `lockgate run` says it.
pub(super) fn why(outcome: &str, error: &Tree) -> String {
    let message = error["message"].as_str().map(escaped_lines);
    let message = message.unwrap_or_else(|| escaped(outcome));
    let kind = match error["kind"].as_str() {
        Some(kind) => format!("{}: ", escaped(kind)),
        None => String::new(),
    };
    match error["node"].as_str() {
        Some(node) => format!("node {}: {kind}{message}", escaped(node)),
        None => format!("{kind}{message}"),
    }
}

pub(crate) async fn cancel(args: CancelArgs) -> Result<(), Failed> {
    let connection = Connection::new(&args.client)?;
    let request = connection.request(Method::DELETE, &format!("/api/v1/runs/{}", args.run), &[])?;
    let answer = connection.answer(request).await?.body;
    match answer["state"].as_str() {
        Some("queued") => println!("cancelled: it had not begun"),
        _ => println!("cancelled: it ends now"),
    }
    Ok(())
}

/// The time of day of a moment, for lines about one run; as it came where it is no moment.
pub(super) fn clock(at: &Tree) -> String {
    let Some(text) = at.as_str() else {
        return String::new();
    };
    let moment: Option<SystemTime> = humantime::parse_rfc3339(text).ok();
    match (moment, text.split_once('T')) {
        (Some(_), Some((_, time))) => escaped(time.trim_end_matches('Z')),
        _ => escaped(text),
    }
}
