//! `lockgate push`: plugins and flows from files to a server.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use lockgate_flow::FlowDocument;
use lockgate_model::escaped;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::Value as Tree;

use super::fault::Placed;
use super::problem::Problem;
use super::{Answer, Connection};
use crate::args::PushArgs;
use crate::check;
use crate::exit::Failed;
use crate::flows::ENDINGS;

/// The largest file that is sent as a plugin: more than a component may have, so that the server's own error says so.
const MAX_PLUGIN_BYTES: u64 = 128 << 20;

/// The longest pause between two looks at an upload that is being compiled, in seconds.
const MAX_PAUSE: u64 = 5;

/// How often an upload that is being compiled is looked at before it is given up: for about ten minutes.
const MAX_LOOKS: u32 = 600;

pub(crate) async fn push(args: PushArgs) -> Result<(), Failed> {
    let connection = Connection::new(&args.client)?;
    let activate = match (args.activate, args.no_activate) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let mut failed = false;
    for file in &args.files {
        let name = escaped(&file.display().to_string());
        let pushed = one(&connection, file, activate).await;
        match pushed {
            Ok(lines) => lines.iter().for_each(|line| println!("{name}: {line}")),
            Err(Failed::Wrong(error)) => {
                failed = true;
                let error = lockgate_model::escaped_lines(&format!("{error:#}"));
                eprintln!("error: {name}: {error}");
            }
            Err(_) => failed = true,
        }
    }
    if failed { Err(Failed::Shown) } else { Ok(()) }
}

/// Pushes one file. The lines say what came of it.
async fn one(
    connection: &Connection,
    file: &Path,
    activate: Option<bool>,
) -> Result<Vec<String>, Failed> {
    let ending = file.extension().and_then(|ending| ending.to_str());
    match ending {
        Some("wasm") => Ok(plugin(connection, file, activate).await?),
        Some(ending) if ENDINGS.contains(&ending) => flow(connection, file, ending, activate).await,
        _ => Err(
            anyhow::anyhow!("a plugin ends with .wasm, and a flow with .yaml, .yml or .json")
                .into(),
        ),
    }
}

async fn plugin(
    connection: &Connection,
    file: &Path,
    activate: Option<bool>,
) -> anyhow::Result<Vec<String>> {
    let bytes = read_bounded(file)?;
    let request = connection
        .request(Method::POST, "/api/v1/plugins", query(activate))?
        .header(CONTENT_TYPE, "application/octet-stream")
        .body(bytes);
    let mut answer = connection.answer(request).await?;
    let mut looks = 0;
    let mut status = None;
    while answer.status == StatusCode::ACCEPTED {
        looks += 1;
        if looks > MAX_LOOKS {
            bail!("it is still being compiled; push it again later to see what came of it");
        }
        status = answer.location.take().or(status);
        let Some(path) = &status else {
            bail!("the server does not say where to ask how far it is");
        };
        let pause = answer.retry_after.unwrap_or(1).clamp(1, MAX_PAUSE);
        tokio::time::sleep(Duration::from_secs(pause)).await;
        let request = connection.request(Method::GET, path, &[])?;
        let mut status = connection.answer(request).await?;
        match status.body["state"].as_str() {
            Some("done") => return Ok(told_of_plugin(&status.body["done"])),
            Some("refused") => return Err(Problem::told(status.body["problem"].take()).into()),
            _ => answer.retry_after = status.retry_after,
        }
    }
    Ok(told_of_plugin(&answer.body))
}

