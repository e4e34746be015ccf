//! Runs, the queue, batches, webhooks and keys from outside. The plugins are fakes, the store is real.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects by panicking where it is not so"
)]

mod access;
mod alerts;
mod batches;
mod cancel;
mod drain;
mod events;
mod fakes;
mod idempotency;
mod keys;
mod kill;
mod lists;
mod masking;
mod queue;
mod rerun;
mod runs;
mod stats;
mod traces;
mod webhooks;
mod world;
