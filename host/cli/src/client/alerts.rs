//! `lockgate alerts check`: when rules would have fired, by what a server counted.

use anyhow::Context as _;
use lockgate_model::{escaped, escaped_lines};
use lockgate_telemetry::alerts::check::Report;
use lockgate_telemetry::alerts::config::{AlertsConfig, MAX_BYTES};
use reqwest::Method;
use serde_json::json;

use super::Connection;
use crate::args::AlertsCheckArgs;
use crate::exit::Failed;

pub(crate) async fn check(args: AlertsCheckArgs) -> Result<(), Failed> {
    let rules = args.rules.as_deref().map(text).transpose()?;
    let connection = Connection::new(&args.client)?;
    let since = humantime::format_rfc3339_millis(args.since).to_string();
    let mut body = json!({ "since": since });
    if let Some(rules) = rules {
        body["rules"] = rules.into();
    }
    let request = connection.request(Method::POST, "/api/v1/alerts/check", &[])?;
    let answer = connection.answer(request.json(&body)).await?.body;
    if args.json {
        println!("{answer}");
        return Ok(());
    }
    let hidden: Vec<String> = answer["left_out"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(escaped))
        .collect();
    let report: Report =
        serde_json::from_value(answer).context("the server's answer is no report")?;
    print!("{}", escaped_lines(&report.to_string()));
    if !hidden.is_empty() {
        eprintln!(
            "warning: the key does not see what these are about: {}",
            hidden.join(", ")
        );
    }
    Ok(())
}

/// The text of a file of rules. What is wrong with it is shown here, with the file's own name.
fn text(path: &std::path::Path) -> Result<String, Failed> {
    use std::io::Read as _;
    rules(path)?;
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    file.take(MAX_BYTES as u64)
        .read_to_string(&mut text)
        .with_context(|| path.display().to_string())?;
    Ok(text)
}

/// A file of rules; every fault of it is shown.
pub(crate) fn rules(path: &std::path::Path) -> Result<AlertsConfig, Failed> {
    AlertsConfig::read(path).map_err(|faults| {
        for fault in faults {
            eprintln!("error: {}", escaped_lines(&fault));
        }
        Failed::Shown
    })
}
