//! The store from outside: real databases in folders that go away.

mod batches;
mod changes;
mod components;
mod drafts;
mod durability;
mod ended;
mod failures;
mod keys;
mod queue;
mod queue_ends;
mod queue_properties;
mod rollups;
mod runs;
mod support;
mod traces;
mod upkeep;
