//! Why the service did not do what it was asked for. One type, because whoever answers a client maps all of them in one
//! place; each has a code that stays what it is.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use lockgate_flow::{Fault, Faults};
use lockgate_model::{Kebab, SchemaFault};
use lockgate_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::batches::BadLineView;
use crate::ports::PluginRefused;

/// The most faults of one flow that an answer names.
pub const MAX_FAULTS_SHOWN: usize = 20;

/// The most flows that an answer names where something is refused because of them.
pub const MAX_FLOWS_NAMED: usize = 50;

/// The code of a fault that no document has: something that a flow needs is not there on this host.
pub(crate) const NOT_LOADED: &str = "not-loaded";

/// Why the service did not do it. Texts may quote clients and guests: escape them where they leave JSON.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// There is no such thing in the project.
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// What sort of thing: `flow`, `plugin`, `version of the flow`, `run` and so on.
        what: &'static str,
        /// What was asked for.
        name: String,
    },
    /// The caller's key does not allow it.
    #[error("this needs {needs}")]
    Forbidden {
        /// The scope, or the sort of key, that it needs.
        needs: Cow<'static, str>,
    },
    /// The request makes no sense, whatever is there.
    #[error("{0}")]
    InvalidRequest(String),
    /// Something has more bytes than it may have.
    #[error("{what} has {bytes} bytes or more; {most} is the most")]
    TooLarge {
        /// What.
        what: &'static str,
        /// How many it has, as far as was counted.
        bytes: u64,
        /// How many it may have.
        most: u64,
    },
    /// The project has as many of something as it may have.
    #[error("the project has {most} {what}, which is the most: delete some first")]
    TooMany {
        /// What, in the plural.
        what: &'static str,
        /// How many there may be.
        most: u64,
    },

    /// A flow's document has faults.
    #[error("the flow has {total} fault(s)")]
    Faults {
        /// The faults, in the order of their places; at most [`lockgate_flow::MAX_FAULTS`].
        faults: Vec<FaultView>,
        /// How many there are.
        total: usize,
    },
    /// A component is no plugin here.
    #[error(transparent)]
    PluginRefused(#[from] PluginRefused),
    /// The input of a run is not what its flow takes.
    #[error("the input is not what the flow takes")]
    InvalidInput(Vec<SchemaFaultView>),

    /// Lines of a batch are no input of its flow. Nothing was accepted.
    #[error("{total} line(s) of the batch are not what the flow takes, so nothing was accepted")]
    BadLines {
        /// The first of them; at most [`crate::batches::MAX_BAD_LINES_SHOWN`].
        lines: Vec<BadLineView>,
        /// How many there are.
        total: usize,
    },
    /// What came to a webhook is not signed as it has to be.
    #[error("{0}")]
    BadSignature(&'static str),

    /// The plugin has this version already, and it has other bytes.
    #[error(
        "version {version} of the plugin `{plugin}` is there already, with other bytes: give it another version"
    )]
    VersionTaken {
        /// The plugin's full name.
        plugin: String,
        /// The version.
        version: String,
    },
    /// With the change, flows that are active would not run any more. Nothing was changed.
    #[error("{} flow(s) would not run any more, so nothing was changed", flows.len())]
    FlowsWouldBreak {
        /// Each of them and why; at most [`MAX_FLOWS_NAMED`].
        flows: Vec<BrokenFlow>,
    },
    /// Locks in force need the plugin.
    #[error("flows need the plugin `{plugin}`: {}", named(flows))]
    PluginNeeded {
        /// The plugin, and its version where one was named.
        plugin: String,
        /// Who needs it; at most [`MAX_FLOWS_NAMED`].
        flows: Vec<FlowNeed>,
    },
    /// The version is the active one, and there are others.
    #[error(
        "version {version} of the plugin `{plugin}` is the active one: make another one active first"
    )]
    ActiveVersion {
        /// The plugin's full name.
        plugin: String,
        /// The version.
        version: String,
    },
    /// Other active flows run the flow.
    #[error("the flow `{flow}` is run by other flows: {}", named(flows))]
    FlowNeeded {
        /// Which flow.
        flow: Kebab,
        /// Who runs it; at most [`MAX_FLOWS_NAMED`].
        flows: Vec<FlowNeed>,
    },
    /// The flow is there, and none of its versions is active.
    #[error("no version of the flow `{flow}` is active: make one active")]
    NotActive {
        /// Which flow.
        flow: Kebab,
    },
    /// The flow's version never had a lock, or what its last lock names is gone.
    #[error("version {version} of the flow `{flow}` cannot run from its last lock: {reason}")]
    LockGone {
        /// Which flow.
        flow: Kebab,
        /// Which version of it.
        version: u32,
        /// What is missing and what to do.
        reason: String,
    },
    /// The flow is active and does not run on this host: a plugin that its lock names could not be loaded at the start.
    #[error("the flow `{flow}` does not run on this host: {reason}")]
    FlowBroken {
        /// Which flow.
        flow: Kebab,
        /// Why, and what to do.
        reason: String,
    },
    /// The draft is not what the writer saw.
    #[error("the draft is not the one that you saw")]
    DraftChanged {
        /// What it is now; None: there is none.
        etag: Option<String>,
    },

    /// The run goes on, and this can be done to a finished one only.
    #[error("the run is not finished")]
    NotFinished,
    /// The run is finished, and this can be done to one that goes on only.
    #[error("the run is finished")]
    Finished,
    /// Some value of the run was too large to be kept whole.
    #[error(
        "the run cannot be repeated: some of its values were too large to be kept, and were cut"
    )]
    CutRun,
    /// Some value of the run was masked when it was kept.
    #[error("the run cannot be repeated: some of its values were masked when they were kept")]
    MaskedRun,
    /// The flow's version has no such node, or not the one that the run had.
    #[error("{0}")]
    NodeGone(String),
    /// The same `Idempotency-Key` came with another request.
    #[error("this Idempotency-Key came with another request before")]
    IdempotencyMismatch,
    /// The first request with this `Idempotency-Key` goes on.
    #[error("the first request with this Idempotency-Key goes on")]
    IdempotencyRunning {
        /// The run that it started, where that is known.
        run: Option<String>,
    },

    /// The queue is full.
    #[error("the queue is full")]
    QueueFull {
        /// After which time it is worth another try.
        retry_after: Duration,
    },
    /// The host does as much of this at once as it may.
    #[error("the host is busy: {what}")]
    Busy {
        /// What it does as much of as it may.
        what: &'static str,
        /// After which time it is worth another try.
        retry_after: Duration,
    },
    /// The host is about to stop.
    #[error("the host is about to stop and starts nothing new")]
    Draining {
        /// After which time it is worth another try.
        retry_after: Duration,
    },
    /// The store did not do its part. Clients are told that the host is at fault, and no more.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The host is at fault. Clients are told that, and no more; the log has it.
    #[error("the host is at fault: {0}")]
    Internal(String),
}

