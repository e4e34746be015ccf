//! Runs: what is kept of them.

mod ended;
mod filter;
mod finish;
pub(crate) mod row;

pub use ended::{EndedRun, EndedRuns};
pub use filter::{Cursor, RunFilter, RunsPage};
pub use finish::FinishedRun;
pub use row::{BatchPlace, RunRow, RunState, RunSummary};
