//! A document's text becomes a tree that knows the place of every value. What the values mean is not looked at here.

mod scalar;
mod tree;
mod yaml;

pub(crate) use tree::{Content, Entry, Tree};
pub(crate) use yaml::read;
pub use yaml::{MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_VALUES};
