//! Keeps what a host has: plugins, flows, runs, keys, and the queue of runs. SQLite in a folder.
//!
//! Belongs here: rows, bytes, transactions, files by digest, what is sealed. Does not belong here: what a plan, a lock or a
//! scope means. Whatever is JSON here is text.
//!
//! # A data folder
//!
//! | file | what it is |
//! | --- | --- |
//! | `lockgate.db`, `-wal`, `-shm` | the database, its log, and what its connections share |
//! | `host.key` | 32 random bytes, for its owner only: opens the inputs of runs that wait, and the secrets of webhooks |
//! | `components/` | components by digest; read back, they are held against it |
//! | `serve.lock` | locked by the process that serves the folder |
//! | `open.lock` | locked for a moment by whoever opens it |
//!
//! A backup is `lockgate.db` (by `VACUUM INTO` while it is used), `host.key` and `components/`.
//!
//! # What the tables mean
//!
//! Every row has a project, and every method looks at one project's rows only, except where its page says so.
//!
//! - `plugins`: a row is a version. The greatest `activated` of a plugin is the one in force.
//! - `flows`, `flow_versions`, `locks`, `drafts`: a flow, its documents (none is ever changed but for how it is
//!   written), and which plugins they were resolved to, revision by revision.
//! - `queue`: runs that were accepted and have not ended, and dead letters. `queue_inputs`: what they were given, sealed.
//! - `runs`: runs that ended, in the order in which they did. **An accepted run is in one of both; a dead letter is in
//!   both.** A run that a request waits for is only ever in `runs`.
//! - `rollups`, `rollup_series`: what was counted of runs, by minute, hour and day.
//! - `batches`, `idempotency`: what was accepted together, and what a repeated request is answered with.
//! - `keys`, `webhooks`: found by the hash of what the caller shows.
//! - `audit`: who changed what; only ever added to.
//!
//! # What is promised
//!
//! A method that writes returns when its transaction is committed; it is there whole, or not at all.
//!
//! - **The process ends, however it does** (`kill -9`): nothing that was answered is lost.
//! - **Power is lost**: what was accepted into the queue, changes of plugins, flows, keys and webhooks, and what is in
//!   `components/` are on disk when they are answered. Of everything else (ends of runs, leases, drafts) the last moments may
//!   be gone: a queued run whose end is gone runs again. That is what *at least once* means.
//! - **A disk is full, or may not be written**: the write fails, what is there stays, reading goes on.
//! - **A file is damaged**: what can be read is read; the rest is [`StoreError::Damaged`].
//!
//! # How it is fast
//!
//! One task owns the one connection that writes, and commits what waits in groups ([`Store::finish_run`] is what it is
//! built for). Journals are compressed by whoever hands them over. Readers have connections of their own and never wait. The
//! log is merged into the database beside the writer; it is about 16 MiB long, and more only while somebody reads for long.

mod audit;
mod batches;
mod change;
mod columns;
mod components;
mod drafts;
mod error;
mod fault;
mod flows;
mod host_minutes;
mod idempotency;
mod journal;
mod keys;
mod owner;
mod plugins;
mod queue;
mod rollups;
mod runs;
mod sealed;
mod store;
mod traces;
mod upkeep;
mod webhooks;
mod writer;

pub use audit::{AuditEntry, AuditRow};
pub use batches::{BatchRow, BatchState};
pub use change::Change;
pub use components::Components;
pub use drafts::{DraftPut, DraftRow, Expected};
pub use error::{Result, StoreError};
pub use flows::{ActiveFlow, FlowRow, FlowVersionRow, LockRow};
pub use host_minutes::{HostMinute, KeptSince};
pub use idempotency::{IDEMPOTENCY_MS, IdempotencyRow};
pub use journal::MAX_JOURNAL_BYTES;
pub use keys::KeyRow;
pub use owner::DataOwner;
pub use plugins::PluginRow;
pub use queue::{
    Accept, Accepted, ClaimedRun, DeadRun, PRIORITIES, QueueState, QueuedRun, Recovered,
};
pub use rollups::{
    Grain, MAX_ROLLUP_TIMES, MergeCounts, RollupMinute, RollupPiece, RollupQuery, RollupSeries,
};
pub use runs::{
    BatchPlace, Cursor, EndedRun, EndedRuns, FinishedRun, RunFilter, RunRow, RunState, RunSummary,
    RunsPage,
};
pub use store::{Store, StoreConfig};
pub use traces::TraceRow;
pub use upkeep::Upkeep;
pub use webhooks::WebhookRow;
