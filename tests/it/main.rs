//! Lockgate from outside, room by room: each module here is about one promise of the house, and none reaches behind a
//! public interface.

mod command;
mod compile;
mod contract;
mod documents;
mod fairness;
mod flows;
mod hostile;
mod offline;
mod sandbox;
mod server;
mod server_commands;
mod streaming;
mod support;
mod terminal;
mod wasi;
