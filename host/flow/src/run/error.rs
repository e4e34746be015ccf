//! Why a run gave no output.

use std::fmt;
use std::sync::Arc;

use lockgate_model::{At, CallError, Ident, SchemaFault};

use crate::expression::ExpressionError;
use crate::source::Place;

/// Why a run gave no output.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RunError {
    /// The input does not meet the flow's schema. Nothing ran.
    #[error("the input does not meet the flow's schema: {}", InputFaults(.0))]
    Input(Vec<SchemaFault>),
    /// What was asked for does not fit the flow. Nothing ran.
    #[error("{0}")]
    Request(String),
    /// A node failed.
    #[error("the node `{node}` failed: {error}")]
    Node {
        /// The way to it.
        node: At,
        /// Why it failed.
        error: Arc<CallError>,
    },
    /// An expression of the flow failed.
    #[error("{site}: {reason}")]
    Expression {
        /// Whose expression.
        site: Site,
        /// Where it stands in the document.
        place: Place,
        /// Why it failed.
        reason: ExpressionError,
    },
    /// What the nodes gave, and others still need, is too large.
    #[error("the run holds {bytes} bytes of outputs, and at most {most} are allowed", most = super::MAX_HELD_BYTES)]
    TooMuchHeld {
        /// How much it would hold.
        bytes: usize,
    },
    /// The run, its sub-flows included, made too many calls.
    #[error("the run makes more than {most} calls")]
    TooManyCalls {
        /// How many it may make.
        most: u64,
    },
    /// The run's output is too large.
    #[error("the output has more than {most} bytes", most = super::MAX_OUTPUT_BYTES)]
    OutputTooLarge,
    /// The host stopped before the run ended.
    #[error("the host stopped before the run ended")]
    Stopped,
}

/// Whose expression it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Site {
    /// An input of a node.
    Input {
        /// The node's name in the flow.
        node: Ident,
        /// The input.
        port: Ident,
    },
    /// What decides whether a node runs.
    When {
        /// The node's name in the flow.
        node: Ident,
    },
    /// The list that a node goes through.
    Each {
        /// The node's name in the flow.
        node: Ident,
    },
    /// An output of the flow.
    Output {
        /// Its name.
        name: Ident,
    },
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input { node, port } => write!(f, "the input `{port}` of the node `{node}`"),
            Self::When { node } => write!(f, "the `when` of the node `{node}`"),
            Self::Each { node } => write!(f, "the `each` of the node `{node}`"),
            Self::Output { name } => write!(f, "the output `{name}` of the flow"),
        }
    }
}

/// The faults of an input in one line.
struct InputFaults<'a>(&'a [SchemaFault]);

impl fmt::Display for InputFaults<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let between = if index > 0 { "; " } else { "" };
            let at = if fault.path.is_empty() {
                "the whole"
            } else {
                &fault.path
            };
            write!(
                f,
                "{between}{}: {}",
                crate::excerpt::quoted(at),
                fault.message
            )?;
        }
        Ok(())
    }
}
