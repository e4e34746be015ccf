//! What series are named after, and the words that tell their parts apart.

use std::fmt;
use std::sync::Arc;

use lockgate_model::{CallError, FlowOrigin, Kebab, NodeOutcome, RunOutcome};

/// What stands for the project, flow and node of series that are counted together: those of documents that are kept
/// nowhere, and those past the bound. No flow or node can be called so.
pub const OTHER: &str = "_other";

/// What a call of a model service is called, as `gen_ai.operation.name` has it. Nodes say which model they used, and not for what:
/// most chat.
pub(crate) const GEN_AI_OPERATION: &str = "chat";

/// A version of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowId {
    /// The project that it belongs to.
    pub project: Arc<str>,
    /// Its name.
    pub flow: Arc<str>,
    /// The number of its version; 0 where many are counted together.
    pub version: u32,
}

impl FlowId {
    /// The version of a flow that is kept.
    pub(crate) fn kept(origin: &FlowOrigin, flow: &Kebab) -> Self {
        Self {
            project: origin.project.as_str().into(),
            flow: flow.as_str().into(),
            version: origin.version,
        }
    }

    /// What stands for many.
    pub(crate) fn other() -> Self {
        Self {
            project: OTHER.into(),
            flow: OTHER.into(),
            version: 0,
        }
    }

    /// Whether it stands for many.
    pub fn is_other(&self) -> bool {
        &*self.flow == OTHER
    }
}

/// `poem@3`.
impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.flow, self.version)
    }
}

/// A node of a version of a flow, with the plugin that it was resolved to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    /// The flow.
    pub flow: Arc<FlowId>,
    /// The node's name in it.
    pub node: Arc<str>,
    /// `publisher:name` of the plugin; empty for a sub-flow.
    pub plugin: Arc<str>,
    /// The plugin's version; empty for a sub-flow.
    pub plugin_version: Arc<str>,
}

/// How a node or a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// It gave its outputs.
    Ok,
    /// A node refused what it was given.
    Rejected,
    /// It gave none.
    Failed,
    /// The sandbox ended it.
    Trapped,
    /// It asked for what it was not granted.
    Denied,
    /// It was ended from outside.
    Cancelled,
}

impl Outcome {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::Rejected,
        Self::Failed,
        Self::Trapped,
        Self::Denied,
        Self::Cancelled,
    ];

    /// The word for it in metrics, traces and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Trapped => "trapped",
            Self::Denied => "denied",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it counts as an error in rates of errors: it gave nothing, and nobody had asked for that.
    pub fn is_error(self) -> bool {
        !matches!(self, Self::Ok | Self::Cancelled)
    }

    /// What one of these words means.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }

    /// Of a node. None where its outputs were given to the run: nothing ran.
    pub(crate) fn of_node(outcome: &NodeOutcome) -> Option<Self> {
        match outcome {
            NodeOutcome::Pinned(_) => None,
            outcome => Self::of_word(outcome.word()),
        }
    }

    /// Of a run.
    pub(crate) fn of_run(outcome: &RunOutcome) -> Option<Self> {
        Self::of_word(outcome.word())
    }
}

/// What the sandbox ended a node for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TrapReason {
    /// It used up its fuel.
    Fuel,
    /// It wanted more memory than it may have.
    Memory,
    /// Its time was over.
    Deadline,
    /// Another limit.
    Limit,
    /// It did what WebAssembly forbids, or gave what its description does not allow.
    Fault,
}

impl TrapReason {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Fuel,
        Self::Memory,
        Self::Deadline,
        Self::Limit,
        Self::Fault,
    ];

    /// The word for it in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fuel => "out-of-fuel",
            Self::Memory => "out-of-memory",
            Self::Deadline => "deadline",
            Self::Limit => "limit",
            Self::Fault => "fault",
        }
    }

    /// Of an error whose outcome is `trapped`.
    pub(crate) fn of(error: &CallError) -> Self {
        match error.kind() {
            "out-of-fuel" => Self::Fuel,
            "out-of-memory" => Self::Memory,
            "timeout" => Self::Deadline,
            "limit" => Self::Limit,
            _ => Self::Fault,
        }
    }
}
