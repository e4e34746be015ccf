//! What the rooms of Lockgate talk about: names, values, nodes, limits, receipts, errors, the events of a run, and the
//! ports (traits) through which one room calls another.
//!
//! Belongs here: types that two rooms share, and checks that need nothing but the value itself.
//! Does not belong here: input and output, threads, clocks, wasmtime, tokio. Everything here is plain data or a trait.

mod call;
mod error;
mod escape;
mod event;
mod failure;
mod json;
mod limits;
mod name;
mod node;
mod ports;
mod range;
mod receipt;
mod telemetry;
mod trace;
mod value;

pub use call::{Call, CallEnd, CallSink, Input, LogLevel, Outputs, PartReader, Quiet};
pub use error::{Breach, CallError, Exhausted, FlowFailed, Frame, HostFault, Trap};
pub use escape::{escape_into, escaped, escaped_lines};
pub use event::{
    At, EVENT_VERSION, Journal, NodeOutcome, Recorded, RunEvent, RunOutcome, SkipReason,
};
pub use failure::{Failure, FailureKind};
pub use json::{Elements, InvalidJson, Json, MAX_JSON_DEPTH};
pub use limits::{Limit, Limits, NarrowLimits, TooWide};
pub use name::{Ident, InvalidName, InvalidNodeRef, Kebab, NodeRef, PluginName, RESERVED};
pub use node::{NodeInfo, NodeKind, PluginId, PluginInfo, Port, Ports, ValueKind};
pub use ports::{
    CacheKey, Clock, ConfigureError, Node, NodeCatalog, NodeRunner, OutputCache, SchemaFault,
    UnknownNode,
};
pub use range::{InvalidRange, VersionRange};
pub use receipt::{NodeReceipt, Receipt, Usage};
pub use telemetry::{CountedFlow, CountedNode, FlowOrigin, FlowSeries, NodeFinished, Telemetry};
pub use trace::TraceId;
pub use value::{Blob, Joiner, Value};
