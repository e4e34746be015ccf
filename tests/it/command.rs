//! The command, as people type it: every `console` block of the documents and of `tests/it/command` is run, and has to print
//! what it shows. `TRYCMD=overwrite cargo test` writes what it prints now.

use std::process::{Command, Output};

use anyhow::{Result, ensure};

use crate::support::host;

#[test]
fn the_command_prints_what_the_documents_show() -> Result<()> {
    // Documents name files as a person at the top of the project does. No other test here asks where it is.
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))?;
    trycmd::TestCases::new()
        .register_bin("lockgate", host::lockgate()?)
        .env("LOCKGATE_CACHE", host::cache()?.display().to_string())
        .env("NO_COLOR", "1")
        .case("README.md")
        .case("docs/*.md")
        .case("tests/it/command/*.trycmd");
    Ok(())
}

/// A file's text, and a guest's: nothing of it moves the cursor, changes the window's title, or turns the line around.
#[test]
fn what_a_terminal_would_act_on_is_escaped() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let flow = folder.path().join("flow.yaml");
    let name = r#""a\u001b]0;owned\u0007""#;
    std::fs::write(
        &flow,
        format!("flow: escape\nnodes:\n  {name}: {{}}\n# \u{202e}\noutput: {{ x: input }}\n"),
    )?;
    let checked = lockgate(&["check", &flow.display().to_string()])?;
    ensure!(checked.status.code() == Some(2));
    let said = harmless(&checked)?;
    ensure!(
        said.contains(r"`a\u{1b}]0;owned\u{7}` is not a name"),
        "{said}"
    );

    let plugin = host::target()?
        .join("plugins/validate.wasm")
        .display()
        .to_string();
    let config = r#"{"pattern":"^a","message":"\u001b[31mred\u202e"}"#;
    let called = lockgate(&[
        "plugin",
        "call",
        &plugin,
        "regex",
        "--config",
        config,
        "--input",
        r#"{"text":"b"}"#,
    ])?;
    ensure!(called.status.code() == Some(1));
    let said = harmless(&called)?;
    ensure!(said.contains(r"rejected: \u{1b}[31mred\u{202e}"), "{said}");
    Ok(())
}

fn lockgate(arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(host::lockgate()?);
    Ok(command
        .env("LOCKGATE_CACHE", host::cache()?)
        .args(arguments)
        .output()?)
}

fn harmless(output: &Output) -> Result<String> {
    let said = String::from_utf8([output.stdout.as_slice(), &output.stderr].concat())?;
    let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    ensure!(!said.contains(acts), "{said:?}");
    Ok(said)
}

#[test]
fn a_full_disk_is_told_in_a_sentence() -> Result<()> {
    let full = std::fs::File::options().write(true).open("/dev/full")?;
    let output = Command::new(host::lockgate()?)
        .arg("config")
        .stdout(full)
        .output()?;
    ensure!(output.status.code() == Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr)?;
    ensure!(
        said.starts_with("error: standard output cannot be written: No space left"),
        "{said}"
    );
    Ok(())
}

#[test]
fn what_is_logged_can_be_read() -> Result<()> {
    let log = |what| {
        let mut command = Command::new(host::lockgate()?);
        anyhow::Ok(command.arg("config").env("LOCKGATE_LOG", what).output()?)
    };
    ensure!(log("debug")?.status.success());
    let refused = log("garbage[[[")?;
    ensure!(refused.status.code() == Some(2), "{refused:?}");
    let said = String::from_utf8(refused.stderr)?;
    ensure!(
        said.starts_with("error: LOCKGATE_LOG cannot be read"),
        "{said}"
    );
    Ok(())
}
