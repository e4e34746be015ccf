//! The servers that Lockgate is measured against, as small as their settings make them: nothing is kept, nothing is logged but faults,
//! nobody edits.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::load::{Case, Connection};
use super::poems;
use super::server::{Server, folder, free_port};
use crate::guests::built;

/// lfx wants one. It is no secret: the server is there for as long as it is measured, on this machine.
const LFX_KEY: &str = "x-api-key: bench\r\n";

/// Node-RED, serving `peers/node-red/flow.json`.
pub(crate) async fn node_red() -> Result<Server> {
    let (folder, address) = (folder("node-red")?, free_port()?);
    for file in ["flow.json", "settings.js"] {
        std::fs::copy(sources().join("node-red").join(file), folder.join(file))?;
    }
    let packages = built()?.join("toolchain/node-red/node_modules");
    let mut command = Command::new("node");
    command
        .arg(packages.join("node-red/red.js"))
        .arg("--userDir")
        .arg(&folder)
        .arg("--settings")
        .arg(folder.join("settings.js"))
        .arg("flow.json")
        .env("NODE_ENV", "production")
        .env("PORT", address.port().to_string());
    Server::start(&mut command, address, &folder, &node_red_cases()[0]).await
}

/// What Node-RED is asked.
pub(crate) fn node_red_cases() -> Arc<[Case]> {
    poems(|topic, expected| {
        // It answers with the text itself.
        let expected = expected.trim_end_matches('"');
        Case::post("/poem", "", &json!({ "topic": topic }), expected)
    })
}

/// Langflow's executor, serving `peers/lfx/poem.py`, and what it is asked.
pub(crate) async fn lfx() -> Result<(Server, Arc<[Case]>)> {
    let (folder, address) = (folder("lfx")?, free_port()?);
    let health = Case::new("GET", "/health", "", b"", "healthy");
    // By default it logs, and puts into each answer, that it has no database, which is not what is compared.
    let mut command = Command::new(built()?.join("toolchain/lfx/bin/lfx"));
    command
        .arg("serve")
        .arg(sources().join("lfx/poem.py"))
        .args(["--log-level", "critical", "--port"])
        .arg(address.port().to_string())
        .current_dir(&folder)
        .env("HOME", &folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("DO_NOT_TRACK", "1")
        .env("LANGFLOW_API_KEY", "bench");
    let server = Server::start(&mut command, address, &folder, &health).await?;

    let flows = Case::new("GET", "/flows", LFX_KEY, b"", "poem");
    let mut connection = Connection::open(address).await?;
    let flows: Value = serde_json::from_slice(connection.ask(&flows).await?)?;
    let id = flows[0]["id"].as_str().context("the flow has no id")?;
    let path = format!("/flows/{id}/run");
    let cases = poems(|topic, expected| {
        Case::post(&path, LFX_KEY, &json!({ "input_value": topic }), expected)
    });
    Ok((server, cases))
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}
