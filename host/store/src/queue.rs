//! The queue of accepted runs: durable, at least once, by priority and then in the order of acceptance.

mod accept;
mod claim;
mod dead;
mod recover;
mod state;

pub use accept::{Accept, Accepted, QueuedRun};
pub use claim::ClaimedRun;
pub use dead::DeadRun;
pub use recover::Recovered;
pub use state::QueueState;

/// The lowest and the highest priority.
pub const PRIORITIES: std::ops::RangeInclusive<i32> = -10..=10;
