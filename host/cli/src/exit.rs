//! How the command ends: one place that maps errors to exit statuses and to what a person reads.

use std::panic;
use std::process::{self, ExitCode};

use lockgate_model::escaped_lines;

/// The status of a command that Ctrl-C ended: what shells give, 128 and the number of the signal.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why the command does not end with 0.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The run or call failed. What it says was shown already. Status 1.
    Run,
    /// Somebody cancelled the run. Status 130.
    Interrupted,
    /// A signal ended the command before it began. Status 128 and the signal's number.
    Signal(u8),
    /// The input, flow, plugin or command is wrong, and that was shown already. Status 2.
    Shown,
    /// The input, flow, plugin or command is wrong. Status 2.
    Wrong(anyhow::Error),
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::Wrong(error)
    }
}

/// `println!` panics where standard output cannot be written, on a full disk say. That is no fault of the program: it is told in a
/// sentence, with status 1.
pub(crate) fn where_nothing_can_be_written() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let said = panic.payload().downcast_ref::<String>();
        // The standard library's words.
        let why = said.and_then(|said| said.strip_prefix("failed printing to stdout: "));
        match why {
            Some(why) => {
                eprintln!("error: standard output cannot be written: {why}");
                process::exit(1);
            }
            None => usual(panic),
        }
    }));
}

/// The exit status for a result, after what is still to be said was said.
pub(crate) fn code(result: Result<(), Failed>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed::Run) => ExitCode::from(1),
        Err(Failed::Interrupted) => ExitCode::from(INTERRUPTED),
        Err(Failed::Signal(number)) => ExitCode::from(128 + number),
        Err(Failed::Shown) => ExitCode::from(2),
        Err(Failed::Wrong(error)) => {
            eprintln!("error: {}", escaped_lines(&format!("{error:#}")));
            ExitCode::from(2)
        }
    }
}
