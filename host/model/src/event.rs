//! What happens in a run, in order.

use std::sync::Arc;

use serde_json::Value as Tree;

use crate::{CallError, Ident, LogLevel, Outputs, Receipt, Value};

/// Something that happened in a run.
#[derive(Debug)]
pub enum RunEvent<'a> {
    /// The run began.
    RunStarted {
        /// The flow's name.
        flow: &'a str,
        /// The run's checked input.
        input: &'a Tree,
    },
    /// A node's call began.
    NodeStarted {
        /// The node's name in the flow.
        node: &'a Ident,
    },
    /// A node sent a part of a streaming output.
    NodePart {
        /// The node's name in the flow.
        node: &'a Ident,
        /// The output.
        port: &'a Ident,
        /// The part.
        part: &'a Value,
    },
    /// A node wrote a line to the log.
    NodeLog {
        /// The node's name in the flow.
        node: &'a Ident,
        /// How much it matters.
        level: LogLevel,
        /// The node's text: escape it.
        line: &'a str,
    },
    /// A node's call ended.
    NodeFinished {
        /// The node's name in the flow.
        node: &'a Ident,
        /// How it ended.
        outcome: NodeOutcome<'a>,
        /// What it used.
        receipt: &'a Receipt,
    },
    /// The run ended.
    RunFinished {
        /// How it ended.
        outcome: RunOutcome<'a>,
    },
}

/// How a node's call ended.
#[derive(Debug, Clone, Copy)]
pub enum NodeOutcome<'a> {
    /// It gave its outputs.
    Ok(&'a Outputs),
    /// It gave none.
    Failed(&'a CallError),
    /// The run ended before it did.
    Cancelled,
}

/// How a run ended.
#[derive(Debug, Clone, Copy)]
pub enum RunOutcome<'a> {
    /// With this output.
    Ok(&'a Tree),
    /// Because this node failed.
    Failed {
        /// The node's name in the flow.
        node: &'a Ident,
        /// Why it failed.
        error: &'a Arc<CallError>,
    },
    /// Because the flow itself did not hold: an expression failed, or what the run held or gave was too large.
    Broken {
        /// What and where, as a sentence. It may quote a document or a node: escape it.
        reason: &'a str,
    },
    /// It was cancelled.
    Cancelled,
}

/// Where the events of a run are written. Writing never waits: what has to wait happens behind it.
pub trait Journal: Send + Sync {
    /// Writes one event of this journal's run, after those before it.
    fn record(&self, event: RunEvent<'_>);
}
