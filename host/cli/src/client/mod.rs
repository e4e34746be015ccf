//! Commands that talk to a server, and the connection that they do it over.
//!
//! Belongs here: requests, answers, and how both are shown. Does not belong here: what a server does. Everything that comes
//! from a server is bounded, and escaped before a terminal shows it; a key is never shown.

pub(crate) mod alerts;
mod connection;
mod events;
mod fault;
pub(crate) mod logs;
mod problem;
pub(crate) mod push;
pub(crate) mod rerun;
pub(crate) mod runs;
pub(crate) mod stats;

pub(crate) use connection::{Answer, Connection};
