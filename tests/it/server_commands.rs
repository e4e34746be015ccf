//! `lockgate serve` and the commands that talk to it, as people type them: what `docs/server.md` shows, `make run`, and a
//! developer's folders.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::support::host;

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The commands of the document, in their order, in one shell, against a server whose folder they name.
#[test]
fn the_document_shows_what_works() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for name in ["target/plugins", "flows"] {
        let link = folder.path().join(name);
        std::fs::create_dir_all(link.parent().context("a parent")?)?;
        std::os::unix::fs::symlink(Path::new(PROJECT).join(name), link)?;
    }
    let server = Server::start(folder.path(), &["--data", "lockgate-data"])?;
    let document = std::fs::read_to_string(Path::new(PROJECT).join("docs/server.md"))?;
    let script = blocks(&document).replace("http://127.0.0.1:7878", &server.url);
    let ran = shell(folder.path(), &script)?;
    let said = String::from_utf8(ran.stdout)?;
    let complained = String::from_utf8(ran.stderr)?;
    ensure!(ran.status.success(), "{said}\n{complained}");
    for shown in [
        "revoked `website`",
        "lockgate:text 0.1.0 uploaded",
        "poem version 1 saved, active",
        r#""outcome":"ok""#,
        "run.finished  ok",
        "春天来了",
        r#""ahead""#,
        r#""secret""#,
    ] {
        ensure!(said.contains(shown), "no {shown} in\n{said}\n{complained}");
    }
    let keys = ["ops.key", "website.key"];
    for key in keys {
        let key = std::fs::read_to_string(folder.path().join(key))?;
        let key = key.trim();
        ensure!(key.starts_with("lg_") && key.len() == 46, "{key}");
        ensure!(!said.contains(key) && !complained.contains(key));
    }
    let (status, said) = server.stop()?;
    ensure!(status == Some(0), "{status:?}: {said}");
    ensure!(said.contains("stopped"), "{said}");
    Ok(())
}

#[test]
fn make_run_serves_the_examples_and_runs_one() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut make = Command::new("make");
    make.arg("run")
        .current_dir(PROJECT)
        .env("LOCKGATE_DATA_FOLDER", folder.path())
        .env("LOCKGATE_SERVER_LISTEN", "127.0.0.1:0");
    // Those of the make that runs the tests.
    for variable in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
        make.env_remove(variable);
    }
    let mut running = Server::spawn(make)?;
    let said = running.until("春天来了")?;
    for shown in [
        "plugin lockgate:text 0.1.0: uploaded, active",
        "flow poem version 1: saved, active",
        "flow anthology version 1: saved, active",
        "try: curl ",
        r#"{"input":{"topic":"春天"}}"#,
        "200 OK in ",
    ] {
        ensure!(said.contains(shown), "no {shown} in\n{said}");
    }
    // The server itself is asked to stop: it is the only child of make.
    let server = children(running.child.id())?;
    let [server] = server.as_slice() else {
        bail!("make has the children {server:?}");
    };
    signal(*server, "TERM")?;
    let (status, said) = running.end()?;
    ensure!(status == Some(0), "{status:?}: {said}");
    Ok(())
}

/// What changes in a developer's folders is loaded, what is wrong is told with its place, and what was there goes on.
#[test]
fn a_developers_folders_are_watched() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (flows, plugins) = (folder.path().join("flows"), folder.path().join("plugins"));
    std::fs::create_dir(&flows)?;
    std::fs::create_dir(&plugins)?;
    std::fs::write(flows.join("shout.yaml"), shout("upper"))?;
    let mut server = Server::start(
        folder.path(),
        &["--dev", "--plugins", "plugins", "--flows", "flows"],
    )?;
    // The flow came before its plugin.
    std::fs::copy(
        Path::new(PROJECT).join("target/plugins/text.wasm"),
        plugins.join("text.wasm"),
    )?;
    server.until("flow shout version 1: saved, active")?;
    std::fs::write(flows.join("shout.yaml"), shout("uper"))?;
    std::fs::write(plugins.join("bad.wasm"), "no component")?;
    std::fs::write(
        flows.join("twice.yaml"),
        shout("upper").replace("shout", "twice"),
    )?;
    server.until("flow twice version 1: saved, active")?;
    std::fs::write(flows.join("shout.yaml"), shout("clean"))?;
    server.until("flow shout version 2: saved, active")?;
    let (status, complained) = server.stop_and_hear()?;
    ensure!(status == Some(0), "{status:?}: {complained}");
    // What is refused is said once, however often something else changes.
    let said = complained.matches("plugins/bad.wasm").count();
    ensure!(said == 1, "{complained}");
    ensure!(complained.contains("flows/shout.yaml:4:"), "{complained}");
    ensure!(
        complained.contains("plugins/bad.wasm: this is not WebAssembly"),
        "{complained}"
    );
    Ok(())
}

/// Without keys anybody who reaches the port is admin, so only this machine may.
#[test]
fn dev_is_for_loopback_addresses() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let refused = Command::new(host::lockgate()?)
        .args(["serve", "--dev", "--listen", "0.0.0.0:0"])
        .current_dir(folder.path())
        .output()?;
    let said = String::from_utf8(refused.stderr)?;
    ensure!(refused.status.code() == Some(2), "{said}");
    ensure!(said.contains("loopback"), "{said}");
    ensure!(!folder.path().join("lockgate-data").exists());
    Ok(())
}

