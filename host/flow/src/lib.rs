//! Reads, checks, plans and runs flows.
//!
//! A flow goes through three forms, and each can only be made from the one before:
//!
//! 1. [`FlowDocument`]: what a document says, with the place of every word of it.
//! 2. [`Plan`]: the document checked against the nodes that are there; immutable, shared by its runs.
//! 3. a run: [`Engine::run`].
//!
//! [`examine`] goes the way of a plan for an editor, and tells what it saw of a document that has faults, too.
//!
//! Beside a flow stands a [`CaseDocument`]: inputs, and what a run of each has to come to.
//!
//! Belongs here: the format, its checks and messages, expressions, the order of a run.
//! Does not belong here: sandboxes, storage, the network. Nodes, journals, time, caches and whoever counts come in through
//! the ports of `lockgate_model`.

mod cases;
mod coerce;
mod document;
mod engine;
mod excerpt;
mod expression;
mod fault;
mod journal;
mod plan;
mod read;
mod run;
mod schema;
mod source;

pub use cases::{Case, CaseDocument, Course, Mismatch, RunFailure};
pub use coerce::input_value;
pub use document::{Detour, FlowDocument, InvalidOverride, Overridable, Override, Uses};
pub use engine::{Engine, EngineConfig, HostClock, MemoryCache, RunRequest};
pub use expression::{
    ExpressionError, MAX_EXPRESSION_BYTES, MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_OPERATORS,
    MAX_EXPRESSION_WORK, MAX_OPENED_BYTES,
};
pub use fault::{Code, Fault, Faults, MAX_FAULTS};
pub use journal::{
    CUT_MARK, Follower, MAX_JOURNAL_BYTES, MAX_VALUE_BYTES, RunJournal, document_bytes,
};
pub use plan::{
    ChatTakes, EdgeFrom, EdgeSource, EdgeTarget, EdgeTo, Examination, ExaminedEdge, ExaminedFault,
    ExaminedNode, ExaminedPlace, ExaminedPlugin, ExaminedPort, ExaminedType, FlowCatalog,
    MAX_FLOW_DEPTH, NoFlows, Plan, PlanNode, examine, plan,
};
pub use read::{MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_VALUES};
pub use run::{MAX_HELD_BYTES, MAX_OUTPUT_BYTES, MAX_RUNNING, RunError, Site};
pub use schema::{
    MAX_EXPANDED_DEPTH, MAX_EXPANDED_SCHEMAS, MAX_PATTERN_BYTES, MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH,
};
pub use source::Place;
