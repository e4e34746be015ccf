//! Lockgate as a team runs it: `lockgate serve` on a folder of data, with keys.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::load::{Case, Connection};
use super::poems;
use super::server::{Server, folder, free_port};
use crate::guests::built;

/// The flow of the comparison.
const POEM: &str = "
flow: poem
input:
  type: object
  required: [topic]
  properties: { topic: { type: string } }
nodes:
  prompt:
    use: text/prompt-template
    with: { template: '  请写一首关于 {{ topic }} 的诗。  ' }
    in: { topic: input.topic }
  trim:
    use: text/clean
    in: { text: prompt.text }
  answer:
    use: echo/echo
    in: { value: trim.text }
output: { answer: answer.value }
";

/// A folder of data, and a key to what is in it.
pub(crate) struct Lockgate {
    folder: PathBuf,
    key: String,
    variables: Vec<(String, String)>,
}

impl Lockgate {
    /// An empty folder of data.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let folder = folder(name)?;
        let mut new = Self {
            folder,
            key: String::new(),
            variables: Vec::new(),
        };
        new.key = new.new_key("lockgate")?;
        Ok(new)
    }

    /// With a variable of the environment, when it is started.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A key that may do everything, of a publisher.
    pub(crate) fn new_key(&self, publisher: &str) -> Result<String> {
        let mut command = Command::new(program()?);
        command
            .args(["key", "create", "--scope", "admin"])
            .args(["--publisher", publisher, "--data"])
            .arg(self.folder.join("data"));
        let made = command.output()?;
        let said = String::from_utf8(made.stdout)?;
        let key = said.split_whitespace().find(|word| word.starts_with("lg_"));
        ensure!(
            made.status.success(),
            "no key: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        Ok(key.context("no key")?.to_owned())
    }

    /// Starts it, and waits until it answers `first`.
    pub(crate) async fn start(&self, first: &Case) -> Result<Server> {
        let address = free_port()?;
        let mut command = Command::new(program()?);
        command
            .arg("serve")
            .args(["--listen", &address.to_string(), "--data"])
            .arg(self.folder.join("data"))
            // Every request here is of one key.
            .env("LOCKGATE_SERVER_KEY_REQUESTS", "1000000")
            // What is uploaded is there when that is answered, however slow the machine compiles.
            .env("LOCKGATE_PLUGINS_UPLOAD_WAIT", "2m")
            .env("LOCKGATE_CACHE", self.folder.join("cache"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        Server::start(&mut command, address, &self.folder, first).await
    }

    /// Starts it, and brings it the flow of the comparison and its plugins.
    pub(crate) async fn poem(&self) -> Result<Server> {
        let server = self.start(&self.ready()).await?;
        let mut connection = Connection::open(server.address).await?;
        for plugin in ["text", "echo"] {
            let bytes = component(plugin)?;
            connection.ask(&upload(&self.key, &bytes)).await?;
        }
        connection.ask(&self.put("poem", POEM)).await?;
        Ok(server)
    }

    /// What it is asked.
    pub(crate) fn cases(&self) -> Arc<[Case]> {
        poems(|topic, expected| self.run("poem", &json!({ "topic": topic }), expected))
    }

    /// The request that runs a flow and waits.
    pub(crate) fn run(&self, flow: &str, input: &Value, expected: impl Into<String>) -> Case {
        let path = format!("/api/v1/flows/{flow}/runs");
        let body = json!({ "input": input });
        Case::post(&path, &authorization(&self.key), &body, expected)
    }

    /// The question whether it is ready.
    pub(crate) fn ready(&self) -> Case {
        Case::new("GET", "/readyz", "", b"", "")
    }

    /// The request that saves a flow.
    pub(crate) fn put(&self, name: &str, text: &str) -> Case {
        let headers = format!(
            "content-type: application/yaml\r\n{}",
            authorization(&self.key)
        );
        let path = format!("/api/v1/flows/{name}");
        Case::new("PUT", &path, &headers, text.as_bytes(), name)
    }
}

/// The request that uploads a plugin and makes it active.
pub(crate) fn upload(key: &str, component: &[u8]) -> Case {
    let headers = format!("content-type: application/wasm\r\n{}", authorization(key));
    let path = "/api/v1/plugins?activate=true";
    Case::new("POST", path, &headers, component, "sha256:")
}

/// A plugin that ships with Lockgate.
pub(crate) fn component(name: &str) -> Result<Vec<u8>> {
    let path = built()?.join(format!("plugins/{name}.wasm"));
    std::fs::read(&path).with_context(|| format!("{}: `make bench` builds it", path.display()))
}

/// The header that shows a key.
fn authorization(key: &str) -> String {
    format!("authorization: Bearer {key}\r\n")
}

/// The command, built as this program is: beside it.
fn program() -> Result<PathBuf> {
    let bench = std::env::current_exe().context("where this program is")?;
    Ok(bench.with_file_name("lockgate"))
}
