//! A run that was started, in the hands of whoever started it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use lockgate_flow::{Follower, RunJournal};
use lockgate_model::{Kebab, RunEvent, Value};
use uuid::Uuid;

use super::conduct::Conductor;
use super::live::{Live, StopReason};
use super::{RunEvents, RunView, stored};
use crate::ServiceError;

/// A run that was started. Dropping it ends nothing.
#[derive(Debug, Clone)]
pub struct RunHandle {
    conductor: Arc<Conductor>,
    project: Kebab,
    id: Uuid,
    live: Option<Arc<Live>>,
    replayed: bool,
}

impl RunHandle {
    /// A run that goes on.
    pub(crate) fn live(conductor: &Arc<Conductor>, live: Arc<Live>, replayed: bool) -> Self {
        Self {
            conductor: Arc::clone(conductor),
            project: live.birth.project.clone(),
            id: live.birth.id,
            live: Some(live),
            replayed,
        }
    }

    /// A run that an earlier request started, and that has a row.
    pub(crate) fn known(conductor: &Arc<Conductor>, project: Kebab, id: Uuid) -> Self {
        Self {
            conductor: Arc::clone(conductor),
            project,
            id,
            live: None,
            replayed: true,
        }
    }

    /// The run's id.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Whether an earlier request with the same idempotency key started it.
    pub fn is_replayed(&self) -> bool {
        self.replayed
    }

    /// The parts of its answer that were asked for ([`super::RunAsk::parts`]), as they are. None: nobody asked, or an earlier
    /// request started it.
    pub fn parts(&self) -> Option<AnswerParts> {
        let live = self.live.as_ref()?;
        let answer = live.answer.as_ref()?;
        Some(AnswerParts {
            follower: answer.follow(0),
            live: Arc::clone(live),
            ready: VecDeque::new(),
        })
    }

    /// Its journal; None: an earlier request started it, and it ended.
    pub fn journal(&self) -> Option<&Arc<RunJournal>> {
        self.live.as_ref().map(|live| &live.journal)
    }

    /// Its events after the one with this number, from the first on if it is 0.
    pub fn events(&self, after: u64) -> RunEvents {
        match &self.live {
            Some(live) => RunEvents::of_live(Arc::clone(live), after),
            None => RunEvents::later(RunEvents::of(
                Arc::clone(&self.conductor),
                self.project.clone(),
                self.id,
                after,
            )),
        }
    }

    pub(crate) fn live_run(&self) -> Option<&Arc<Live>> {
        self.live.as_ref()
    }

    /// Tells it to end, if it goes on.
    pub fn cancel(&self) {
        if let Some(live) = &self.live {
            live.stop.tell(StopReason::Cancelled);
        }
    }

    /// How it ended, once its row is committed.
    ///
    /// # Errors
    ///
    /// Its input was refused, it could not be stored, or the host stopped.
    pub async fn ended(&self) -> Result<Arc<RunView>, ServiceError> {
        if let Some(live) = &self.live {
            return live.ended().await;
        }
        let row = self.conductor.store.run(&self.project, &self.id).await?;
        let row = row.ok_or_else(|| ServiceError::not_found("run", self.id))?;
        Ok(Arc::new(stored::view(row)))
    }
}

/// The parts of an answer, as they are. Whoever drops this ends nothing but that.
pub struct AnswerParts {
    follower: Follower,
    live: Arc<Live>,
    /// What was read and not given yet.
    ready: VecDeque<Value>,
}

impl AnswerParts {
    /// The next part; None when no more comes.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(part) = self.ready.pop_front() {
                return Some(part);
            }
            // A run can end without a last event: it was refused.
            let events = tokio::select! {
                biased;
                events = self.follower.next() => events,
                () = self.live.broken_off() => None,
            }?;
            let parts = events.into_iter().filter_map(|event| match &*event.event {
                RunEvent::NodePart { part, .. } => Some(part.clone()),
                _ => None,
            });
            self.ready.extend(parts);
        }
    }
}

impl fmt::Debug for AnswerParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerParts").finish_non_exhaustive()
    }
}
