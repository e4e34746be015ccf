//! Lines for the run's log.
//!
//! ```
//! use lockgate_sdk::log;
//! let found = 3;
//! log::info!("{found} matches");
//! ```
//!
//! In a test a line goes to what [`crate::testing`] collects, or else to standard error.

use std::fmt;

use crate::host;

pub use crate::bindings::lockgate::node::log::Level;

/// Writes one line.
pub fn log(level: Level, message: &str) {
    host::log(level, message);
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

/// Makes what a panic says a line of the log. Without it a panic is a trap that says only where it happened: the
/// sandbox has no standard error.
#[cfg(target_arch = "wasm32")]
pub(crate) fn panics() {
    std::panic::set_hook(Box::new(|panic| log(Level::Error, &panic.to_string())));
}

/// One macro for each level; `$dollar` is how a macro that makes macros writes their `$`.
macro_rules! level_macros {
    ($dollar:tt $($(#[$doc:meta])* $name:ident as $exported:ident: $level:ident,)+) => {$(
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $exported {
            ($dollar($dollar part:tt)+) => {
                $crate::log::log($crate::log::Level::$level, &::std::format!($dollar($dollar part)+))
            };
        }

        $(#[$doc])*
        pub use $exported as $name;
    )+};
}

level_macros! { $
    /// Writes a line at this level, formatted like [`format!`]. For the node's author, step by step.
    trace as __log_trace: Trace,
    /// Writes a line at this level, formatted like [`format!`]. For the node's author.
    debug as __log_debug: Debug,
    /// Writes a line at this level, formatted like [`format!`]. For whoever runs the flow.
    info as __log_info: Info,
    /// Writes a line at this level, formatted like [`format!`]. Something may be wrong.
    warn as __log_warn: Warn,
    /// Writes a line at this level, formatted like [`format!`]. Something is wrong.
    error as __log_error: Error,
}
