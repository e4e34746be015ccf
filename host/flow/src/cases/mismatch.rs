//! What came of a run, where a case expects something else.

use std::fmt;

use lockgate_model::At;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::run::RunError;

/// One thing that a case expects and a run did not do. As JSON: an object whose `mismatch` says which of these it is.
///
/// It may hold texts of nodes: escape them before a terminal or a page shows them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "mismatch", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Mismatch {
    /// The output is another.
    Output {
        /// What the case says.
        expected: Json,
        /// What the run gave.
        actual: Json,
    },
    /// A condition of the case's `where` is not true.
    Where {
        /// The expression.
        expression: String,
        /// The line that it begins at, from 1.
        line: usize,
        /// What it is instead, or why it fails.
        reason: String,
        /// What it refers to, by reference. What is not there is left out.
        values: Map<String, Json>,
    },
    /// The run failed, and the case expects an output.
    Failed(RunFailure),
    /// The run gave an output, and the case expects a failure.
    NotFailed {
        /// What it gave.
        output: Json,
    },
    /// The run failed in another way.
    OtherFailure {
        /// What the case says of it, in words.
        expected: String,
        /// How it failed.
        actual: RunFailure,
    },
    /// A node was to be called or to be skipped, and was not.
    Node {
        /// Its name in the flow.
        node: String,
        /// What it was to do.
        expected: String,
        /// What became of it.
        actual: String,
    },
}

/// How a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunFailure {
    /// The way to the node that failed: `check`, or `summary[3]` for an element. None where no node is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The kind of the node's failure. Where no node is at fault: `invalid-input` for a flow that does not hold for its
    /// input, `limit` for what is too much, `host` for a host that stopped.
    pub kind: &'static str,
    /// What happened. It may hold the node's own text: escape it.
    pub message: String,
    /// The name of the node in its flow.
    #[serde(skip)]
    name: Option<String>,
}

impl RunFailure {
    /// Whether it is a failure of this node of the flow, or of an element of it.
    pub(super) fn is_of(&self, node: &str) -> bool {
        self.name.as_deref() == Some(node)
    }
}

impl From<&RunError> for RunFailure {
    fn from(error: &RunError) -> Self {
        let of_flow = |kind| Self {
            node: None,
            kind,
            message: error.to_string(),
            name: None,
        };
        match error {
            RunError::Node { node, error } => Self {
                node: Some(node.to_string()),
                kind: error.kind(),
                message: error.message(),
                name: own(node),
            },
            RunError::Input(_) | RunError::Request(_) | RunError::Expression { .. } => {
                of_flow("invalid-input")
            }
            RunError::TooMuchHeld { .. }
            | RunError::TooManyCalls { .. }
            | RunError::OutputTooLarge => of_flow("limit"),
            RunError::Stopped => of_flow("host"),
        }
    }
}

/// The name of a node of the flow itself.
fn own(node: &At) -> Option<String> {
    node.within.is_empty().then(|| node.node.to_string())
}

/// `check: rejected: the text is too long`.
impl fmt::Display for RunFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(node) = &self.node {
            write!(f, "{node}: ")?;
        }
        write!(f, "{}: {}", self.kind, self.message)
    }
}
