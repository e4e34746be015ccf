//! Runs that wait for their turn: durable, at least once, the highest priority first.
//!
//! Belongs here: acceptance, the worker that takes runs from the queue and keeps its leases, dead letters. Does not belong
//! here: where the queue is kept, which is behind the port [`Queue`].

pub(crate) mod accept;
mod config;
mod pace;
mod port;
mod view;
mod worker;

use std::sync::Arc;

use lockgate_store::{Accept, Accepted, AuditRow, PRIORITIES};
use serde_json::json;
use uuid::Uuid;

pub use config::QueueConfig;
pub use port::{Answer, Queue};
pub use view::{AcceptedView, DeadView, QueueView};
pub(crate) use worker::Worker;

use crate::runs::conduct::Conductor;
use crate::runs::{RunAsk, access};
use crate::{Caller, Moment, Page, Scope, ServiceError, audit, page};

/// Runs that wait for their turn, as callers ask for them.
#[derive(Debug, Clone)]
pub struct QueuedRuns {
    worker: Arc<Worker>,
}

impl QueuedRuns {
    pub(crate) fn new(worker: Arc<Worker>) -> Self {
        Self { worker }
    }

    /// Accepts a run. When this returns, it outlives a loss of power. Its flow and its input are checked now; the version that
    /// runs is found when it begins, the one that was asked for or else the active one.
    ///
    /// # Errors
    ///
    /// As [`crate::Runs::start`]; it is one of a document, which cannot be queued; and the queue is full.
    pub async fn enqueue(
        &self,
        caller: &Caller,
        ask: RunAsk,
        priority: i32,
    ) -> Result<AcceptedView, ServiceError> {
        check_priority(priority)?;
        let run = accept::checked(self.conductor(), caller, ask, priority).await?;
        self.accept(caller, run).await
    }

    /// Accepts a run that was checked.
    pub(crate) async fn accept(
        &self,
        caller: &Caller,
        run: accept::Checked,
    ) -> Result<AcceptedView, ServiceError> {
        let id = run.run.id;
        let accept = Accept {
            project: caller.project.clone(),
            runs: vec![run.run],
            batch: None,
            idempotency: run.idempotency,
            bound: self.worker.config().length,
        };
        match self.conductor().queue.accept(accept).await? {
            Accepted::Accepted { ahead } => {
                self.worker.wake();
                Ok(AcceptedView {
                    run: id,
                    ahead: Some(ahead),
                    replayed: false,
                })
            }
            Accepted::Known(row) => Ok(AcceptedView {
                run: row.subject,
                ahead: self.conductor().queue.place(&row.subject).await?,
                replayed: true,
            }),
            Accepted::Mismatch(_) => Err(ServiceError::IdempotencyMismatch),
            Accepted::Full { depth } => Err(self.worker.full(depth)),
        }
    }

    /// How the queue of the caller's project is.
    ///
    /// # Errors
    ///
    /// The caller may not read.
    pub async fn state(&self, caller: &Caller) -> Result<QueueView, ServiceError> {
        caller.may(Scope::Read)?;
        let state = self.conductor().queue.state(Some(&caller.project)).await?;
        let now = self.conductor().now_ms();
        let age = |at: i64| u64::try_from(now.saturating_sub(at)).unwrap_or(0);
        Ok(QueueView {
            depth: state.waiting,
            running: state.running,
            dead: state.dead,
            oldest_at: state.oldest_at.map(Moment),
            oldest_age_ms: state.oldest_at.map(age),
            bound: self.worker.config().length,
            at_once: self.worker.config().at_once,
        })
    }

    /// The dead letters of the caller's project, the last accepted first.
    ///
    /// # Errors
    ///
    /// The caller may not read, or the cursor is none.
    pub async fn dead(
        &self,
        caller: &Caller,
        cursor: Option<String>,
        limit: Option<u32>,
    ) -> Result<Page<DeadView>, ServiceError> {
        caller.may(Scope::Read)?;
        let before = cursor.as_deref().map(page::cursor).transpose()?;
        let limit = page::limit(limit)?;
        let dead = self
            .conductor()
            .queue
            .dead(&caller.project, before, limit)
            .await?;
        let is_full = dead.len() == limit as usize;
        let next = dead.last().filter(|_| is_full).map(|last| last.seq);
        let may_read =
            |run: &lockgate_store::RunSummary| access::may_read(caller, run.flow.as_ref(), run.key);
        let items = dead.into_iter().filter(|dead| may_read(&dead.run));
        Ok(Page {
            items: items.map(DeadView::from).collect(),
            next: next.map(|next| next.to_string()),
        })
    }

    /// Puts a dead letter back into the queue, as if it had never been tried. It needs the scope `deploy`.
    ///
    /// # Errors
    ///
    /// There is none, or the caller may not.
    pub async fn requeue(&self, caller: &Caller, run: Uuid) -> Result<(), ServiceError> {
        self.conductor().check_draining()?;
        let audit = self.about(caller, "queue.requeue", run).await?;
        let queue = &self.conductor().queue;
        if !queue.requeue_dead(&caller.project, &run, audit).await? {
            return Err(ServiceError::not_found("dead letter", run));
        }
        self.worker.wake();
        Ok(())
    }

    /// Drops a dead letter and its input; the run stays, as one that failed. It needs the scope `deploy`.
    ///
    /// # Errors
    ///
    /// There is none, or the caller may not.
    pub async fn forget(&self, caller: &Caller, run: Uuid) -> Result<(), ServiceError> {
        let audit = self.about(caller, "queue.forget", run).await?;
        let queue = &self.conductor().queue;
        if queue.remove_dead(&caller.project, &run, audit).await? {
            Ok(())
        } else {
            Err(ServiceError::not_found("dead letter", run))
        }
    }

    /// What the audit log is told of a change of a dead letter, if the caller may make it.
    async fn about(
        &self,
        caller: &Caller,
        action: &str,
        run: Uuid,
    ) -> Result<AuditRow, ServiceError> {
        caller.may(Scope::Deploy)?;
        let row = self.conductor().store.run(&caller.project, &run).await?;
        let row =
            row.filter(|row| access::may_read(caller, row.summary.flow.as_ref(), row.summary.key));
        let gone = || ServiceError::not_found("dead letter", run);
        let flow = row.ok_or_else(gone)?.summary.flow;
        let at = self.conductor().now_ms();
        Ok(audit::row(
            caller,
            at,
            action,
            run,
            &json!({ "flow": flow }),
        ))
    }

    /// The time of the day, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.conductor().now_ms()
    }

    fn conductor(&self) -> &Arc<Conductor> {
        self.worker.conductor()
    }
}

/// Whether it is a priority.
pub(crate) fn check_priority(priority: i32) -> Result<(), ServiceError> {
    if PRIORITIES.contains(&priority) {
        Ok(())
    } else {
        Err(ServiceError::InvalidRequest(format!(
            "`priority` is {priority}, and goes from {} to {}",
            PRIORITIES.start(),
            PRIORITIES.end()
        )))
    }
}
