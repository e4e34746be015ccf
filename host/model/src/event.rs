//! What happens in a run, in order.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Tree};

use crate::{CallError, Ident, Kebab, LogLevel, NodeReceipt, Outputs, TraceId, Value};

/// The version of the envelope that [`Recorded`] is.
pub const EVENT_VERSION: u32 = 1;

/// Which node of a run something happened at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct At {
    /// The nodes that run the sub-flow which the node belongs to, the outermost first, such as `chapters[3]/clean`. Empty
    /// for the nodes of the run's own flow.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub within: Arc<str>,
    /// The node's name in its flow.
    pub node: Ident,
    /// Which element, or batch of elements, of an `each`, from 0. None for what concerns the node as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
}

/// The way to the node: `chapters[3]/clean`.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.within.is_empty() {
            write!(f, "{}/", self.within)?;
        }
        write!(f, "{}", self.node)?;
        match self.index {
            Some(index) => write!(f, "[{index}]"),
            None => Ok(()),
        }
    }
}

/// Something that happened in a run. A node with `each` starts and finishes as a whole, and in between each of its
/// elements does, with an `index`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type")]
pub enum RunEvent {
    /// The run began.
    #[serde(rename = "run.started")]
    RunStarted {
        /// The flow's name.
        flow: Kebab,
        /// The run's checked input.
        input: Arc<Tree>,
        /// The variables that were asked for, over the flow's defaults.
        #[serde(skip_serializing_if = "Map::is_empty")]
        vars: Map<String, Tree>,
        /// What the flow's `labels` gave for this input.
        #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_map")]
        labels: Vec<(Ident, Value)>,
        /// The trace that it belongs to; None where nobody traces.
        #[serde(skip_serializing_if = "Option::is_none")]
        trace_id: Option<TraceId>,
    },
    /// An attempt at a node, or at an element of it, began: it was admitted.
    #[serde(rename = "node.started")]
    NodeStarted {
        /// Which node.
        #[serde(flatten)]
        at: At,
        /// 1 at the first attempt.
        attempt: u32,
        /// The inputs that were there whole. A piped input is not among them.
        #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_map")]
        inputs: Vec<(Ident, Value)>,
        /// How many elements, or batches of them, a node with `each` goes through.
        #[serde(skip_serializing_if = "Option::is_none")]
        elements: Option<u32>,
    },
    /// A node sent a part of a streaming output.
    #[serde(rename = "node.part")]
    NodePart {
        /// Which node.
        #[serde(flatten)]
        at: At,
        /// The attempt that sent it.
        attempt: u32,
        /// The output.
        port: Ident,
        /// The part; several that piled up are joined.
        part: Value,
    },
    /// A node wrote a line to the log.
    #[serde(rename = "node.log")]
    NodeLog {
        /// Which node.
        #[serde(flatten)]
        at: At,
        /// The attempt that wrote it.
        attempt: u32,
        /// How much it matters.
        level: LogLevel,
        /// The node's text: escape it.
        line: String,
    },
    /// An attempt failed, and there will be another.
    #[serde(rename = "node.retrying")]
    NodeRetrying {
        /// Which node.
        #[serde(flatten)]
        at: At,
        /// The attempt that failed.
        attempt: u32,
        /// Why.
        error: Arc<CallError>,
        /// How long the next one is put off.
        #[serde(rename = "delay_us", serialize_with = "micros")]
        delay: Duration,
    },
    /// A node did not run, and that is no failure.
    #[serde(rename = "node.skipped")]
    NodeSkipped {
        /// Which node.
        #[serde(flatten)]
        at: At,
        /// Why it did not.
        reason: SkipReason,
    },
    /// A node, or an element of it, came to its end.
    #[serde(rename = "node.finished")]
    NodeFinished {
        /// Which node.
        #[serde(flatten)]
        at: At,
        /// How it ended.
        #[serde(flatten)]
        outcome: NodeOutcome,
        /// What all its attempts used.
        receipt: NodeReceipt,
    },
    /// The run ended.
    #[serde(rename = "run.finished")]
    RunFinished {
        /// How it ended.
        #[serde(flatten)]
        outcome: RunOutcome,
    },
}

