//! Keeps plugins, flows, runs, keys and the queue of runs in SQLite.

mod audit;
mod batches;
mod change;
mod components;
mod drafts;
mod error;
mod flows;
mod idempotency;
mod keys;
mod owner;
mod plugins;
mod queue;
mod runs;
mod store;
mod upkeep;
mod webhooks;

pub use audit::{AuditEntry, AuditRow};
pub use batches::{BatchRow, BatchState};
pub use change::Change;
pub use components::Components;
pub use drafts::{DraftPut, DraftRow, Expected};
pub use error::{Result, StoreError};
pub use flows::{ActiveFlow, FlowRow, FlowVersionRow, LockRow};
pub use idempotency::{IDEMPOTENCY_MS, IdempotencyRow};
pub use keys::KeyRow;
pub use owner::DataOwner;
pub use plugins::PluginRow;
pub use queue::{
    Accept, Accepted, ClaimedRun, DeadRun, PRIORITIES, QueueState, QueuedRun, Recovered,
};
pub use runs::{
    BatchPlace, Cursor, FinishedRun, RunFilter, RunRow, RunState, RunSummary, RunsPage,
};
pub use store::{Store, StoreConfig};
pub use upkeep::Upkeep;
pub use webhooks::WebhookRow;

/// The longest journal that is stored, in bytes before it is compressed: 128 MiB.
pub const MAX_JOURNAL_BYTES: u64 = 128 << 20;
