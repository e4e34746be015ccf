//! What the documents show besides the command's own output: shell lines and flows.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::support::host;

/// The documents whose blocks are run here.
const DOCUMENTS: [&str; 2] = ["README.md", "docs/flow-format.md"];

#[test]
fn shell_lines_run() -> Result<()> {
    for document in DOCUMENTS {
        for block in blocks(document, "sh")? {
            // This is `make test`: it does not call itself.
            let lines: Vec<_> = block
                .lines()
                .filter(|line| !line.starts_with("make test"))
                .collect();
            let ran = Command::new("sh")
                .args(["-euc", &lines.join("\n")])
                .current_dir(top())
                // What this test was started by is no business of the make that it starts.
                .env_remove("MAKEFLAGS")
                .env_remove("MAKELEVEL")
                .output()?;
            let said = String::from_utf8_lossy(&ran.stderr);
            ensure!(
                ran.status.success(),
                "{document}:\n{block}\n{}: {said}",
                ran.status
            );
        }
    }
    Ok(())
}

#[test]
fn flows_are_flows() -> Result<()> {
    let mut checked = 0;
    for document in DOCUMENTS {
        for block in blocks(document, "yaml")?
            .iter()
            .filter(|block| block.starts_with("flow:"))
        {
            let folder = tempfile::tempdir()?;
            let file = folder.path().join("shown.yaml");
            std::fs::write(&file, block)?;
            let mut check = Command::new(host::lockgate()?);
            let ran = check
                .env("LOCKGATE_CACHE", host::cache()?)
                .arg("check")
                .arg(&file)
                .output()?;
            let said = String::from_utf8_lossy(&ran.stderr);
            ensure!(ran.status.success(), "{document}: {said}");
            checked += 1;
        }
    }
    ensure!(checked > 0, "the documents show no flow");
    Ok(())
}

/// The fenced blocks of a document in one language, without their fences.
fn blocks(document: &'static str, language: &str) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(top().join(document)).context(document)?;
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else {
            continue;
        };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        if fence == language {
            blocks.push(block.join("\n"));
        }
    }
    Ok(blocks)
}

fn top() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
