//! What an editor is told of a document.
//!
//! Texts of documents and plugins are as they are: JSON carries them, and who shows them escapes them. Kinds of values are the
//! words of the format, types those of JSON Schema.

use lockgate_model::{Json, NodeKind, ValueKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::fault::{Fault, Faults};

/// What is known of a document, whether it can run or not.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct Examination {
    /// The flow's name, where it has a valid one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// What is wrong with it, in the order of the places; the first 100.
    pub faults: Vec<ExaminedFault>,
    /// How many faults there are, those that are left out included. None: it can run.
    pub total_faults: usize,
    /// Its nodes, in the document's order.
    pub nodes: Vec<ExaminedNode>,
    /// What flows from where to where: one for each reference of each expression, node by node (`when`, `each`, `in`), then
    /// those of `output` and of `labels`. The references `item` and `index` are none: they come with what `each` refers to.
    pub edges: Vec<ExaminedEdge>,
    /// Nodes, ports, edges or schemas were left out, because there are too many: nodes and ports, and edges,
    /// are told up to some 8 MiB each, and their schemas up to 4 MiB each.
    pub is_cut: bool,
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExaminedFault {
    /// What sort of fault it is: a word that stays what it is from version to version.
    #[schema(value_type = String)]
    pub code: &'static str,
    /// What is wrong, as a sentence without its full stop.
    pub message: String,
    /// The line in which it begins, from 1. None for what does not stand in the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The character in that line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// How many characters it has, line breaks included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A place in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExaminedPlace {
    /// The line in which it begins, from 1.
    pub line: usize,
    /// The character in that line, from 1.
    pub column: usize,
    /// How many characters it has, line breaks included.
    pub length: usize,
}

/// A node of a document.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExaminedNode {
    /// Its name, as the document writes it, also where that is no name.
    pub name: String,
    /// Where its name stands.
    pub place: ExaminedPlace,
    /// What it uses, where that can be read.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub uses: Option<String>,
    /// The plugin that the reference was resolved to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<ExaminedPlugin>,
    /// The role that it plays, where it is a plugin's node that was found.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<NodeKind>,
    /// What it does, in its author's words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Its ports are those under its configuration. Otherwise there is a fault, and the ports of a plugin's node that was
    /// found are those that it has under every configuration.
    pub configured: bool,
    /// What one call of it takes.
    pub inputs: Vec<ExaminedPort>,
    /// What it gives, as the expressions of other nodes see it: under `each`, lists.
    pub outputs: Vec<ExaminedPort>,
}

/// A plugin that a node's reference was resolved to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExaminedPlugin {
    /// Its full name: `publisher:name`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component, as hexadecimal digits.
    pub digest: String,
}

/// A port of a node.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExaminedPort {
    /// Its name.
    pub name: String,
    /// What it is for, in a line of its author's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// What travels over it: `text`, `json`, `binary` or `any`.
    #[schema(value_type = String)]
    pub kind: ValueKind,
    /// An input that has to be wired; an output that every successful call gives.
    pub required: bool,
    /// It may travel in parts.
    pub streaming: bool,
    /// The JSON Schema of the documents that travel over it.
    #[schema(value_type = Option<serde_json::Value>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Json>,
}

/// One reference of an expression: what it refers to, and what the expression's value is for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExaminedEdge {
    /// What it refers to.
    pub from: EdgeFrom,
    /// What the value is for.
    pub to: EdgeTo,
    /// Where the expression stands.
    pub expression: ExaminedPlace,
    /// Where the reference stands in it, the first time; the expression's place where that is not known.
    pub reference: ExaminedPlace,
    /// The value is handed over as it is. Otherwise the expression computes with it.
    pub hands_over: bool,
    /// It is piped: the parts reach the reader as they come. Known only where the document has no fault, because pipes are
    /// laid for a flow as a whole.
    pub streams: bool,
    /// What is known of what it refers to.
    pub gives: ExaminedType,
    /// What is known of what the value is for.
    pub takes: ExaminedType,
}

/// What a reference begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeSource {
    /// The run's input.
    Input,
    /// The variables.
    Vars,
    /// A node's output, or its `failure`.
    Node,
}

/// What a reference refers to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EdgeFrom {
    /// What it begins with.
    pub of: EdgeSource,
    /// The node's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The property of the input, the variable, or the node's output, where it names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// The way from there into the document, as the expression writes it: `items[0].name`. Empty for the whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
}

/// What an expression is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeTarget {
    /// An input of a node.
    In,
    /// Whether a node runs.
    When,
    /// The list that a node goes through.
    Each,
    /// An output of the flow.
    Output,
    /// A label of the flow's runs.
    Label,
}

/// What an expression's value is for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EdgeTo {
    /// What sort of thing it is for.
    pub of: EdgeTarget,
    /// The node's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The name of the node's input, or of the flow's output or label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
}

/// What is known of a value before it is there.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct ExaminedType {
    /// The kind: `text`, `json`, `binary` or `any`. None where nothing is known.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ValueKind>,
    /// The types that it can have as JSON, where it cannot have all: `null`, `boolean`, `number`, `string`, `array`, `object`.
    #[schema(value_type = Vec<String>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<&'static str>,
    /// The JSON Schema of it, where it is known and stands for itself.
    #[schema(value_type = Option<serde_json::Value>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Json>,
}

/// A text that is no document: faults, and nothing else.
impl From<&Faults> for Examination {
    fn from(faults: &Faults) -> Self {
        Self {
            faults: faults.iter().map(ExaminedFault::from).collect(),
            total_faults: faults.total(),
            ..Self::default()
        }
    }
}

impl From<&Fault> for ExaminedFault {
    fn from(fault: &Fault) -> Self {
        Self {
            code: fault.code.as_str(),
            message: fault.message.clone(),
            line: fault.place.map(|place| place.line),
            column: fault.place.map(|place| place.column),
            length: fault.place.map(|_| fault.length),
            help: fault.help.clone(),
        }
    }
}
