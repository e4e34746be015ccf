//! Runs: started, followed, read, cancelled, repeated.
//!
//! A run that goes on is in memory, with its journal; once it ended and its row is committed, the store has it. Whoever reads
//! looks into memory first and then into the store, so that a run is always in one of them.
//!
//! Belongs here: what may be asked of runs, and what is told of them. Does not belong here: how a flow runs
//! (`lockgate-flow`), and runs that wait for their turn (`queue`).

mod ask;
mod config;
mod events;
mod handle;
mod view;

pub use ask::{
    MAX_IDEMPOTENCY_KEY_BYTES, MAX_SESSION_BYTES, NodeAsk, RerunAsk, RunAsk, RunsQuery, Target,
    Trigger,
};
pub use config::RunsConfig;
pub use events::{EventLine, RunEvents};
pub use handle::RunHandle;
use std::sync::Arc;
use uuid::Uuid;
pub use view::{
    AttemptView, Cancelled, CourseView, ElementView, LogView, NodeView, ReceiptDoc, ReceiptView,
    RunErrorView, RunState, RunSummary, RunView,
};

use crate::{Caller, Page, ServiceError};

/// How many receipts the answer for a run has at most.
pub const MAX_RECEIPTS: usize = 1_000;

/// How many attempts at a node, or at an element of it, are told at most.
pub const MAX_ATTEMPTS: usize = 20;

/// How many log lines of an attempt are told at most.
pub const MAX_LOG_LINES: usize = 1_000;

/// Runs, as callers ask for them.
#[derive(Debug, Clone)]
pub struct Runs {}

impl Runs {
    /// Starts a run, and returns when it has begun. It goes on whatever becomes of the handle.
    ///
    /// # Errors
    ///
    /// The caller may not, there is no such flow, the request or the input does not fit it, the host is busy or about to
    /// stop.
    pub async fn start(&self, _caller: &Caller, _ask: RunAsk) -> Result<RunHandle, ServiceError> {
        Err(ServiceError::Internal("not built yet".into()))
    }

    /// Starts a run and waits for its end. It goes on if the future is dropped.
    ///
    /// # Errors
    ///
    /// As [`Runs::start`]. That a run fails is no error: the answer says it.
    pub async fn run(&self, caller: &Caller, ask: RunAsk) -> Result<Arc<RunView>, ServiceError> {
        self.start(caller, ask).await?.ended().await
    }

    /// Runs of the caller's project, the newest first.
    ///
    /// # Errors
    ///
    /// The caller may not read, or a part of the query is none.
    pub async fn list(
        &self,
        _caller: &Caller,
        _query: RunsQuery,
    ) -> Result<Page<RunSummary>, ServiceError> {
        Err(ServiceError::Internal("not built yet".into()))
    }

    /// A run, however far it is.
    ///
    /// # Errors
    ///
    /// There is none that the caller may read.
    pub async fn get(&self, _caller: &Caller, run: Uuid) -> Result<Arc<RunView>, ServiceError> {
        Err(ServiceError::not_found("run", run))
    }

    /// The course of one node in a run.
    ///
    /// # Errors
    ///
    /// There is no such run, or nothing happened at such a node.
    pub async fn node(
        &self,
        _caller: &Caller,
        run: Uuid,
        _ask: NodeAsk,
    ) -> Result<NodeView, ServiceError> {
        Err(ServiceError::not_found("run", run))
    }

    /// The events of a run after the one with this number, from the first on if it is 0: those that were, and then those
    /// that come, until the run's last. Of a run that waits, once it begins.
    ///
    /// A queued run that was lost with its host begins anew, and its numbers with it: after a number that it does not have
    /// yet, they come from the first on.
    ///
    /// # Errors
    ///
    /// There is no run that the caller may read.
    pub async fn events(
        &self,
        _caller: &Caller,
        run: Uuid,
        _after: u64,
    ) -> Result<RunEvents, ServiceError> {
        Err(ServiceError::not_found("run", run))
    }

    /// Ends a run: one that waits at once, one that goes on in a moment.
    ///
    /// # Errors
    ///
    /// There is none that the caller may cancel, or it is finished.
    pub async fn cancel(&self, _caller: &Caller, run: Uuid) -> Result<Cancelled, ServiceError> {
        Err(ServiceError::not_found("run", run))
    }

    /// Repeats a finished run from one of its nodes on. It returns when the new run has begun.
    ///
    /// # Errors
    ///
    /// There is no such run, the caller may not, it is not finished, was cut or masked, or the flow's version has no such
    /// node; and as [`Runs::start`].
    pub async fn rerun(
        &self,
        _caller: &Caller,
        run: Uuid,
        _ask: RerunAsk,
    ) -> Result<RunHandle, ServiceError> {
        Err(ServiceError::not_found("run", run))
    }
}
