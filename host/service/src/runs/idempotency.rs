//! Requests that come twice: the same `Idempotency-Key` with the same request is answered with the same run.
//!
//! What an accepted or finished request is remembered by is the store's, in the transaction that accepts or finishes it. Here
//! is what goes on: runs that somebody waits for, which have no row yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use lockgate_model::Kebab;
use lockgate_store::IdempotencyRow;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::MAX_IDEMPOTENCY_KEY_BYTES;
use super::live::Live;
use crate::{Caller, ServiceError};

/// Requests with a key that go on, by project, key and route.
#[derive(Debug, Default)]
pub(crate) struct InFlight(Mutex<HashMap<(Kebab, String, String), Slot>>);

/// The run of one request with a key: None until it begins. Held while it does, so that a second request waits.
pub(crate) type Slot = Arc<tokio::sync::Mutex<Option<Arc<Live>>>>;

impl InFlight {
    /// The slot of a request; to be removed when its run ended, or did not begin.
    pub(crate) fn slot(&self, project: &Kebab, row: &IdempotencyRow) -> Slot {
        let key = (project.clone(), row.key.clone(), row.route.clone());
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(key).or_default())
    }

    /// Whether it is still the slot of the request. One that waited for it may find that the first did not begin.
    pub(crate) fn is_current(&self, project: &Kebab, row: &IdempotencyRow, slot: &Slot) -> bool {
        let key = (project.clone(), row.key.clone(), row.route.clone());
        let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get(&key).is_some_and(|one| Arc::ptr_eq(one, slot))
    }

    pub(crate) fn remove(&self, project: &Kebab, row: &IdempotencyRow) {
        let key = (project.clone(), row.key.clone(), row.route.clone());
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.remove(&key);
    }
}

/// What is remembered of a request: under the caller's own key, because nobody is answered with a run of somebody else.
///
/// # Errors
///
/// The `Idempotency-Key` is empty, too long, or not printable.
pub(crate) fn row(
    caller: &Caller,
    key: &str,
    route: String,
    request: &impl Serialize,
    subject: Uuid,
    at: i64,
) -> Result<IdempotencyRow, ServiceError> {
    if key.is_empty() || key.len() > MAX_IDEMPOTENCY_KEY_BYTES {
        return Err(ServiceError::InvalidRequest(format!(
            "an Idempotency-Key has 1 to {MAX_IDEMPOTENCY_KEY_BYTES} bytes"
        )));
    }
    if key.chars().any(char::is_control) {
        return Err(ServiceError::InvalidRequest(
            "an Idempotency-Key has no control characters".into(),
        ));
    }
    let owner = caller.key.map(|id| id.to_string());
    let owner = owner.as_deref().unwrap_or(&caller.name);
    let request = serde_json::to_vec(request)
        .map_err(|error| ServiceError::Internal(format!("a request cannot be hashed: {error}")))?;
    Ok(IdempotencyRow {
        // A digest, because a client's key can be anything, such as what is masked elsewhere.
        key: format!("{owner} {}", hex(&Sha256::digest(key))),
        route,
        digest: hex(&Sha256::digest(&request)),
        subject,
        at,
    })
}

/// The same key came with this request: is it the same?
pub(crate) fn check(row: &IdempotencyRow, known: &IdempotencyRow) -> Result<(), ServiceError> {
    if row.digest == known.digest {
        Ok(())
    } else {
        Err(ServiceError::IdempotencyMismatch)
    }
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // a String takes everything
        text
    })
}
