//! A run that was started, in the hands of whoever started it.

use std::sync::Arc;

use lockgate_flow::RunJournal;
use uuid::Uuid;

use super::{RunEvents, RunView};
use crate::ServiceError;

/// A run that was started. Dropping it ends nothing.
#[derive(Debug, Clone)]
pub struct RunHandle {}

impl RunHandle {
    /// The run's id.
    pub fn id(&self) -> Uuid {
        Uuid::nil()
    }

    /// Whether an earlier request with the same idempotency key started it.
    pub fn is_replayed(&self) -> bool {
        false
    }

    /// Its journal, while it is in memory.
    pub fn journal(&self) -> Option<&Arc<RunJournal>> {
        None
    }

    /// Its events after the one with this number, from the first on if it is 0.
    pub fn events(&self, _after: u64) -> RunEvents {
        RunEvents::new(futures::stream::empty())
    }

    /// Tells it to end.
    pub fn cancel(&self) {}

    /// How it ended, once its row is committed.
    ///
    /// # Errors
    ///
    /// It could not be stored, or the host stopped.
    pub async fn ended(&self) -> Result<Arc<RunView>, ServiceError> {
        Err(ServiceError::Internal("not built yet".into()))
    }
}
