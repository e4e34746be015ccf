//! A JSON document on its way into an answer: as a tree where a run just made it, as text where the store had it. Neither
//! is turned into the other on the way.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value as Tree;
use serde_json::value::RawValue;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A JSON document on its way into an answer.
#[derive(Debug, Clone)]
pub enum Doc {
    /// As a tree.
    Tree(Arc<Tree>),
    /// As text that is known to parse.
    Text(Arc<RawValue>),
}

impl Doc {
    /// As a tree, whatever it is.
    pub fn to_tree(&self) -> Tree {
        match self {
            Self::Tree(tree) => (**tree).clone(),
            // What is stored was written by serde_json; should it be damaged all the same, nothing is said.
            Self::Text(text) => serde_json::from_str(text.get()).unwrap_or_default(),
        }
    }

    /// Text that is one JSON document.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        RawValue::from_string(text.to_owned()).ok().map(Self::from)
    }

    /// What serialises, as text.
    pub(crate) fn of(value: &impl Serialize) -> Option<Self> {
        let text = serde_json::value::to_raw_value(value).ok()?;
        Some(Self::Text(text.into()))
    }
}

impl From<Tree> for Doc {
    fn from(tree: Tree) -> Self {
        Self::Tree(Arc::new(tree))
    }
}

impl From<Box<RawValue>> for Doc {
    fn from(text: Box<RawValue>) -> Self {
        Self::Text(text.into())
    }
}

impl PartialEq for Doc {
    fn eq(&self, other: &Self) -> bool {
        self.to_tree() == other.to_tree()
    }
}

impl PartialSchema for Doc {
    fn schema() -> RefOr<Schema> {
        Tree::schema()
    }
}

impl ToSchema for Doc {}

impl Serialize for Doc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Tree(tree) => tree.serialize(serializer),
            Self::Text(text) => text.serialize(serializer),
        }
    }
}
