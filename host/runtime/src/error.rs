//! Why a plugin is not loaded, and why a runtime does not start.

use lockgate_model::{CallError, Limit};

use crate::compile::{CacheError, CompileError};

/// Why a plugin is not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Too many bytes.
    #[error("the component has {bytes} bytes; {most} is the most")]
    TooLarge {
        /// What it has.
        bytes: usize,
        /// What it may have.
        most: usize,
    },
    /// The bytes are not WebAssembly.
    #[error("this is not WebAssembly: a plugin is a component, a file that starts with `\\0asm`")]
    NotWasm,
    /// A core module, which lacks the types at its border.
    #[error(
        "this is a core module, not a component: make one of it with `wasm-tools component new`"
    )]
    CoreModule,
    /// Damaged or cut, or it uses what this host turned off.
    #[error("this is not a valid component: {0}")]
    Invalid(String),
    /// It exports no version of the contract that this host serves.
    #[error(
        "this component is no plugin: it does not export `lockgate:node/plugin@0.1.0` (it exports: {exports})"
    )]
    NoContract {
        /// What it exports.
        exports: String,
    },
    /// It imports what no plugin is offered.
    #[error("the component imports what no plugin is offered: {imports}")]
    NotOffered {
        /// What is not offered.
        imports: String,
    },
    /// An import or export has the right name and the wrong type.
    #[error("the component does not fit the contract: {0}")]
    WrongType(String),
    /// It was not compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// Its `describe` did not end well.
    #[error("the plugin does not say what it is: `describe` {0}")]
    Describe(CallError),
    /// What it says of itself is wrong: every fault, each as a sentence.
    #[error("what the plugin says of itself is wrong:\n  - {}", .0.join("\n  - "))]
    Malformed(Vec<String>),
}

/// Why a runtime does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A limit is wider than any host can give.
    #[error("the default limit on {limit} is {asked}{unit}; {most}{unit} is the most", unit = limit.unit())]
    Limit {
        /// Which limit.
        limit: Limit,
        /// What was asked for.
        asked: u64,
        /// What a host can give.
        most: u64,
    },
    /// wasmtime does not start: too few addresses, a processor that it does not know.
    #[error("the sandbox does not start: {0}")]
    Engine(String),
    /// The threads do not start.
    #[error("the guest threads do not start: {0}")]
    Threads(std::io::Error),
    /// The cache of compiled components cannot be used.
    #[error("the cache of compiled components cannot be used: {0}")]
    Cache(CacheError),
}
