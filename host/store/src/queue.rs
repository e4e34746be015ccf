//! The queue of accepted runs: durable, at least once, by priority and then in the order of acceptance.
//!
//! A run in it waits (`state` 0), was taken and is leased to an owner (1), or was given up and is a dead letter (2). When
//! it ends it leaves the queue, and is a row of `runs`; a dead letter has ended, and stays until it is removed.

mod accept;
mod claim;
mod dead;
mod end;
mod recover;
mod state;

pub use accept::{Accept, Accepted, QueuedRun};
pub use claim::ClaimedRun;
pub use dead::DeadRun;
pub use recover::Recovered;
pub use state::QueueState;

/// The lowest and the highest priority.
pub const PRIORITIES: std::ops::RangeInclusive<i32> = -10..=10;
