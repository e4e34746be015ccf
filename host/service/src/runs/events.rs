//! The events of a run as lines of JSON, whether it goes on or ended long ago.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use futures::stream::BoxStream;

use crate::ServiceError;

/// One event of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLine {
    /// Its number, from 1.
    pub seq: u64,
    /// What sort of event, such as `node.finished`.
    pub kind: String,
    /// The event in its envelope, as JSON without a line break.
    pub json: String,
}

/// The events of a run, in order, each once; it ends with the run's last.
///
/// Dropping it ends nothing but itself.
pub struct RunEvents(BoxStream<'static, Result<EventLine, ServiceError>>);

impl RunEvents {
    pub(crate) fn new(
        lines: impl Stream<Item = Result<EventLine, ServiceError>> + Send + 'static,
    ) -> Self {
        Self(Box::pin(lines))
    }
}

impl Stream for RunEvents {
    type Item = Result<EventLine, ServiceError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl std::fmt::Debug for RunEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RunEvents")
    }
}
