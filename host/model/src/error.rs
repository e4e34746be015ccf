//! Why a call gave no outputs: the node's own failure, an exhausted limit, a trap, a broken contract, or a fault of the
//! host. They are different because different people act on them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::{Failure, FailureKind, Kebab, Limit};

/// Why a call gave no outputs. Whichever it is, the instance is gone and the host is as before.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The node said so itself.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// It reached one of its limits.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// It did what WebAssembly forbids, or gave up with `unreachable`.
    #[error(transparent)]
    Trapped(#[from] Trap),
    /// It gave what its own description says that it does not give.
    #[error(transparent)]
    Breach(#[from] Breach),
    /// It runs a flow, and a run of that gave no output.
    #[error(transparent)]
    Flow(#[from] FlowFailed),
    /// The host is at fault, not the node.
    #[error(transparent)]
    Host(#[from] HostFault),
}

/// As a run's events have it: `kind` and `message`; `detail` and `retry_after_ms` where the node gave them; `backtrace`
/// where there is one.
impl Serialize for CallError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.kind())?;
        map.serialize_entry("message", &self.message())?;
        if let Some(failure) = self.failure() {
            if let Some(detail) = &failure.detail {
                map.serialize_entry("detail", detail)?;
            }
            if let Some(after) = failure.retry_after_ms {
                map.serialize_entry("retry_after_ms", &after)?;
            }
        }
        if !self.backtrace().is_empty() {
            let frames: Vec<_> = self.backtrace().iter().map(ToString::to_string).collect();
            map.serialize_entry("backtrace", &frames)?;
        }
        map.end()
    }
}

impl CallError {
    /// The failure's kind as flows and events write it: the contract's for the node's own, the host's otherwise.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Failed(failure) => failure.kind.as_str(),
            Self::Exhausted(exhausted) => match exhausted.limit {
                Limit::Fuel => "out-of-fuel",
                Limit::Timeout => "timeout",
                Limit::Memory => "out-of-memory",
                _ => "limit",
            },
            Self::Trapped(_) => "trap",
            Self::Breach(_) => "breach",
            Self::Flow(flow) => flow.kind(),
            Self::Host(_) => "host",
        }
    }

    /// What it means for whoever counts: `rejected`, `denied`, `trapped` (by the sandbox, its limits included) or
    /// `failed`.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Failed(failure) => match failure.kind {
                FailureKind::Rejected => "rejected",
                FailureKind::Denied => "denied",
                _ => "failed",
            },
            Self::Exhausted(_) | Self::Trapped(_) | Self::Breach(_) => "trapped",
            Self::Flow(flow) => flow
                .cause
                .as_ref()
                .map_or("failed", |cause| cause.outcome()),
            Self::Host(_) => "failed",
        }
    }

    /// What happened, without the kind before it. It may hold the node's own text: escape it.
    pub fn message(&self) -> String {
        match self {
            Self::Failed(failure) => failure.message.clone(),
            error => error.to_string(),
        }
    }

    /// What the node said itself, if it did, however many flows are around it.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Flow(flow) => flow.cause.as_ref()?.failure(),
            _ => None,
        }
    }

    /// Where in the guest it happened, the innermost frame first. Empty where that is not known.
    pub fn backtrace(&self) -> &[Frame] {
        match self {
            Self::Exhausted(exhausted) => &exhausted.backtrace,
            Self::Trapped(trap) => &trap.backtrace,
            Self::Flow(flow) => flow.cause.as_ref().map_or(&[], |cause| cause.backtrace()),
            Self::Failed(_) | Self::Breach(_) | Self::Host(_) => &[],
        }
    }
}

/// A call reached one of its limits.
#[derive(Debug, Clone, thiserror::Error)]
#[error("used up its limit on {limit} ({allowed}{unit})", unit = limit.unit())]
pub struct Exhausted {
    /// Which limit.
    pub limit: Limit,
    /// What it was, in the limit's unit.
    pub allowed: u64,
    /// Where in the guest.
    pub backtrace: Vec<Frame>,
}

