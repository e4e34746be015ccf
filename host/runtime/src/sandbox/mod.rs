//! The sandbox: what surrounds one instance while it lives. It is made for one call and gone after it.

mod deadline;
mod logs;
mod meter;
mod state;
mod stop;
mod streams;
mod wasi;

pub(crate) use deadline::{OutOfTime, Ran, within};
pub(crate) use state::{Phase, State};
pub(crate) use stop::{Stop, why};
pub(crate) use streams::Streams;
pub(crate) use wasi::{add_to_linker, offers};
