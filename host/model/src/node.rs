//! What a plugin says of itself, after it was checked.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Ident, Json, Kebab, PluginName};

/// Which plugin a node comes from: enough to find the same bytes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginId {
    /// Publisher and name.
    pub name: PluginName,
    /// What the plugin says its version is.
    pub version: semver::Version,
    /// SHA-256 of the component's bytes, in lower-case hexadecimal.
    pub digest: Arc<str>,
}

/// A plugin's checked description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PluginInfo {
    /// What it calls itself.
    pub name: Kebab,
    /// Semantic Versioning 2.0.0.
    pub version: semver::Version,
    /// One line for people.
    pub summary: String,
    /// Its nodes; at least one, with different names.
    pub nodes: Vec<NodeInfo>,
}

/// A node's checked description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeInfo {
    /// Unique in the plugin.
    pub name: Kebab,
    /// One line for people.
    pub summary: String,
    /// The role that it plays in a flow.
    pub kind: NodeKind,
    /// The ports that it has under every configuration.
    pub ports: Ports,
    /// The JSON Schema (2020-12) of its configuration. It is the plugin's, and so hostile: evaluated in a sandbox only.
    pub config_schema: Json,
    /// Equal inputs and configuration give equal outputs.
    pub pure: bool,
}

/// A node's inputs and outputs, in the plugin's order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ports {
    /// What it takes.
    pub inputs: Vec<Port>,
    /// What it gives.
    pub outputs: Vec<Port>,
}

impl Ports {
    /// A copy that shares nothing with this one, names included: a clone of a name writes to the same reference count.
    pub fn copied(&self) -> Self {
        let copied = |ports: &[Port]| {
            let copied = ports.iter().map(|port| Port {
                name: port.name.copied(),
                ..port.clone()
            });
            copied.collect()
        };
        Self {
            inputs: copied(&self.inputs),
            outputs: copied(&self.outputs),
        }
    }

    /// The input of this name.
    pub fn input(&self, name: &str) -> Option<&Port> {
        self.inputs.iter().find(|port| port.name.as_str() == name)
    }

    /// The output of this name.
    pub fn output(&self, name: &str) -> Option<&Port> {
        self.outputs.iter().find(|port| port.name.as_str() == name)
    }
}

/// One input or output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Port {
    /// Unique among the node's inputs or outputs.
    pub name: Ident,
    /// One line for people.
    pub summary: String,
    /// What travels over it.
    pub kind: ValueKind,
    /// An input that a flow has to wire; an output that every successful call gives.
    pub required: bool,
    /// It may travel in parts.
    pub streaming: bool,
    /// The JSON Schema (2020-12) that a document here meets. The plugin's: evaluated in a sandbox only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Json>,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$variant => $word,)+ })
            }
        }
    };
}

words! {
    /// The role that a node plays in a flow.
    NodeKind {
        /// Renders its inputs into a prompt.
        Template = "template",
        /// Accepts its input unchanged or rejects it with the reason.
        Validator = "validator",
        /// Talks to a service outside the flow.
        Adapter = "adapter",
        /// Computes its outputs from its inputs.
        Transform = "transform",
    }
}

words! {
    /// What a port carries.
    ValueKind {
        /// UTF-8 text.
        Text = "text",
        /// A JSON document.
        Json = "json",
        /// Bytes with a media type.
        Binary = "binary",
        /// Any of the three.
        Any = "any",
    }
}

impl ValueKind {
    /// Whether a port of this kind carries a value of kind `value`.
    pub fn admits(self, value: ValueKind) -> bool {
        self == Self::Any || self == value
    }
}
