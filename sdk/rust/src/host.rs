//! What the host offers: its functions in the sandbox, and a stand-in everywhere else.
//!
//! Each function is imported by a component only if the component calls it, so nothing here may call two of them.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod stand_in;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use stand_in::{Response, emit, log, next, send};

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::bindings::lockgate::node::{
    http::{Response, send},
    log::log,
    streaming::{emit, next},
};
