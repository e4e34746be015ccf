//! What a server says to whoever started it. A line that nobody can read any more is no reason to stop.

use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;

use lockgate_model::{escaped, escaped_lines};
use lockgate_service::plugins::Reresolved;
use lockgate_service::{FaultView, ServiceError};

/// The most faults of one thing that are shown.
const MAX_SHOWN: usize = 20;

/// A line on standard output.
pub(super) fn say(line: impl fmt::Display) {
    let line = escaped_lines(&line.to_string());
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// A line on standard error.
pub(super) fn complain(line: impl fmt::Display) {
    let line = escaped_lines(&line.to_string());
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Says why a file was refused: each fault with its place in the file.
pub(super) fn refused(file: &Path, error: &ServiceError) {
    let file = file.display();
    match error {
        ServiceError::Faults { faults, total } => {
            for fault in faults.iter().take(MAX_SHOWN) {
                complain(format_args!("error: {file}{}", placed(fault)));
            }
            if *total > MAX_SHOWN {
                complain(format_args!("error: {file}: {total} faults in all"));
            }
        }
        ServiceError::PluginRefused(refused) => {
            complain(format_args!("error: {file}: {}", refused.message));
            for finding in refused.findings.iter().take(MAX_SHOWN) {
                complain(format_args!("  - {finding}"));
            }
        }
        ServiceError::FlowsWouldBreak { flows } => {
            complain(format_args!("error: {file}: {error}"));
            for flow in flows.iter().take(MAX_SHOWN) {
                for fault in flow.faults.iter().take(MAX_SHOWN) {
                    complain(format_args!(
                        "  {}@{}{}",
                        flow.flow,
                        flow.version,
                        placed(fault)
                    ));
                }
            }
        }
        error => complain(format_args!("error: {file}: {error}")),
    }
}

/// A fault behind the name of what it is in.
fn placed(fault: &FaultView) -> String {
    let place = match (fault.line, fault.column) {
        (Some(line), Some(column)) => format!(":{line}:{column}"),
        _ => String::new(),
    };
    let help = match &fault.help {
        Some(help) => format!(" ({})", escaped(help)),
        None => String::new(),
    };
    format!("{place}: {}{help}", escaped(&fault.message))
}

/// Which flows have another lock now, as the end of a line; empty where none has.
pub(super) fn resolved(flows: &[Reresolved]) -> String {
    let flows: Vec<_> = flows
        .iter()
        .map(|flow| format!("{}@{}", flow.flow, flow.version))
        .collect();
    match flows.as_slice() {
        [] => String::new(),
        flows => format!("; resolved anew: {}", flows.join(", ")),
    }
}
