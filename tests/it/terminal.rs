//! What `lockgate run` shows on a terminal: a pseudo-terminal, made by `script` of util-linux, which every Linux has.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::support::host;

/// Moves the cursor, as only a view that is drawn again does.
const CLEAR_TO_END: &str = "\u{1b}[0J";

const TALK: &str = r#"run tests/it/command/talk.yaml --input '{"topics":["rain","snow"]}'"#;

#[test]
fn the_view_ends_as_a_summary() -> Result<()> {
    let (status, seen) = Terminal::start(TALK, &[("NO_COLOR", "1")])?.end()?;
    ensure!(status == Some(0), "{seen}");
    for line in [
        "✓ prompts ",
        "━━━━━━━━━━━━━━━━ 2/2",
        "✓ model ",
        "1 retry",
        "✓ said ",
        "↷ loud ",
        "skipped: when",
        "retry model: upstream",
        "ok in ",
    ] {
        ensure!(seen.contains(line), "no `{line}` in {seen}");
    }
    ensure!(!seen.contains("\u{1b}[3"), "colors: {seen:?}");
    let last = seen.trim_end().lines().last().unwrap_or_default();
    ensure!(last.starts_with(r#"{"text":""#), "{seen}");
    Ok(())
}

#[test]
fn colors_are_there_unless_somebody_does_not_want_them() -> Result<()> {
    let (_, seen) = Terminal::start(TALK, &[])?.end()?;
    ensure!(seen.contains("\u{1b}[32m✓"), "{seen:?}");
    Ok(())
}

#[test]
fn a_terminal_that_only_prints_is_as_a_pipe() -> Result<()> {
    let (status, seen) = Terminal::start(TALK, &[("TERM", "dumb")])?.end()?;
    ensure!(status == Some(0), "{seen}");
    ensure!(!seen.contains('\u{1b}') && !seen.contains('✓'), "{seen:?}");
    Ok(())
}

#[test]
fn ctrl_c_cancels_the_run_and_shows_how_far_it_was() -> Result<()> {
    let mut terminal = Terminal::start("run tests/it/command/patient.yaml", &[("NO_COLOR", "1")])?;
    terminal.wait_for("↻ model")?;
    terminal.press(b"\x03")?;
    let (status, seen) = terminal.end()?;
    ensure!(status == Some(130), "{status:?}: {seen}");
    ensure!(seen.contains(CLEAR_TO_END), "{seen:?}");
    for line in ["✓ prompt", "✗ model", "cancelled in ", "error: cancelled"] {
        ensure!(seen.contains(line), "no `{line}` in {seen}");
    }
    Ok(())
}

/// A command on a terminal of 80 columns.
struct Terminal {
    script: Child,
    seen: Vec<u8>,
}

impl Terminal {
    fn start(arguments: &str, environment: &[(&str, &str)]) -> Result<Self> {
        let lockgate = host::lockgate()?;
        let command = format!(
            "stty cols 80 rows 24 && exec {} {arguments}",
            lockgate.display()
        );
        let script = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .env("LOCKGATE_CACHE", host::cache()?)
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh")
            .env_remove("NO_COLOR")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("`script`, of util-linux")?;
        Ok(Self {
            script,
            seen: Vec::new(),
        })
    }

    fn press(&mut self, keys: &[u8]) -> Result<()> {
        let stdin = self.script.stdin.as_mut().context("standard input")?;
        stdin.write_all(keys)?;
        Ok(stdin.flush()?)
    }

    fn wait_for(&mut self, text: &str) -> Result<()> {
        while !self.seen().contains(text) {
            ensure!(
                self.read()? > 0,
                "it ended before `{text}`: {}",
                self.seen()
            );
        }
        Ok(())
    }

    /// The exit status, and everything that was ever written.
    fn end(mut self) -> Result<(Option<i32>, String)> {
        while self.read()? > 0 {}
        Ok((self.script.wait()?.code(), self.seen()))
    }

    fn read(&mut self) -> Result<usize> {
        let mut bytes = [0; 4096];
        let stdout = self.script.stdout.as_mut().context("standard output")?;
        let read = stdout.read(&mut bytes)?;
        self.seen.extend_from_slice(&bytes[..read]);
        Ok(read)
    }

    fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }
}
