//! Why a sandbox was stopped: from wasmtime's errors to ours.

use lockgate_model::{Breach, CallError, Exhausted, Frame, HostFault, Limit, Limits, Trap};
use wasmtime::{Error, WasmBacktrace};
use wasmtime_wasi::ResourceTableError;

use super::State;

/// The longest name in a backtrace, in characters. A plugin chooses its functions' names.
const MAX_NAME_CHARS: usize = 200;

/// What a host function raises to end the call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// A limit that the host counts.
    #[error("used up its limit on {0}")]
    Exhausted(Limit),
    /// The guest broke its word.
    #[error(transparent)]
    Breach(#[from] Breach),
}

/// Says in our terms why a sandbox was stopped by `error`. `instantiated`: the guest's own code could run before.
pub(crate) fn why(error: &Error, state: &State, limits: &Limits, instantiated: bool) -> CallError {
    let exhausted = |limit: Limit| {
        CallError::from(Exhausted {
            limit,
            allowed: limits.get(limit),
            backtrace: backtrace(error),
        })
    };
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return match stop {
            Stop::Exhausted(limit) => exhausted(*limit),
            Stop::Breach(breach) => breach.clone().into(),
        };
    }
    let trap = error.downcast_ref::<wasmtime::Trap>();
    if trap == Some(&wasmtime::Trap::OutOfFuel) {
        return exhausted(Limit::Fuel);
    }
    // A guest that was refused memory and then gave up: out of memory is why, whatever it did to give up.
    if let Some(limit) = state.meter.refused() {
        return exhausted(limit);
    }
    if let Some(trap) = trap {
        return Trap {
            reason: trap.to_string(),
            backtrace: backtrace(error),
        }
        .into();
    }
    if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
        return exhausted(Limit::Resources);
    }
    if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        let reason = format!("the guest called exit({})", exit.0);
        return Trap {
            reason,
            backtrace: backtrace(error),
        }
        .into();
    }
    // wasmtime has no public types for these three.
    let reason = error.root_cause().to_string();
    if reason.contains("too much data is being copied between the host and the guest") {
        return exhausted(Limit::OutputBytes); // no one host call may hand over more than all outputs together
    }
    if reason.contains("store handle limit exceeded") {
        return exhausted(Limit::Resources);
    }
    if reason.contains("resource limit exceeded") {
        return exhausted(Limit::Instances);
    }
    if instantiated {
        // What a guest hands over against the canonical ABI: text that is not UTF-8, a pointer out of bounds.
        Trap {
            reason,
            backtrace: backtrace(error),
        }
        .into()
    } else {
        HostFault::new(format!("no instance could be made: {error:#}")).into()
    }
}

fn backtrace(error: &Error) -> Vec<Frame> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    let cut = |name: &str| name.chars().take(MAX_NAME_CHARS).collect::<String>();
    let frame = |frame: &wasmtime::FrameInfo| Frame {
        function: match frame.func_name() {
            Some(name) => cut(&demangled(name)),
            None => format!("function {}", frame.func_index()),
        },
        module: frame.module().name().map(cut),
        offset: frame.module_offset(),
    };
    backtrace.frames().iter().map(frame).collect()
}

/// Rust's and C++'s mangled names as people read them. wasmtime demangles only when it prints a whole backtrace.
fn demangled(name: &str) -> String {
    rustc_demangle::try_demangle(name).map_or_else(|_| name.to_owned(), |name| format!("{name:#}"))
}
