//! What is told of runs.

use lockgate_model::NodeReceipt;
use serde::{Serialize, Serializer};
use serde_json::Value as Tree;
use serde_json::value::RawValue;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::{Doc, Moment};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// It waits in the queue.
    Queued,
    /// It goes on.
    Running,
    /// It ended.
    Finished,
}

/// A run in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RunSummary {
    /// Its id: a UUID v7.
    pub run: Uuid,
    /// The flow; null for a document that came with the request.
    #[schema(value_type = Option<String>)]
    pub flow: Option<lockgate_model::Kebab>,
    /// The flow's version. Of a run that waits, only if one was asked for.
    pub version: Option<u32>,
    /// The revision of that version's lock.
    pub revision: Option<u32>,
    /// How far it is.
    pub state: RunState,
    /// How it ended: `ok`, `failed`, `rejected`, `trapped`, `denied` or `cancelled`. Null until then.
    #[schema(value_type = Option<String>)]
    pub outcome: Option<std::borrow::Cow<'static, str>>,
    /// What started it: `api`, `stream`, `queue`, `batch`, `webhook`, `chat` or `rerun`.
    #[schema(value_type = String)]
    pub trigger: std::borrow::Cow<'static, str>,
    /// The id of the key that started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Uuid>,
    /// The session that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The run that it repeats, or was started by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Uuid>,
    /// The batch that it is a line of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<Uuid>,
    /// Which line of the batch, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What the flow's labels were for its input: an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Doc>,
    /// When it was asked for.
    pub created_at: Moment,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Moment>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Moment>,
    /// How long it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
    /// Why it failed, in short. It may quote a guest: escape it.
    #[serde(rename = "reason", skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The trace that it belongs to: 32 hexadecimal digits. Left out for runs from before there were traces.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<lockgate_model::TraceId>,
    /// How often it was taken from the queue and lost with its host before.
    #[serde(skip_serializing_if = "is_zero")]
    pub lost_attempts: u32,
    /// Whether a value of it was too large to be kept whole. Such a run cannot be repeated.
    #[serde(skip_serializing_if = "is_false")]
    pub cut: bool,
    /// Whether a value of it was masked. Such a run cannot be repeated.
    #[serde(skip_serializing_if = "is_false")]
    pub masked: bool,
}

/// A run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RunView {
    /// What a list has of it too.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// What it gave, if it ended well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Doc>,
    /// Why it gave nothing, if it ended otherwise and was not cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RunErrorView>,
    /// What each node, and each element of an `each`, used until now, in the order of their ends; at most
    /// [`crate::runs::MAX_RECEIPTS`]. Where there are more, those of elements are left out first.
    pub receipts: Vec<ReceiptView>,
    /// How many receipts are left out.
    #[serde(skip_serializing_if = "is_zero_usize")]
    pub receipts_left_out: usize,
    /// How many runs are before it, if it waits in the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u64>,
}

/// Why a run gave nothing.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RunErrorView {
    /// The way to the node that failed, such as `chapters[3]/clean`. Left out where the flow itself did not hold, or the
    /// host did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The failure's kind, such as `rejected` or `timeout`. Left out where no node failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What happened. It may quote a guest: escape it.
    pub message: String,
    /// More of it, for programs, where the node gave that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Doc>,
}

/// What a node, or an element of it, used.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReceiptView {
    /// The nodes that run the sub-flow that the node belongs to, such as `chapters[3]`.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schema(value_type = String)]
    pub within: std::sync::Arc<str>,
    /// The node's name in its flow.
    #[schema(value_type = String)]
    pub node: std::sync::Arc<str>,
    /// Which element of an `each`, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// How it ended: `ok`, `pinned`, `failed`, `rejected`, `trapped`, `denied` or `cancelled`.
    #[schema(value_type = String)]
    pub outcome: std::borrow::Cow<'static, str>,
    /// What it used.
    pub receipt: ReceiptDoc,
}

/// A receipt, as a run just made it or as the store had it: attempts, cache hits, times in microseconds, fuel, bytes, tokens.
#[derive(Debug, Clone)]
pub enum ReceiptDoc {
    /// As it was made.
    Made(Box<NodeReceipt>),
    /// As it was kept.
    Kept(Box<RawValue>),
}

impl PartialSchema for ReceiptDoc {
    fn schema() -> RefOr<Schema> {
        Tree::schema()
    }
}

impl ToSchema for ReceiptDoc {}

impl Serialize for ReceiptDoc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Made(receipt) => receipt.serialize(serializer),
            Self::Kept(text) => text.serialize(serializer),
        }
    }
}

/// The course of one node in a run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NodeView {
    /// Which run.
    pub run: Uuid,
    /// The way to the node.
    pub node: String,
    /// The node as a whole.
    #[serde(flatten)]
    pub course: CourseView,
    /// Why it did not run: `when`, or `{"needs": node}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Doc>,
    /// Over how many elements, or batches of them, it goes, if it has `each`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elements_total: Option<u32>,
    /// Its elements, in their order; those that have begun.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elements: Vec<ElementView>,
    /// After which element the list goes on; left out where that was all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

/// The course of one element of a node.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ElementView {
    /// Which, from 0.
    pub index: u32,
    /// What happened.
    #[serde(flatten)]
    pub course: CourseView,
}

/// What happened at a node, or at an element of it.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct CourseView {
    /// How it ended; null while it goes on, and if it was skipped.
    pub outcome: Option<String>,
    /// What it gave: an object of ports and values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Doc>,
    /// Why it gave nothing: `kind`, `message` and what else is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Doc>,
    /// What all its attempts used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Doc>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// Its attempts, in their order; the last [`crate::runs::MAX_ATTEMPTS`] of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptView>,
}

/// One attempt.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct AttemptView {
    /// Which, from 1; 0 where none was needed.
    pub attempt: u32,
    /// When it began: RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// The inputs that were there whole: an object of ports and values. Piped inputs are not among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Doc>,
    /// What it sent in parts: an object of ports, each text joined, or a list of documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<Doc>,
    /// What it wrote to the log; the last [`crate::runs::MAX_LOG_LINES`] lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogView>,
    /// Why it failed, if another attempt came after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Doc>,
    /// How long the next attempt was put off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_us: Option<u64>,
}

/// A line of a node's log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LogView {
    /// When it was written: RFC 3339.
    pub at: String,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The node's text: escape it.
    pub line: String,
}

/// A run that was told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Cancelled {
    /// Which run.
    pub run: Uuid,
    /// How far it was: `queued` runs are over at once, `running` ones end in a moment.
    pub state: RunState,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn is_zero_usize(count: &usize) -> bool {
    *count == 0
}
