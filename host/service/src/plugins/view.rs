//! What is told of plugins.

use lockgate_model::{Kebab, PluginName};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Moment;

/// A plugin and its versions.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PluginView {
    /// `publisher:name`.
    pub plugin: String,
    /// The version that was made active last; null: none was.
    pub active: Option<String>,
    /// Its versions, the newest first.
    pub versions: Vec<PluginVersionView>,
}

/// A plugin in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PluginSummary {
    /// `publisher:name`.
    pub plugin: String,
    /// The version that was made active last; null: none was.
    pub active: Option<String>,
    /// All of its versions, the newest first.
    pub versions: Vec<String>,
    /// What it says of itself in one line, in its active or else its newest version.
    pub summary: String,
    /// The names of the nodes of that version.
    pub nodes: Vec<String>,
}

/// One version of a plugin.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PluginVersionView {
    /// `publisher:name`.
    pub plugin: String,
    /// Semantic Versioning 2.0.0.
    pub version: String,
    /// Over the component's bytes: `sha256:…`.
    pub digest: String,
    /// The component's size in bytes.
    pub bytes: u64,
    /// What it says of itself in one line.
    pub summary: String,
    /// Its nodes as it describes them: name, summary, kind, ports, the schema of its configuration, whether it is pure.
    #[schema(value_type = Vec<Object>)]
    pub nodes: serde_json::Value,
    /// The interfaces that it imports: what it may ever ask the host for.
    pub imports: Vec<String>,
    /// Those of its imports that do nothing before an operator grants them.
    pub asks: Vec<String>,
    /// When it was uploaded.
    pub uploaded_at: Moment,
    /// Who uploaded it: a key's name.
    pub uploaded_by: String,
    /// Whether it is the version that was made active last.
    pub active: bool,
    /// Whether it was ever made active, and so is a candidate for references that admit it.
    pub candidate: bool,
}

/// How a plugin is uploaded.
#[derive(Debug, Clone, Copy, Default)]
pub struct Upload {
    /// Whether it is made active. None: as the host is configured.
    pub activate: Option<bool>,
    /// Whether a version that is there with other bytes is replaced. For the watcher of a developer's folder only.
    pub replace: bool,
}

/// What came of an upload.
#[derive(Debug, Clone)]
pub enum Uploaded {
    /// It is there.
    Done(Box<UploadDone>),
    /// It is still being compiled: ask for its status.
    Compiling(Uuid),
}

/// An upload that is there.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UploadDone {
    /// What was uploaded.
    pub plugin: PluginVersionView,
    /// Whether it was new. What was there already with the same bytes is not.
    pub created: bool,
    /// What making it active changed, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// How far an upload is.
#[derive(Debug, Clone)]
pub enum UploadStatus {
    /// It is being compiled.
    Compiling,
    /// It is there.
    Done(Box<UploadDone>),
    /// It was refused, as [`crate::Plugins::upload`] would have said.
    Refused(crate::ServiceError),
}

/// What making a version active changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Activation {
    /// The plugin, `publisher:name`, or the flow.
    pub subject: String,
    /// The version that is active now.
    pub version: String,
    /// The version that was active before; null: none was.
    pub before: Option<String>,
    /// The active flows that have another lock now.
    pub flows: Vec<Reresolved>,
}

/// A flow that has another lock now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reresolved {
    /// Which flow.
    #[schema(value_type = String)]
    pub flow: Kebab,
    /// Its active version.
    pub version: u32,
    /// The version's lock in force: counts from 1.
    pub revision: u32,
    /// The lock in force before; null: the version had none.
    pub before: Option<u32>,
}

/// A plugin's name with its publisher, who is never left out where programs read it.
pub(crate) fn full_name(name: &PluginName) -> String {
    format!("{}:{}", name.publisher, name.name)
}