async fn flow(
    connection: &Connection,
    file: &Path,
    ending: &str,
    activate: Option<bool>,
) -> Result<Vec<String>, Failed> {
    let text = check::read(file)?;
    let shown = file.display().to_string();
    // Only the name is read from it here; what it may be is for the server to say.
    let document = FlowDocument::parse(&shown, &text).map_err(|faults| check::show(&faults))?;
    let Some(name) = document.name() else {
        return Err(anyhow::anyhow!("the document has no `flow`: its name").into());
    };
    let media = match ending {
        "json" => "application/json",
        _ => "application/yaml",
    };
    let path = format!("/api/v1/flows/{name}");
    let request = connection
        .request(Method::PUT, &path, query(activate))?
        .header(CONTENT_TYPE, media)
        .body(text.clone());
    match connection.answer(request).await {
        Ok(Answer { body, .. }) => Ok(told_of_flow(&body)),
        Err(error) => Err(with_places(error, &shown, &text)),
    }
}

/// What is asked of activating; nothing where the server's own way is right.
fn query(activate: Option<bool>) -> &'static [(&'static str, &'static str)] {
    match activate {
        Some(true) => &[("activate", "true")],
        Some(false) => &[("activate", "false")],
        None => &[],
    }
}

/// Draws the faults of a document where the problem has some.
fn with_places(error: anyhow::Error, name: &str, text: &str) -> Failed {
    let faults = match error.downcast_ref::<Problem>() {
        Some(problem) if problem.faults.iter().any(|fault| fault.line.is_some()) => &problem.faults,
        _ => return error.into(),
    };
    for fault in faults {
        check::draw(&Placed::new(fault.clone(), name, text));
    }
    let count = crate::quantity::count(faults.len(), "fault", "faults");
    eprintln!("error: `{}` has {count}", escaped(name));
    Failed::Shown
}

fn told_of_plugin(answer: &Tree) -> Vec<String> {
    let plugin = &answer["plugin"];
    let digest = word(&plugin["digest"]);
    let state = match answer["created"].as_bool() {
        Some(false) => "was there already",
        _ => "uploaded",
    };
    let mut lines = vec![format!(
        "{} {} {state} ({digest})",
        word(&plugin["plugin"]),
        word(&plugin["version"]),
    )];
    let activation = &answer["activation"];
    if activation.is_object() {
        lines.push(match activation["before"].as_str() {
            Some(before) => format!("active now, instead of {}", escaped(before)),
            None => "active now".to_owned(),
        });
        lines.extend(told_of_locks(&activation["flows"]));
    } else if plugin["active"].as_bool() == Some(false) {
        lines.push("not active: push it with --activate, and the next runs use it".to_owned());
    }
    lines
}

fn told_of_flow(answer: &Tree) -> Vec<String> {
    let state = match answer["created"].as_bool() {
        Some(false) => "means the same as before",
        _ => "saved",
    };
    let active = match answer["active"].as_bool() {
        Some(false) => "not active",
        _ => "active",
    };
    let mut lines = vec![format!(
        "{} version {} {state}, {active} ({})",
        word(&answer["flow"]),
        word(&answer["version"]),
        word(&answer["digest"]),
    )];
    let mut others = answer["flows"].clone();
    if let Some(others) = others.as_array_mut() {
        others.retain(|other| other["flow"] != answer["flow"]);
    }
    lines.extend(told_of_locks(&others));
    lines
}

/// A line for each flow that was resolved anew.
fn told_of_locks(flows: &Tree) -> Vec<String> {
    let flows = flows.as_array().map_or(&[][..], Vec::as_slice);
    let line = |flow: &Tree| {
        format!(
            "flow {} version {} resolved anew, revision {}",
            word(&flow["flow"]),
            word(&flow["version"]),
            word(&flow["revision"]),
        )
    };
    flows.iter().map(line).collect()
}

/// A text, number or nothing, fit for a terminal.
pub(super) fn word(value: &Tree) -> String {
    match value {
        Tree::Null => "-".to_owned(),
        Tree::String(text) => escaped(text),
        other => escaped(&other.to_string()),
    }
}

fn read_bounded(file: &Path) -> anyhow::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(file)?
        .take(MAX_PLUGIN_BYTES)
        .read_to_end(&mut bytes)
        .context("reading it")?;
    Ok(bytes)
}
