//! Batches: many inputs for one flow that are accepted together, each a queued run.

mod view;

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use futures::stream::BoxStream;
use lockgate_model::Kebab;
use serde_json::{Map, Value as Tree};
use uuid::Uuid;

pub use view::{BadLineView, BatchCancelled, BatchView};

use crate::{Caller, ServiceError};

/// The most bad lines that an answer names.
pub const MAX_BAD_LINES_SHOWN: usize = 100;

/// A batch that somebody asks for.
#[derive(Debug, Clone)]
pub struct BatchAsk {
    /// The flow.
    pub flow: Kebab,
    /// Which version; None: the active one when each run begins.
    pub version: Option<u32>,
    /// The inputs: JSON lines. Empty lines are left out, and count as lines.
    pub lines: String,
    /// As in [`crate::runs::RunAsk`], for all lines.
    pub vars: Map<String, Tree>,
    /// As in [`crate::runs::RunAsk`], for all lines.
    pub until: Option<String>,
    /// As in [`crate::runs::RunAsk`], for all lines.
    pub session: Option<String>,
    /// -10 to 10, higher first.
    pub priority: i32,
    /// As in [`crate::runs::RunAsk`].
    pub idempotency: Option<String>,
}

/// The results of a batch as lines of JSON without their line breaks, in the order of its inputs.
pub struct BatchResults(BoxStream<'static, Result<String, ServiceError>>);

impl Stream for BatchResults {
    type Item = Result<String, ServiceError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl std::fmt::Debug for BatchResults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BatchResults")
    }
}

/// Batches, as callers ask for them.
#[derive(Debug, Clone)]
pub struct Batches {}

impl Batches {
    /// Accepts a batch: every line, or none. When this returns, it outlives a loss of power.
    ///
    /// # Errors
    ///
    /// [`ServiceError::BadLines`] names the lines that are no input of the flow; and as [`crate::QueuedRuns::enqueue`].
    pub async fn accept(
        &self,
        _caller: &Caller,
        _ask: BatchAsk,
    ) -> Result<BatchView, ServiceError> {
        Err(ServiceError::Internal("not built yet".into()))
    }

    /// How far a batch is.
    ///
    /// # Errors
    ///
    /// There is none that the caller may read.
    pub async fn get(&self, _caller: &Caller, batch: Uuid) -> Result<BatchView, ServiceError> {
        Err(ServiceError::not_found("batch", batch))
    }

    /// What came of each line until now: `{line, run, state, outcome?, output?, error?}`, the lines of runs that are not
    /// finished included.
    ///
    /// # Errors
    ///
    /// There is no batch that the caller may read.
    pub async fn results(
        &self,
        _caller: &Caller,
        batch: Uuid,
    ) -> Result<BatchResults, ServiceError> {
        Err(ServiceError::not_found("batch", batch))
    }

    /// Ends all runs of a batch that are not finished.
    ///
    /// # Errors
    ///
    /// There is no batch that the caller may cancel.
    pub async fn cancel(
        &self,
        _caller: &Caller,
        batch: Uuid,
    ) -> Result<BatchCancelled, ServiceError> {
        Err(ServiceError::not_found("batch", batch))
    }
}
