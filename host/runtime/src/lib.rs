//! Runs one call of one node in one sandbox. The only crate that knows wasmtime.
//!
//! Belongs here: compiling components, asking them what they are, and everything that surrounds an instance while it
//! lives: its limits, its deadline, what it may call. Does not belong here: flows, HTTP, storage.
//!
//! The way of a plugin: [`Runtime::load`] looks at its outside (`scan`), compiles it in a child process or finds it in the
//! cache (`compile`), ties it to its version of the contract (`contract`), and asks it what it is (`describe`). The way of
//! a call: [`lockgate_model::NodeRunner::run`] waits for a place (`host`), makes a store with its limits (`sandbox`),
//! instantiates and calls (`contract`), and holds what came out against the node's ports (`call`).

mod answers;
mod call;
mod catalog;
mod compile;
mod config;
mod contract;
mod describe;
mod engine;
mod error;
mod host;
mod loaded;
mod node;
mod plugin;
mod runtime;
mod sandbox;
mod scan;
mod schemas;
mod threads;

pub use catalog::{Catalog, NotLoaded, NotLoadedReason};
pub use compile::{CacheError, CompileError, CompilerConfig, compile_component};
pub use config::RuntimeConfig;
pub use error::{LoadError, StartError};
pub use plugin::Plugin;
pub use runtime::Runtime;
