//! Alerts: rules over what is counted and over single runs, and who is told when one fires.
//!
//! Belongs here: rules and their sentences, when one fires, what is said of it and to whom. Does not belong here: what is
//! counted (the crate), how the past is kept ([`Past`] is a port), whose request it is to look at it.
//!
//! - A rule's condition is a sentence ([`grammar`]); a file has the rules and the receivers ([`config`]).
//! - Minutes and runs go through an [`Evaluator`], in the order of time: live by [`Alerts`], over the past by [`check`](mod@check). It
//!   reads no clock, so both find the same.
//! - What fires becomes a [`Notice`], and goes through the [`receivers`]' queues.
//!
//! Rules about minutes are looked at when a minute is over, so that a number that is half there is never judged; rules about
//! single runs when a run ended.

pub mod check;
pub mod condition;
pub mod config;
mod evaluate;
pub mod grammar;
mod live;
mod machine;
pub mod message;
mod moment;
mod past;
pub mod push;
mod quantity;
pub mod receivers;
mod replay;
mod rule;
mod secret;
mod state;
mod timeline;
mod window;

pub use condition::Condition;
pub use evaluate::{Evaluator, Event};
pub use live::{Alerts, RuleView};
pub use machine::{Change, Phase, Told};
pub use message::{Links, Logstore, Notice};
pub use moment::{Minute, Moment};
pub use past::{Answer, Ended, KnownSince, Minutes, Past, PastError, RunEnded, Series};
pub use quantity::{Comparison, Quantity, Unit};
pub use rule::{Rule, Severity};
pub use secret::Secret;
pub use state::{AlertState, FileState, StateError};
pub use timeline::{Passed, Timeline};
pub use window::Reading;

#[cfg(test)]
mod tests;