impl RunEvent {
    /// The node that it concerns, if it is one's.
    pub fn at(&self) -> Option<&At> {
        match self {
            Self::NodeStarted { at, .. }
            | Self::NodePart { at, .. }
            | Self::NodeLog { at, .. }
            | Self::NodeRetrying { at, .. }
            | Self::NodeSkipped { at, .. }
            | Self::NodeFinished { at, .. } => Some(at),
            Self::RunStarted { .. } | Self::RunFinished { .. } => None,
        }
    }
}

/// Why a node did not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// Its `when` was false.
    When,
    /// It needs an output of this node, which was skipped or failed.
    Needs(Ident),
}

/// How a node, or an element of it, ended.
#[derive(Debug, Clone)]
pub enum NodeOutcome {
    /// It gave its outputs.
    Ok(Outputs),
    /// Its outputs were given to the run instead of being computed.
    Pinned(Outputs),
    /// It gave none.
    Failed(Arc<CallError>),
    /// It was ended: by the end of the run, or because nobody read it any more.
    Cancelled,
}

impl NodeOutcome {
    /// The word for it that metrics and traces have: `ok`, `rejected`, `failed`, `trapped`, `denied`, `cancelled` or
    /// `pinned`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok(_) => "ok",
            Self::Pinned(_) => "pinned",
            Self::Failed(error) => error.outcome(),
            Self::Cancelled => "cancelled",
        }
    }
}

/// `outcome`, and `outputs` or `error` beside it.
impl Serialize for NodeOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("outcome", self.word())?;
        match self {
            Self::Ok(outputs) | Self::Pinned(outputs) => {
                map.serialize_entry("outputs", &AsMap(outputs))?;
            }
            Self::Failed(error) => map.serialize_entry("error", error)?,
            Self::Cancelled => {}
        }
        map.end()
    }
}

/// How a run ended.
#[derive(Debug, Clone)]
pub enum RunOutcome {
    /// With this output.
    Ok(Arc<Tree>),
    /// Because this node failed.
    Failed {
        /// The way to the node.
        node: At,
        /// Why it failed.
        error: Arc<CallError>,
    },
    /// Because the flow itself did not hold: an expression failed, or what the run held or gave was too large.
    Broken {
        /// What and where, as a sentence. It may quote a document or a node: escape it.
        reason: Arc<str>,
    },
    /// It was cancelled.
    Cancelled,
}

impl RunOutcome {
    /// The word for it that metrics and traces have: `ok`, `failed` or `cancelled`, or a failed node's own.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok(_) => "ok",
            Self::Failed { error, .. } => error.outcome(),
            Self::Broken { .. } => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// `outcome`, and `output`, `node` and `error`, or `reason` beside it.
impl Serialize for RunOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("outcome", self.word())?;
        match self {
            Self::Ok(output) => map.serialize_entry("output", output)?,
            Self::Failed { node, error } => {
                map.serialize_entry("node", &node.to_string())?;
                map.serialize_entry("error", error)?;
            }
            Self::Broken { reason } => map.serialize_entry("reason", reason)?,
            Self::Cancelled => {}
        }
        map.end()
    }
}

/// An event in its envelope.
#[derive(Debug, Clone, Serialize)]
pub struct Recorded {
    /// [`EVENT_VERSION`].
    pub v: u32,
    /// The run's name among all runs.
    pub run: Arc<str>,
    /// Counts up from 1, without a gap.
    pub seq: u64,
    /// When it happened. As JSON: RFC 3339, in UTC, to the microsecond.
    #[serde(rename = "at", serialize_with = "rfc3339")]
    pub time: SystemTime,
    /// What happened.
    #[serde(flatten)]
    pub event: Arc<RunEvent>,
}

/// Where the events of a run are written. Writing never waits: what has to wait happens behind it.
pub trait Journal: Send + Sync {
    /// Writes one event of this journal's run, after those before it.
    fn record(&self, event: RunEvent);

    /// Whether a run that is cancelled now has not come to its end, because it begins anew later.
    fn begins_anew(&self) -> bool {
        false
    }
}

struct AsMap<'a>(&'a [(Ident, Value)]);

impl Serialize for AsMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        as_map(self.0, serializer)
    }
}

fn as_map<S: Serializer>(values: &[(Ident, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(values.iter().map(|(name, value)| (name, value)))
}

fn micros<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_micros(*time))
}