/// One thing that is wrong with a flow's document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FaultView {
    /// What sort of fault it is, in kebab-case.
    pub code: String,
    /// What is wrong, as a sentence without its full stop.
    pub message: String,
    /// The line, from 1; left out for what does not stand in the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The character in the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A place where an input does not meet the flow's schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SchemaFaultView {
    /// Where in the input: a JSON pointer, empty for the whole.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

/// An active flow that would not run any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BrokenFlow {
    /// Which flow.
    #[schema(value_type = String)]
    pub flow: Kebab,
    /// Its active version.
    pub version: u32,
    /// Why; at most [`MAX_FAULTS_SHOWN`].
    pub faults: Vec<FaultView>,
}

/// A flow version that needs something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FlowNeed {
    /// Which flow.
    #[schema(value_type = String)]
    pub flow: Kebab,
    /// Which version of it.
    pub version: u32,
}

impl ServiceError {
    /// What sort of error it is, in kebab-case. The words stay what they are from version to version.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not-found",
            Self::Forbidden { .. } => "forbidden",
            Self::InvalidRequest(_) => "invalid-request",
            Self::TooLarge { .. } => "too-large",
            Self::TooMany { .. } => "too-many",
            Self::Faults { .. } => "flow-faults",
            Self::PluginRefused(_) => "plugin-refused",
            Self::InvalidInput(_) => "invalid-input",
            Self::BadLines { .. } => "bad-lines",
            Self::BadSignature(_) => "bad-signature",
            Self::VersionTaken { .. } => "version-taken",
            Self::FlowsWouldBreak { .. } => "flows-would-break",
            Self::PluginNeeded { .. } => "plugin-needed",
            Self::ActiveVersion { .. } => "active-version",
            Self::FlowNeeded { .. } => "flow-needed",
            Self::NotActive { .. } => "not-active",
            Self::LockGone { .. } => "lock-gone",
            Self::FlowBroken { .. } => "flow-broken",
            Self::DraftChanged { .. } => "draft-changed",
            Self::NotFinished => "not-finished",
            Self::Finished => "finished",
            Self::CutRun => "cut-run",
            Self::MaskedRun => "masked-run",
            Self::NodeGone(_) => "node-gone",
            Self::IdempotencyMismatch => "idempotency-mismatch",
            Self::IdempotencyRunning { .. } => "idempotency-running",
            Self::QueueFull { .. } => "queue-full",
            Self::Busy { .. } => "busy",
            Self::Draining { .. } => "draining",
            Self::Store(_) | Self::Internal(_) => "internal",
        }
    }

    /// There is no such thing.
    pub(crate) fn not_found(what: &'static str, name: impl fmt::Display) -> Self {
        Self::NotFound {
            what,
            name: name.to_string(),
        }
    }
}

impl From<Faults> for ServiceError {
    fn from(faults: Faults) -> Self {
        Self::Faults {
            faults: faults.iter().map(FaultView::from).collect(),
            total: faults.total(),
        }
    }
}

impl From<&Fault> for FaultView {
    fn from(fault: &Fault) -> Self {
        Self {
            code: fault.code.to_string(),
            message: fault.message.clone(),
            line: fault.place.map(|place| place.line),
            column: fault.place.map(|place| place.column),
            help: fault.help.clone(),
        }
    }
}

impl From<&SchemaFault> for SchemaFaultView {
    fn from(fault: &SchemaFault) -> Self {
        Self {
            path: fault.path.clone(),
            message: fault.message.clone(),
        }
    }
}

/// The names of flows, as a list in a sentence.
fn named(flows: &[FlowNeed]) -> String {
    let names = flows.iter().map(|need| need.flow.as_str());
    names.collect::<Vec<_>>().join(", ")
}
