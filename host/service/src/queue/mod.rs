//! Runs that wait for their turn: durable, at least once, the highest priority first.
//!
//! Belongs here: acceptance, the worker that takes runs from the queue and keeps its leases, dead letters. Does not belong
//! here: where the queue is kept, which is behind the port [`Queue`].

mod config;
mod port;
mod view;

use uuid::Uuid;

pub use config::QueueConfig;
pub use port::{Answer, Queue};
pub use view::{AcceptedView, DeadView, QueueView};

use crate::runs::RunAsk;
use crate::{Caller, Page, ServiceError};

/// Runs that wait for their turn, as callers ask for them.
#[derive(Debug, Clone)]
pub struct QueuedRuns {}

impl QueuedRuns {
    /// Accepts a run. When this returns, it outlives a loss of power.
    ///
    /// # Errors
    ///
    /// As [`crate::Runs::start`]; and the queue is full.
    pub async fn enqueue(
        &self,
        _caller: &Caller,
        _ask: RunAsk,
        _priority: i32,
    ) -> Result<AcceptedView, ServiceError> {
        Err(ServiceError::Internal("not built yet".into()))
    }

    /// How the queue of the caller's project is.
    ///
    /// # Errors
    ///
    /// The caller may not read.
    pub async fn state(&self, _caller: &Caller) -> Result<QueueView, ServiceError> {
        Err(ServiceError::Internal("not built yet".into()))
    }

    /// The dead letters of the caller's project, the last accepted first.
    ///
    /// # Errors
    ///
    /// The caller may not read, or the cursor is none.
    pub async fn dead(
        &self,
        _caller: &Caller,
        _cursor: Option<String>,
        _limit: Option<u32>,
    ) -> Result<Page<DeadView>, ServiceError> {
        Err(ServiceError::Internal("not built yet".into()))
    }

    /// Puts a dead letter back into the queue, as if it had never been tried. It needs the scope `deploy`.
    ///
    /// # Errors
    ///
    /// There is none, or the caller may not.
    pub async fn requeue(&self, _caller: &Caller, run: Uuid) -> Result<(), ServiceError> {
        Err(ServiceError::not_found("dead letter", run))
    }

    /// Drops a dead letter and its input; the run stays, as one that failed. It needs the scope `deploy`.
    ///
    /// # Errors
    ///
    /// There is none, or the caller may not.
    pub async fn forget(&self, _caller: &Caller, run: Uuid) -> Result<(), ServiceError> {
        Err(ServiceError::not_found("dead letter", run))
    }
}
