//! The host's own warnings, on standard error.

use std::env::{self, VarError};
use std::io::{self, IsTerminal as _};

use anyhow::{Context as _, anyhow};
use tracing_subscriber::EnvFilter;

use crate::args::Command;

/// Says which are written, such as `debug` or `lockgate_runtime=trace`.
const VARIABLE: &str = "LOCKGATE_LOG";

/// What is written where nobody says anything, and of everything that nobody names.
const USUAL: &str = "warn";

/// Writes warnings from now on: a server's with their times, because they are read later, and with colors on a terminal alone.
///
/// # Errors
///
/// Where [`VARIABLE`] cannot be read.
pub(crate) fn to_stderr(command: &Command) -> anyhow::Result<()> {
    let said = match env::var(VARIABLE) {
        Ok(said) => said,
        Err(VarError::NotPresent) => String::new(),
        Err(VarError::NotUnicode(_)) => return Err(anyhow!("{VARIABLE} is not UTF-8")),
    };
    let has_colors =
        io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter(&said)?)
        .with_writer(io::stderr)
        .with_ansi(has_colors);
    match command {
        Command::Serve(_) => log.init(),
        _ => log.without_time().init(),
    }
    Ok(())
}

/// What is written: the usual, but for what is said. A word that is no level names a part of the program, and misspelt it
/// names none: then the usual is written.
fn filter(said: &str) -> anyhow::Result<EnvFilter> {
    let said = said.trim();
    let whole = if said.is_empty() {
        USUAL.to_owned()
    } else {
        format!("{USUAL},{said}")
    };
    EnvFilter::builder().parse(whole).with_context(|| {
        format!("{VARIABLE} cannot be read: give a level such as `info`, or a part and its level such as `lockgate_api=debug`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_names_is_written_as_usual() {
        let written = |said| filter(said).map(|filter| filter.to_string());
        for (said, whole) in [
            ("", "warn"),
            (" ", "warn"),
            ("info", "info"),
            ("off", "off"),
            ("inof", "inof=trace,warn"),
            ("lockgate_api=debug", "lockgate_api=debug,warn"),
        ] {
            assert_eq!(written(said).ok().as_deref(), Some(whole), "{said}");
        }
        assert!(written("garbage[[[").is_err());
        assert!(written("lockgate_api=loud").is_err());
    }
}
