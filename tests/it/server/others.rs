//! Clients that others wrote: schemathesis, which tries everything that the OpenAPI document allows and much that it does not, and OpenAI's
//! own client.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::host::{Host, Site, project, save, upload};
use crate::support::{guests, host};

/// How many examples schemathesis makes for an operation, beside those at the edges of what the document allows.
const EXAMPLES: &str = "15";

/// Answers what it is told, in capitals.
const CHAT: &str = "
flow: chat
input:
  type: object
  required: [message]
  properties: { message: { type: string } }
chat: { message: message, answer: answer }
nodes:
  answer:
    use: test:text/upper
    in: { text: input.message }
output: { answer: answer.text }
";

/// Answers part by part.
const STREAMED: &str = "
flow: streamed
input:
  type: object
  required: [message]
  properties: { message: { type: string } }
chat: { message: message, answer: answer }
nodes:
  answer:
    use: test:offline/model
    with: { seed: 1, max_tokens: 40 }
    in: { prompt: input.message }
output: { answer: answer.text }
";

fn site() -> Result<Site> {
    let site = Site::new()?.set("LOCKGATE_SERVER_KEY_REQUESTS", 1_000_000);
    Ok(site.set("LOCKGATE_SERVER_FAILED_REQUESTS", 1_000_000))
}

/// A server with two flows that chat, and a key to it.
fn serving(site: &Site) -> Result<(Host, String)> {
    let key = site.key(&["admin"])?;
    let host = site.start()?;
    let client = host.client(&key);
    for plugin in ["plugins/text", "plugins/offline"] {
        upload(&client, &guests::built(plugin)?)?;
    }
    save(&client, "chat", CHAT)?;
    save(&client, "streamed", STREAMED)?;
    Ok((host, key))
}

/// A program of the clients that `scripts/need-clients.sh` installs.
fn program(name: &str) -> Result<Command> {
    let path = host::target()?.join("toolchain/clients/bin").join(name);
    ensure!(
        path.exists(),
        "{} is not there: `make test` installs it",
        path.display()
    );
    let mut command = Command::new(path);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
}

#[test]
fn schemathesis_finds_nothing() -> Result<()> {
    let site = site()?;
    let (host, key) = serving(&site)?;
    let folder = tempfile::tempdir()?;
    let mut command = program("st")?;
    let document = format!("http://{}/openapi.json", host.address);
    command
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(
            project()
                .canonicalize()?
                .join("tests/it/server/clients/schemathesis.toml"),
        )
        .args(["run", &document, "--header"])
        .arg(format!("Authorization: Bearer {key}"))
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", EXAMPLES])
        .args(["--generation-deterministic", "--continue-on-failure"])
        // One worker: two parse Python at once, which the parser of CPython 3.11 ends with a `SystemError` now and then.
        .args(["--workers", "1", "--request-timeout", "60", "--no-color"]);
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}{errors}\n{}", host.said()?);
    Ok(())
}

#[test]
fn openais_client_chats_with_a_flow() -> Result<()> {
    let site = site()?;
    let (host, key) = serving(&site)?;
    let mut command = program("python")?;
    command
        .arg(project().join("tests/it/server/clients/chat.py"))
        .env("OPENAI_BASE_URL", format!("http://{}/v1", host.address))
        .env("OPENAI_API_KEY", key);
    let output = command.output().context("the client")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{errors}\n{}", host.said()?);
    Ok(())
}

/// The page's blocks of Python; those of `sh` are `server_commands`'. They talk to a flow that the page does not show.
#[test]
fn what_the_page_says_in_python_works() -> Result<()> {
    let site = site()?;
    let (host, key) = serving(&site)?;
    let client = host.client(&key);
    save(&client, "talk", &STREAMED.replace("streamed", "talk"))?;
    let page = std::fs::read_to_string(project().join("docs/server.md"))?;
    let blocks = page.split("\n```python\n").skip(1);
    let blocks: Vec<_> = blocks
        .filter_map(|rest| rest.split("\n```").next())
        .collect();
    ensure!(!blocks.is_empty(), "the page has none");
    for block in blocks {
        let mut command = program("python")?;
        command
            .args(["-c", block])
            .env("LOCKGATE_SERVER", format!("http://{}", host.address))
            .env("LOCKGATE_KEY", &key);
        let output = command.output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{block}\n{errors}");
        ensure!(!output.stdout.is_empty(), "it says nothing: {block}");
    }
    Ok(())
}
