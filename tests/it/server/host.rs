//! A server of a test: started, asked, and ended in every way that a process ends.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::client::{Client, Request};
use crate::support::host;

/// The longest that a server may take to listen or to end: no measure of it, but an end for a test that would hang.
const PATIENCE: Duration = Duration::from_secs(120);

/// What it says before its address.
const LISTENING: &str = "listening on http://";

/// A folder of data, and everything that a server on it is started with.
pub(super) struct Site {
    folder: Arc<TempDir>,
    options: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Site {
    /// An empty folder.
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            folder: Arc::new(tempfile::tempdir()?),
            options: Vec::new(),
            // What is uploaded is there when that is answered, however slow the machine compiles.
            variables: vec![("LOCKGATE_PLUGINS_UPLOAD_WAIT".to_owned(), "2m".to_owned())],
        })
    }

    /// One more flag of `lockgate serve`.
    pub(super) fn option(mut self, option: impl Into<String>) -> Self {
        self.options.push(option.into());
        self
    }

    /// A key of the configuration, by its environment variable.
    pub(super) fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    /// The folder of data.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("lockgate-data")
    }

    /// A key of these scopes, for the publisher `test`.
    pub(super) fn key(&self, scopes: &[&str]) -> Result<String> {
        let mut arguments = vec!["key", "create", "--publisher", "test"];
        arguments.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
        let made = self.command(&arguments)?;
        let key = made.trim().to_owned();
        ensure!(key.starts_with("lg_"), "{made}");
        Ok(key)
    }

    /// What the command says to these arguments, about the folder of data.
    pub(super) fn command(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.lockgate()?;
        let data = self.data();
        let output = command.args(arguments).arg("--data").arg(data).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {errors}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Starts a server on the folder, and waits until it is ready.
    pub(super) fn start(&self) -> Result<Host> {
        let log = self.folder.path().join("log");
        let said = File::create(&log)?;
        let process = self
            .lockgate()?
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(self.data())
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()?;
        Host::ready(process, log, Arc::clone(&self.folder))
    }

    /// Starts a server that has to refuse that, and gives what it says.
    pub(super) fn refused(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.lockgate()?;
        command.arg("serve").args(arguments);
        let output = command.arg("--data").arg(self.data()).output()?;
        ensure!(!output.status.success(), "it served");
        Ok(String::from_utf8(output.stderr)?)
    }

    fn lockgate(&self) -> Result<Command> {
        let mut command = Command::new(host::lockgate()?);
        command
            .current_dir(self.folder.path())
            .env("LOCKGATE_CACHE", host::cache()?)
            .env("NO_COLOR", "1")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }
}

/// A server that listens. It is killed when it is let go.
pub(super) struct Host {
    pub(super) address: SocketAddr,
    process: Child,
    log: PathBuf,
    /// It is there as long as its server is.
    _folder: Arc<TempDir>,
}

impl Host {
    fn ready(process: Child, log: PathBuf, folder: Arc<TempDir>) -> Result<Self> {
        let mut host = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            process,
            log,
            _folder: folder,
        };
        host.wait_for("it listens", |host| {
            let said = host.said()?;
            let Some((_, rest)) = said.split_once(LISTENING) else {
                return Ok(false);
            };
            let Some((address, _)) = rest.split_once([',', '\n']) else {
                return Ok(false);
            };
            host.address = address.parse().with_context(|| said.clone())?;
            Ok(true)
        })?;
        Ok(host)
    }

    /// A client with this key.
    pub(super) fn client(&self, key: &str) -> Client {
        Client::new(self.address, Some(key))
    }

    /// A client without a key.
    pub(super) fn stranger(&self) -> Client {
        Client::new(self.address, None)
    }

    /// Ends it as a machine that loses its power does.
    pub(super) fn kill(mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Asks it to end.
    pub(super) fn terminate(&self) -> Result<()> {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args(["-TERM", &id]).status()?;
        ensure!(status.success(), "no signal");
        Ok(())
    }

    /// Waits until it has ended.
    pub(super) fn ended(mut self) -> Result<(ExitStatus, String)> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                return Ok((status, self.said()?));
            }
            ensure!(begun.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Everything that it said so far.
    pub(super) fn said(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.log)?)
    }

    /// What its memory is of.
    pub(super) fn maps(&self) -> Result<String> {
        Ok(fs::read_to_string(format!(
            "/proc/{}/maps",
            self.process.id()
        ))?)
    }

    /// Waits until something is so.
    pub(super) fn wait_for(
        &mut self,
        what: &str,
        mut is_so: impl FnMut(&mut Self) -> Result<bool>,
    ) -> Result<()> {
        let begun = Instant::now();
        while !is_so(self)? {
            if let Some(status) = self.process.try_wait()? {
                bail!("it ended, {status}, before {what}: {}", self.said()?);
            }
            if begun.elapsed() > PATIENCE {
                bail!("not before the end of patience: {what}: {}", self.said()?);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
        // Shown beside the test if that fails.
        if let Ok(said) = self.said() {
            println!("{said}");
        }
    }
}

/// Uploads a component, and makes it active.
pub(super) fn upload(client: &Client, component: &[u8]) -> Result<Value> {
    let request = Request::new("POST", "/api/v1/plugins?activate=true");
    client.expect(201, request.body("application/wasm", component))
}

/// Saves a flow, and makes it active.
pub(super) fn save(client: &Client, name: &str, text: &str) -> Result<Value> {
    let request = Request::new("PUT", format!("/api/v1/flows/{name}"));
    client.expect(201, request.body("application/yaml", text))
}

/// The request that runs a flow.
pub(super) fn run(flow: &str, input: &Value) -> Request {
    Request::post(
        format!("/api/v1/flows/{flow}/runs"),
        &json!({ "input": input }),
    )
}

/// The request that queues a run of a flow.
pub(super) fn queued(flow: &str, input: &Value) -> Request {
    run(flow, input).header("prefer", "respond-async")
}

/// The project's folder.
pub(super) fn project() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
