//! What is told of flows.

use lockgate_model::Kebab;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::Moment;
use crate::plugins::Reresolved;

/// How the text of a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

/// How a document is saved.
#[derive(Debug, Clone, Copy)]
pub struct Put {
    /// Whether its version becomes the active one.
    pub activate: bool,
    /// How its text is written. None: it is looked at.
    pub format: Option<Format>,
}

/// What came of saving a document.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Saved {
    /// Which flow.
    #[schema(value_type = String)]
    pub flow: Kebab,
    /// The version that the document is.
    pub version: u32,
    /// Over what the document means: `sha256:…`.
    pub digest: String,
    /// Whether the version is new. A document that means what a version means is that version.
    pub created: bool,
    /// Whether it is the flow's active version now.
    pub active: bool,
    /// What its references resolve to.
    pub lock: LockView,
    /// The active flows that have another lock now, this one included.
    pub flows: Vec<Reresolved>,
}

/// A flow in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FlowSummary {
    /// Its name.
    #[schema(value_type = String)]
    pub flow: Kebab,
    /// The active version; null: none is.
    pub active: Option<u32>,
    /// The newest version.
    pub newest: u32,
    /// What the active version says that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether chat clients can talk to it.
    pub chat: bool,
    /// Why it does not run on this host, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// When its first version was saved.
    pub created_at: Moment,
    /// When its newest version was saved.
    pub updated_at: Moment,
}

/// One flow: its active version, or its newest where none is active.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FlowView {
    /// What its line in the list says.
    #[serde(flatten)]
    pub summary: FlowSummary,
    /// The JSON Schema of a run's input, where the active version has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub input: Option<serde_json::Value>,
    /// The names of the active version's outputs.
    pub outputs: Vec<String>,
    /// The version.
    pub version: FlowVersionView,
}

/// One version of a flow.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FlowVersionView {
    /// Which flow.
    #[schema(value_type = String)]
    pub flow: Kebab,
    /// Counts from 1.
    pub version: u32,
    /// Over what the document means: `sha256:…`.
    pub digest: String,
    /// Whether it is the active version.
    pub active: bool,
    /// How the text is written.
    pub format: Format,
    /// The document; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its last lock; left out in lists, and where it never had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockView>,
    /// When it was saved.
    pub created_at: Moment,
    /// Who saved it: a key's name.
    pub created_by: String,
}

/// What the references of a flow version resolve to.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LockView {
    /// Counts from 1 for each flow version.
    pub revision: u32,
    /// Over the lock: `sha256:…`. Equal locks have equal digests.
    pub digest: String,
    /// What it says.
    #[serde(flatten)]
    pub lock: Lock,
    /// Why it came.
    pub cause: Cause,
}

/// A lock, and which version's it is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct VersionLock {
    /// The flow's version.
    pub version: u32,
    /// Its lock.
    #[serde(flatten)]
    pub lock: LockView,
}

/// What references resolve to. In the order of the nodes' names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lock {
    /// The nodes that run other flows.
    pub flows: Vec<LockedFlow>,
    /// The nodes of plugins.
    pub nodes: Vec<LockedNode>,
}

/// What a node of a plugin resolves to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct LockedNode {
    /// The node's name in the flow.
    pub node: String,
    /// What its `use` says.
    #[serde(rename = "use")]
    pub uses: String,
    /// `publisher:name`.
    pub plugin: String,
    /// The plugin's version.
    pub version: String,
    /// Over the component's bytes: `sha256:…`.
    pub digest: String,
}

/// What a node that runs a flow resolves to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct LockedFlow {
    /// The node's name in the flow.
    pub node: String,
    /// What its `use` says.
    #[serde(rename = "use")]
    pub uses: String,
    /// The flow.
    pub flow: String,
    /// The flow's version.
    pub version: u32,
    /// The digest of that version's lock.
    pub lock: String,
}

/// Why a lock came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cause {
    /// What happened.
    pub kind: CauseKind,
    /// To what: `lockgate:text@1.2.0`, or `poem@3`.
    pub subject: String,
    /// Who did it: a key's name.
    pub by: String,
    /// When.
    #[serde(deserialize_with = "moment")]
    pub at: Moment,
}

/// Reads a moment as it is told.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time = humantime::parse_rfc3339(&text).map_err(D::Error::custom)?;
    Ok(Moment::of(time))
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// The document was saved.
    Saved,
    /// A version of a plugin was made active.
    PluginActive,
    /// A version of a flow was made active.
    FlowActive,
    /// A version of a plugin was replaced, as the watcher of a developer's folder does.
    PluginReplaced,
}

/// What is different between two versions of a flow.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DiffView {
    /// The older side.
    pub from: u32,
    /// The newer side.
    pub to: u32,
    /// The texts, as a unified diff; empty where they are equal.
    pub text: String,
    /// Whether they mean the same.
    pub same: bool,
    /// The nodes whose last locks say different things.
    pub lock: Vec<LockChange>,
}

/// A node that resolves to something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LockChange {
    /// The node's name in the flow.
    pub node: String,
    /// What it resolved to, such as `lockgate:text@1.2.0` or `poem@3`; null: there was no such node.
    pub before: Option<String>,
    /// What it resolves to; null: there is no such node any more.
    pub after: Option<String>,
}

/// A draft.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DraftView {
    /// Which flow it is for.
    #[schema(value_type = String)]
    pub flow: Kebab,
    /// The text. It may have faults, or be no document at all.
    pub text: String,
    /// Changes with each writing.
    pub etag: String,
    /// When it was written.
    pub updated_at: Moment,
    /// Who wrote it: a key's name.
    pub updated_by: String,
}

/// What a writer of a draft saw before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// No draft: `If-None-Match: *`.
    Nothing,
    /// This one: `If-Match: "etag"`.
    This(String),
    /// Any draft: `If-Match: *`.
    Any,
}
