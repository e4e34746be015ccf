//! What the author of a Lockgate node in Rust uses.
//!
//! A node is a function. Its parameters are its inputs and its configuration, what it returns are its outputs, and its
//! doc comments are what people read when they choose it: [`node`] makes of them the description that a host asks for,
//! schemas included. [`plugin!`] makes a component of one or more nodes.
//!
//! ```
//! use lockgate_sdk::prelude::*;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Options {
//!     /// How often to say it.
//!     #[serde(default = "once")]
//!     times: u8,
//! }
//!
//! fn once() -> u8 {
//!     1
//! }
//!
//! /// Says a text several times.
//! #[node(transform, pure, output(text = "The text, repeated."))]
//! fn repeat(
//!     /// What to say.
//!     text: String,
//!     options: Config<Options>,
//! ) -> Result<String> {
//!     if text.is_empty() {
//!         return Err(Failure::invalid_input("there is nothing to say: the input `text` is empty"));
//!     }
//!     Ok(text.repeat(options.times.into()))
//! }
//!
//! lockgate_sdk::plugin! {
//!     name: "parrot",
//!     summary: "Says things again.",
//!     nodes: [repeat],
//! }
//!
//! // The function is still a function, and the plugin can be called as a host calls it.
//! assert_eq!(repeat("ha".into(), Config(Options { times: 2 })), Ok("haha".into()));
//! let outcome = lockgate_sdk::testing::call(&PLUGIN, "repeat")
//!     .config(serde_json::json!({ "times": 3 }))
//!     .input("text", "ha")
//!     .run();
//! assert_eq!(outcome.output("text"), Some(&"hahaha".into()));
//! ```
//!
//! | to | use |
//! | --- | --- |
//! | take and give values | `String`, [`Json`], [`Blob`], [`Value`]; `Option` of one; [`Outputs`] for several |
//! | take and give them in parts | [`Parts`], [`Emit`] |
//! | be configured | [`Config`], and [`Configure`] for what is checked or compiled, or adds ports |
//! | fail | [`Failure`] |
//! | write to the log | [`log`](mod@log) |
//! | reach a service | [`http`] |
//! | know the call | [`CallInfo`] |
//! | test | [`testing`] |
//!
//! A component imports what it uses of the host and nothing else. What is random, what the time is and what is on a disk
//! are not among it.

// What macros make names this crate by its name, and some of it stands in this crate.
extern crate self as lockgate_sdk;

#[doc(hidden)]
pub mod bindings;
mod config;
mod failure;
mod host;
pub mod http;
pub mod log;
#[cfg(target_arch = "wasm32")]
#[expect(
    unsafe_code,
    reason = "an allocator hands out memory, and says where it has it from"
)]
mod memory;
mod names;
mod node;
mod outputs;
mod param;
mod plugin;
mod port;
mod schema;
mod stream;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod value;

pub use bindings::lockgate::node::types::{NodeInfo, PluginInfo};
pub use config::{Config, Configure};
pub use failure::{Failure, FailureKind, Result};
pub use log::Level;
pub use names::port_name_fault;
pub use node::{Node, NodeKind};
pub use outputs::{Output, Outputs};
pub use param::{CallInfo, Param};
pub use plugin::Plugin;
pub use port::{Port, Ports};
pub use schema::Direction;
pub use stream::{Emit, Parts};
pub use value::{Blob, Json, PortType, Value, ValueKind, Values};

/// Makes a function a node.
///
/// ```text
/// #[node(KIND, pure, name = "NAME", output(PORT = "SUMMARY"))]
/// ```
///
/// - `KIND` is `transform` (computes), `template` (renders a prompt), `validator` (accepts unchanged or rejects) or
///   `adapter` (talks to a service).
/// - `pure` says that equal inputs and configuration give equal outputs, so that a host may reuse them. A panic in a
///   node that is not pure writes its message to the run's log; in a pure one it is a trap with a backtrace, because the
///   line would be the only thing that its component asks of a host.
/// - `name` is the node's name where it is not the function's, written in kebab-case.
/// - `output` says that what the function returns is the value of this one port. Without it the function returns
///   [`Outputs`].
///
/// The first paragraph of a doc comment is a summary: on the function the node's, on a parameter the input's.
/// `#[port(name)]` on a parameter gives its port another name. [`Param`] lists what a parameter can be.
pub use lockgate_sdk_macros::node;

/// Makes the fields of a struct the outputs of a node: implements [`trait@Outputs`].
pub use lockgate_sdk_macros::Outputs;

/// What a file with nodes starts with: `use lockgate_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Blob, CallInfo, Config, Configure, Emit, Failure, Json, Outputs, Parts, Port, Ports,
        Result, Value, Values, http, log, node,
    };
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
}

/// For the macros. No promise is made about it.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings;
    pub use crate::names::{node_name, port_name};
    pub use crate::node::{Description, Incoming, ParamSpec};
    pub use crate::plugin::NodeEntry;
    pub use wit_bindgen;
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
