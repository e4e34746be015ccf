//! What a node says when it does not give its outputs.

use std::fmt;

use serde::Serialize;

use crate::Json;

/// A node's own failure, in the contract's terms. What a sandbox does to a node is a [`crate::CallError`] instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Failure {
    /// What sort of failure it is, which decides whether another attempt may help.
    pub kind: FailureKind,
    /// For people. It comes from the node: escape it before a terminal or a page shows it.
    pub message: String,
    /// For programs. From `configure`, and with `invalid-input`, `{"path": "/template", "line": 1, "column": 9}` says
    /// where in the configuration the fault is: a JSON pointer, and a place within the text there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Json>,
    /// How long a service asks to be left alone, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Failure {
    /// A failure without detail.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            detail: None,
            retry_after_ms: None,
        }
    }
}

/// The kinds of failure that the contract has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// An input or the configuration is unusable: another attempt cannot help.
    InvalidInput,
    /// A validator says no.
    Rejected,
    /// A service answered with an error or not at all.
    Upstream,
    /// A service asks for fewer requests.
    RateLimited,
    /// The host refused what the node asked for.
    Denied,
    /// The node itself is at fault.
    Internal,
}

impl FailureKind {
    /// The kind's name, as flows and events write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid-input",
            Self::Rejected => "rejected",
            Self::Upstream => "upstream",
            Self::RateLimited => "rate-limited",
            Self::Denied => "denied",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
