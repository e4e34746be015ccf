//! The interface from outside: a listening server over a real service and a real store, and a client that sends bytes.

mod alerts;
mod auth;
mod batches;
mod chat;
mod client;
mod connections;
mod documents;
mod drafts;
mod flows;
mod guests;
mod host;
mod masking;
mod metrics;
mod openapi;
mod plugins;
mod problems;
mod queue;
mod runs;
mod stats;
mod traces;
mod webhooks;