/// What a server refuses is shown as the commands of one machine show it; what is wrong with the way there, too.
#[test]
fn a_servers_no_is_an_error() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), &["--data", "data"])?;
    let script = format!(
        "export LOCKGATE_SERVER={}\n{}",
        server.url,
        r#"
lockgate runs && exit 9
LOCKGATE_KEY=nonsense lockgate runs && exit 9
export LOCKGATE_KEY=$(lockgate key create --scope run --data data)
printf 'flow: bad\nnodes:\n  a:\n    use: text/uper\n    in: { text: input }\noutput: { x: a.text }\n' > bad.yaml
lockgate push bad.yaml && exit 9
export LOCKGATE_KEY=$(lockgate key create --scope deploy --data data)
lockgate push bad.yaml nothing.txt && exit 9
lockgate logs 00000000-0000-7000-8000-000000000000 && exit 9
lockgate runs --server http://127.0.0.1:1 && exit 9
true
"#
    );
    let ran = shell(folder.path(), &script)?;
    let said = String::from_utf8(ran.stderr)?;
    for shown in [
        "key-needed",
        "help: set LOCKGATE_KEY to a key of this server",
        "LOCKGATE_KEY has no key",
        "(forbidden)",
        "bad.yaml:4:",
        "unknown-plugin",
        "nothing.txt: a plugin ends with .wasm",
        "(not-found)",
        "cannot be reached",
    ] {
        ensure!(said.contains(shown), "no {shown} in\n{said}");
    }
    ensure!(ran.status.success(), "{said}");
    server.stop()?;
    Ok(())
}

fn shout(node: &str) -> String {
    format!(
        "flow: shout\nnodes:\n  loud:\n    use: text/{node}\n    in: {{ text: input.text }}\noutput: {{ text: loud.text }}\n"
    )
}

/// The shell blocks of a document, one after the other.
fn blocks(document: &str) -> String {
    let mut script = String::new();
    let mut inside = false;
    for line in document.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => {
                script.push_str(line);
                script.push('\n');
            }
            _ => {}
        }
    }
    script
}

/// Runs a script that stops at the first command that fails, but for those that it catches itself.
fn shell(folder: &Path, script: &str) -> Result<Output> {
    let lockgate = host::lockgate()?;
    let bin = lockgate.parent().context("a folder")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("NO_COLOR", "1")
        .env_remove("LOCKGATE_KEY")
        .env_remove("LOCKGATE_SERVER")
        .output()?;
    Ok(output)
}

/// A server that listens. Ended when it is dropped.
struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    url: String,
}

impl Server {
    /// Starts one on a free port.
    fn start(folder: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(host::lockgate()?);
        command
            .arg("serve")
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(folder);
        let mut server = Self::spawn(command)?;
        let said = server.until("listening on ")?;
        let (_, url) = said
            .split_once("listening on ")
            .context("where it listens")?;
        url.split([',', '\n'])
            .next()
            .unwrap_or_default()
            .clone_into(&mut server.url);
        Ok(server)
    }

    fn spawn(mut command: Command) -> Result<Self> {
        let mut child = command
            .env("LOCKGATE_CACHE", host::cache()?)
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("standard output")?;
        Ok(Self {
            child,
            stdout: BufReader::new(stdout),
            url: String::new(),
        })
    }

    /// What it says until a line has this text.
    fn until(&mut self, text: &str) -> Result<String> {
        let mut said = String::new();
        loop {
            let before = said.len();
            if self.stdout.read_line(&mut said)? == 0 {
                let mut complained = String::new();
                if let Some(mut stderr) = self.child.stderr.take() {
                    stderr.read_to_string(&mut complained)?;
                }
                bail!("it ended without `{text}`:\n{said}{complained}");
            }
            if said[before..].contains(text) {
                return Ok(said);
            }
        }
    }

    /// Asks it to stop. Gives its status, and what it said on standard output.
    fn stop(self) -> Result<(Option<i32>, String)> {
        signal(self.child.id(), "TERM")?;
        self.end()
    }

    /// The same with what it said on standard error.
    fn stop_and_hear(mut self) -> Result<(Option<i32>, String)> {
        signal(self.child.id(), "TERM")?;
        let mut complained = String::new();
        let mut stderr = self.child.stderr.take().context("standard error")?;
        stderr.read_to_string(&mut complained)?;
        let (status, _) = self.end()?;
        Ok((status, complained))
    }

    fn end(mut self) -> Result<(Option<i32>, String)> {
        let mut said = String::new();
        self.stdout.read_to_string(&mut said)?;
        Ok((self.child.wait()?.code(), said))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it is gone already where the test went well
        let _ = self.child.wait();
    }
}

fn signal(process: u32, name: &str) -> Result<()> {
    let kill = format!("kill -{name} {process}");
    ensure!(Command::new("sh").args(["-c", &kill]).status()?.success());
    Ok(())
}

fn children(process: u32) -> Result<Vec<u32>> {
    let listed: PathBuf = format!("/proc/{process}/task/{process}/children").into();
    let text = std::fs::read_to_string(listed)?;
    Ok(text
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?)
}
