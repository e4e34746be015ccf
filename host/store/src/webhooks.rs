//! Webhooks: addresses that start a flow. Tokens are stored as hashes, secrets sealed with the host's key.

use lockgate_model::Kebab;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{AuditRow, Result, Store, StoreError};

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRow {
    /// What names it in logs and rows.
    pub id: Uuid,
    /// Its project.
    pub project: Kebab,
    /// The flow that it starts.
    pub flow: Kebab,
    /// SHA-256 of its token.
    pub hash: [u8; 32],
    /// The secret of its HMAC, if one is checked.
    pub secret: Option<Zeroizing<Vec<u8>>>,
    /// Settings of whoever checks it, as JSON.
    pub detail: String,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
    /// Who made it: a key's name.
    pub created_by: String,
}

impl Store {
    /// Adds a webhook. [`StoreError::Missing`] if there is no such flow, [`StoreError::Taken`] if its id or hash is.
    pub async fn add_webhook(&self, webhook: WebhookRow, audit: AuditRow) -> Result<()> {
        let _ = (webhook, audit);
        Err(StoreError::Closed)
    }

    /// The webhooks of a flow, oldest first. Their secrets are left out (None).
    pub async fn webhooks(&self, project: &Kebab, flow: &Kebab) -> Result<Vec<WebhookRow>> {
        let _ = (project, flow);
        Err(StoreError::Closed)
    }

    /// The webhook whose token has this hash, with its secret.
    pub async fn webhook_by_hash(&self, hash: &[u8; 32]) -> Result<Option<WebhookRow>> {
        let _ = hash;
        Err(StoreError::Closed)
    }

    /// Removes a webhook. Whether it was there.
    pub async fn remove_webhook(
        &self,
        project: &Kebab,
        id: &Uuid,
        audit: AuditRow,
    ) -> Result<bool> {
        let _ = (project, id, audit);
        Err(StoreError::Closed)
    }
}
