//! Test cases of a flow: what a run is given, and what has to come of it.
//!
//! Like a flow, they go through forms: a [`CaseDocument`] is what a document says, with the place of every word of it; a
//! [`Case`] is held against the flow's plan. Running one is [`crate::Engine::run`]: a case gives the request, a [`Course`]
//! is the journal, and the case judges how it ended.
//!
//! Belongs here: the format of cases, its checks and messages, the comparison.
//! Does not belong here: files, and showing what differs.

mod case;
mod check;
mod course;
mod document;
mod expect;
mod mismatch;

pub use case::Case;
pub use course::Course;
pub use document::CaseDocument;
pub use mismatch::{Mismatch, RunFailure};
