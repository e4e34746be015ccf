//! The spans of a run, from its events.
//!
//! | span | kind | from when to when |
//! | --- | --- | --- |
//! | `run FLOW` | Consumer if it came from the queue, otherwise Internal | from its first event to its last |
//! | `node NODE` | Internal | from its first attempt to its end; each element of a list has one within that of the node |
//! | `call NODE`, or `chat MODEL` | Internal; Client where the node says that a model was called | one attempt |
//!
//! A node that runs a flow has no spans for its attempts: what ran in it is within its own span, and its attempts that
//! failed are events of that. A node whose outputs were kept from an earlier call has no call.
//!
//! The events do not say when an attempt ended, only what came of it: the end of one that failed is when the next was put
//! off, and the end of the last is the node's, which comes after its readers have taken the last of what it sent in parts.
//! The wait for a place in the sandbox is before a node's beginning; `lockgate.queue_us` has it.
//!
//! # What is in no span
//!
//! What users and nodes said: inputs, outputs, log lines and messages of errors are left out unless
//! [`TraceConfig::content`] asks for them, and are escaped and cut then. Names of flows and nodes, labels, and names of
//! models and providers, held to plain characters, are in spans always.

mod attributes;
mod build;
mod open;

use std::borrow::Cow;
use std::time::SystemTime;

use lockgate_model::{Kebab, Recorded};

use super::{Span, SpanId, TraceConfig, TraceContext};

/// What is known of a run beside its events.
#[derive(Debug, Clone)]
pub struct RunFacts {
    /// Where its trace goes on.
    pub context: TraceContext,
    /// Its span.
    pub span: SpanId,
    /// Its project.
    pub project: Kebab,
    /// The flow; None for a document that came with the request.
    pub flow: Option<Kebab>,
    /// The flow's version.
    pub version: Option<u32>,
    /// The revision of that version's lock.
    pub revision: Option<u32>,
    /// What started it.
    pub trigger: Cow<'static, str>,
    /// Whether it came from the queue.
    pub queued: bool,
    /// How often it was lost before.
    pub lost_attempts: u32,
    /// The run that it repeats, or was started by.
    pub parent: Option<String>,
    /// The batch that it is a line of.
    pub batch: Option<String>,
    /// When it was asked for.
    pub asked_at: SystemTime,
}

/// The spans of a run that ended, its own first.
pub fn run_spans<'e>(
    facts: &RunFacts,
    events: impl IntoIterator<Item = &'e Recorded>,
    config: &TraceConfig,
) -> Vec<Span> {
    let mut build: Option<build::Build<'_>> = None;
    let mut last = facts.asked_at;
    for event in events {
        last = event.time;
        build
            .get_or_insert_with(|| build::Build::begin(facts, config, event))
            .hear(event);
    }
    build.map_or_else(Vec::new, |build| build.finish(last))
}

#[cfg(test)]
mod tests;
