//! The example flows: each holds, says what it shows, and gives what its cases say.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::support::host;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../flows");

#[test]
fn every_flow_gives_what_its_cases_say() -> Result<()> {
    let tested = Command::new(host::lockgate()?)
        .env("LOCKGATE_CACHE", host::cache()?)
        .args(["test", FOLDER])
        .output()?;
    let out = String::from_utf8_lossy(&tested.stdout);
    let said = String::from_utf8_lossy(&tested.stderr);
    ensure!(tested.status.success(), "{out}{said}");
    // A flow without cases is told there.
    ensure!(said.is_empty(), "{said}");
    for flow in flows()? {
        let name = flow.display().to_string();
        ensure!(out.contains(&name), "{name} was not tested:\n{out}");
    }
    Ok(())
}

#[test]
fn every_flow_opens_with_what_it_shows_and_how_it_is_run() -> Result<()> {
    for flow in flows()? {
        let text = std::fs::read_to_string(&flow)?;
        let name = flow.file_name().and_then(|name| name.to_str());
        let name = name.context("a name")?;
        let comment: Vec<_> = text
            .lines()
            .take_while(|line| line.starts_with('#'))
            .collect();
        let run = format!("#     lockgate run flows/{name} --input '");
        ensure!(comment.len() >= 3, "{name} does not say what it shows");
        ensure!(
            comment.iter().any(|line| line.starts_with(&run)),
            "{name} does not say how it is run"
        );
    }
    Ok(())
}

fn flows() -> Result<Vec<PathBuf>> {
    let mut flows = Vec::new();
    for entry in std::fs::read_dir(FOLDER)? {
        let path = entry?.path();
        if !path.to_string_lossy().ends_with(".test.yaml") {
            flows.push(path);
        }
    }
    ensure!(!flows.is_empty(), "{FOLDER} has no flow");
    Ok(flows)
}