/// A call trapped.
#[derive(Debug, Clone, thiserror::Error)]
#[error("trapped: {reason}")]
pub struct Trap {
    /// In wasmtime's words, such as `wasm trap: integer divide by zero`.
    pub reason: String,
    /// Where in the guest.
    pub backtrace: Vec<Frame>,
}

/// One frame of a guest's backtrace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The function's name, demangled and cut, or its index where it has none. The plugin's text: escape it.
    pub function: String,
    /// The core module that it is in, where that has a name.
    pub module: Option<String>,
    /// The offset in the module's code, for a tool that reads debug information.
    pub offset: Option<usize>,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(module) = &self.module {
            write!(f, "{module}!")?;
        }
        f.write_str(&self.function)?;
        if let Some(offset) = self.offset {
            write!(f, " (at {offset:#x})")?;
        }
        Ok(())
    }
}

/// A node gave what its own description says that it does not give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// An output that it did not declare.
    #[error("gave the output `{}`, which it does not declare", port.escape_debug())]
    UnknownOutput {
        /// The name that it gave, cut.
        port: String,
    },
    /// The same output twice.
    #[error("gave the output `{port}` twice")]
    TwiceGiven {
        /// Which output.
        port: String,
    },
    /// A required output is missing.
    #[error("did not give the output `{port}`, which it declares as required")]
    MissingOutput {
        /// Which output.
        port: String,
    },
    /// A value of another kind than the port's.
    #[error("gave {given} on the output `{port}`, which it declares as {declared}")]
    WrongKind {
        /// Which output.
        port: String,
        /// The kind that it declared.
        declared: crate::ValueKind,
        /// The kind that it gave.
        given: crate::ValueKind,
    },
    /// Text that is no JSON document, where it said JSON.
    #[error("gave text on the output `{port}` that is not JSON: {reason}")]
    NotJson {
        /// Which output.
        port: String,
        /// The parser's words.
        reason: String,
    },
    /// A document that does not meet the port's schema.
    #[error("gave a document on the output `{port}` that its own schema refuses: {reason}")]
    AgainstSchema {
        /// Which output.
        port: String,
        /// What is wrong and where in the document.
        reason: String,
    },
    /// A part on a port that does not stream, or of another kind or media type than the parts before.
    #[error("sent a part on the output `{port}`: {reason}")]
    BadPart {
        /// Which output.
        port: String,
        /// Why the part does not fit.
        reason: &'static str,
    },
    /// Not one element for each element of a batch.
    #[error(
        "gave {given} on the output `{port}` for a batch of {expected} elements, and has to give a list of as many"
    )]
    BatchLength {
        /// Which output.
        port: String,
        /// How many elements the batch has.
        expected: usize,
        /// What it gave, such as `3 elements` or `text`.
        given: String,
    },
    /// It called the host in `describe` or `configure`, which call nothing.
    #[error("called {function} in `{during}`, which may call nothing")]
    CalledHost {
        /// The host's function.
        function: &'static str,
        /// What it was asked for.
        during: &'static str,
    },
}

/// A flow that ran as a node gave no output.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the flow `{flow}` failed: {reason}")]
pub struct FlowFailed {
    /// The flow's name.
    pub flow: Kebab,
    /// What went wrong in it, and at which node.
    pub reason: String,
    /// The failed node's error; None where the flow itself did not hold.
    pub cause: Option<Arc<CallError>>,
    /// Whether it is a limit of runs that it came to.
    pub at_limit: bool,
}

impl FlowFailed {
    /// The kind of the node's error; `limit` where the run came to one; `invalid-input` where the flow itself did not hold
    /// for its input.
    fn kind(&self) -> &'static str {
        match &self.cause {
            Some(cause) => cause.kind(),
            None if self.at_limit => "limit",
            None => FailureKind::InvalidInput.as_str(),
        }
    }
}

/// The host could not do its part. An operator looks into these.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the host is at fault: {message}")]
pub struct HostFault {
    /// What went wrong, with its causes.
    pub message: String,
}

impl HostFault {
    /// A fault with its causes, outermost first.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl Exhausted {
    /// The deadline passed.
    pub fn timeout(timeout: Duration) -> Self {
        let allowed = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        Self {
            limit: Limit::Timeout,
            allowed,
            backtrace: Vec::new(),
        }
    }
}
