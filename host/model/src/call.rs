//! One attempt at one node in one run: what goes in and what comes out.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Serialize;

use crate::{CallError, Failure, Ident, Receipt, Value};

/// One attempt at one node.
pub struct Call {
    /// Names one element of one node of one run, whatever the attempt.
    pub id: Arc<str>,
    /// 1 at the first attempt.
    pub attempt: u32,
    /// The inputs that are there, each by its port.
    pub inputs: Vec<(Ident, Input)>,
    /// Where log lines and parts go while the call runs.
    pub sink: Arc<dyn CallSink>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("id", &self.id)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// What arrives at an input.
pub enum Input {
    /// The whole value. A port that streams gives it to its node as one part, and a JSON list as its elements.
    Value(Value),
    /// Parts as they come into being, for a port that streams.
    Parts(Box<dyn PartReader>),
}

/// Where the parts of an input come from.
pub trait PartReader: Send {
    /// The next parts, at least one; an empty list when the input is complete; a failure when its producer failed.
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Value>, Failure>>;
}

/// Where a call's log lines and parts go as they come into being.
pub trait CallSink: Send + Sync {
    /// One line. It is the node's text, already bounded in length: escape it before a terminal shows it.
    fn log(&self, level: LogLevel, line: &str);

    /// One part of a streaming output. Resolves when the reader has room; false when nobody reads any more.
    fn part<'a>(&'a self, port: &'a Ident, part: &'a Value) -> BoxFuture<'a, bool>;
}

/// A sink for callers that want neither lines nor parts as they come; the outputs hold the parts joined all the same.
#[derive(Debug, Clone, Copy)]
pub struct Quiet;

impl CallSink for Quiet {
    fn log(&self, _: LogLevel, _: &str) {}

    fn part<'a>(&'a self, _: &'a Ident, _: &'a Value) -> BoxFuture<'a, bool> {
        Box::pin(std::future::ready(true))
    }
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// For the node's author, step by step.
    Trace,
    /// For the node's author. Standard output becomes this.
    Debug,
    /// For whoever runs the flow.
    Info,
    /// Something may be wrong. Standard error becomes this.
    Warn,
    /// Something is wrong.
    Error,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

/// The outputs of a call that succeeded, each declared, of its port's kind, and joined if it came in parts.
pub type Outputs = Vec<(Ident, Value)>;

/// How a call ended, and what it used either way.
#[derive(Debug)]
pub struct CallEnd {
    /// Its outputs, or why there are none.
    pub result: Result<Outputs, CallError>,
    /// What it used.
    pub receipt: Receipt,
}
