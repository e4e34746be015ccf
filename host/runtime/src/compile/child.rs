//! The compiling child: reads a component, writes code, and can do nothing else.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use super::jail;
use crate::engine;

/// The child's exit status for bytes that are no valid component.
pub(super) const INVALID: i32 = 3;

/// The child's exit status when memory ran out where Rust says so without aborting.
pub(super) const OUT_OF_MEMORY: i32 = 4;

/// The whole life of the compiling child, for the program that [`super::CompilerConfig::command`] names: locks itself
/// in, compiles what comes on standard input, and writes the code to standard output. Why it does not goes to standard
/// error. `arguments` are what the host put behind the command: bytes of memory, seconds of processor time.
pub fn compile_component(arguments: impl Iterator<Item = String>) -> ExitCode {
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err((status, message)) => {
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::from(u8::try_from(status).unwrap_or(1))
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), (i32, String)> {
    let failed = |error: &dyn std::fmt::Display| (1, error.to_string());
    let mut number = || arguments.next()?.parse().ok();
    let (Some(memory_bytes), Some(cpu_seconds)) = (number(), number()) else {
        return Err((
            1,
            "this is how Lockgate compiles: it is not for people".to_owned(),
        ));
    };
    let engine = engine::compiler().map_err(|error| failed(&format!("{error:#}")))?;
    jail::enter(memory_bytes, cpu_seconds).map_err(|error| failed(&error))?;

    let mut wasm = Vec::new();
    std::io::stdin()
        .read_to_end(&mut wasm)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::OutOfMemory => (OUT_OF_MEMORY, error.to_string()),
            _ => failed(&error),
        })?;
    let code = engine
        .precompile_component(&wasm)
        .map_err(|error| (INVALID, format!("{error:#}")))?;
    std::io::stdout()
        .write_all(&code)
        .map_err(|error| failed(&error))
}
