//! A run that was started, in the hands of whoever started it.

use std::sync::Arc;

use lockgate_flow::RunJournal;
use lockgate_model::Kebab;
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
