//! `lockgate rerun`: a run once more, from one of its nodes on or from its beginning.

use anyhow::{Context as _, bail};
use eventsource_stream::Eventsource as _;
use futures::StreamExt as _;
use reqwest::Method;
use serde_json::{Value as Tree, json};
use uuid::Uuid;

use super::Connection;
use super::push::word;
use super::runs::why;
use crate::args::RerunArgs;
use crate::exit::Failed;

pub(crate) async fn rerun(args: RerunArgs) -> Result<(), Failed> {
    let connection = Connection::new(&args.client)?;
    let run = match &args.from {
        Some(from) => from_node(&connection, args.run, from, args.version).await?,
        None => from_beginning(&connection, args.run, args.version).await?,
    };
    eprintln!("run {}", word(&run["run"]));
    ended(&run)
}

async fn from_node(
    connection: &Connection,
    run: Uuid,
    from: &str,
    version: Option<u32>,
) -> anyhow::Result<Tree> {
    let mut ask = json!({ "from": from });
    if let Some(version) = version {
        ask["version"] = json!(version);
    }
    let path = format!("/api/v1/runs/{run}/rerun");
    let request = connection.request(Method::POST, &path, &[])?.json(&ask);
    Ok(connection.answer(request).await?.body)
}

/// Nothing of the run is used but its input, so this is a run like any other.
async fn from_beginning(
    connection: &Connection,
    run: Uuid,
    version: Option<u32>,
) -> anyhow::Result<Tree> {
    let path = format!("/api/v1/runs/{run}");
    let request = connection.request(Method::GET, &path, &[])?;
    let view = connection.answer(request).await?.body;
    if view["cut"] == true || view["masked"] == true {
        bail!(
            "the run cannot be repeated: some of its values were cut or masked when they were kept"
        );
    }
    let flow = view["flow"].as_str();
    let flow =
        flow.context("the run is of a document that came with its request: run that again")?;
    let version = version.map_or_else(|| view["version"].clone(), |version| json!(version));
    let mut ask = json!({ "input": input(connection, run).await? });
    if !version.is_null() {
        ask["version"] = version;
    }
    let path = format!("/api/v1/flows/{flow}/runs");
    let request = connection.request(Method::POST, &path, &[])?.json(&ask);
    Ok(connection.answer(request).await?.body)
}

/// The input of a run: what its first event says.
async fn input(connection: &Connection, run: Uuid) -> anyhow::Result<Tree> {
    let path = format!("/api/v1/runs/{run}/events");
    let request = connection.request(Method::GET, &path, &[])?;
    let request = request.header("accept", "text/event-stream");
    let response = connection
        .send(request.timeout(connection.timeout()))
        .await?;
    let mut events = response.bytes_stream().eventsource();
    while let Some(event) = events.next().await {
        let event = event.context("the run's events")?;
        let mut event: Tree = serde_json::from_str(&event.data).unwrap_or_default();
        if event["type"] == "run.started" {
            return Ok(event["input"].take());
        }
    }
    bail!("the run has not begun")
}

/// Prints what a run gave, or says why it gave nothing.
fn ended(run: &Tree) -> Result<(), Failed> {
    match run["outcome"].as_str() {
        Some("ok") => {
            println!("{}", run["output"]);
            Ok(())
        }
        Some(outcome) => {
            eprintln!("error: {}", why(outcome, &run["error"]));
            Err(Failed::Run)
        }
        None => {
            let state = word(&run["state"]);
            eprintln!("it is {state}: `lockgate logs --follow` follows it");
            Ok(())
        }
    }
}
