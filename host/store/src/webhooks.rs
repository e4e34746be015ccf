//! Webhooks: addresses that start a flow. Tokens are stored as hashes, secrets sealed with the host's key.

use lockgate_model::Kebab;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::columns::{blob, hash as hash_of, id as id_of, name};
use crate::fault::{Fault, homeless, taken};
use crate::writer::Durability;
use crate::{AuditRow, Result, Store, StoreError, audit};

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
        let secret = match &webhook.secret {
            Some(secret) => Some(self.0.key.seal(webhook.id.as_bytes(), secret)?),
            None => None,
        };
        let log = audit;
        self.0
            .writer
            .write(Durability::Power, move |tx| {
                Box::pin(async move {
                    sqlx::query(
                        "INSERT INTO webhooks (id, project, flow, hash, secret, detail, created_at, created_by) \
                         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    )
                    .bind(blob(&webhook.id))
                    .bind(webhook.project.as_str())
                    .bind(webhook.flow.as_str())
                    .bind(webhook.hash.to_vec())
                    .bind(secret)
                    .bind(webhook.detail)
                    .bind(webhook.created_at)
                    .bind(webhook.created_by)
                    .execute(&mut tx.connection)
                    .await
                    .map_err(|error| {
                        if homeless(&error) {
                            return Fault::missing(format!("flow `{}`", webhook.flow));
                        }
                        taken(|| format!("webhook {}", webhook.id))(error)
                    })?;
                    audit::add(tx, log).await
                })
            })
            .await
    }

    /// The webhooks of a flow, oldest first. Their secrets are left out (None).
    pub async fn webhooks(&self, project: &Kebab, flow: &Kebab) -> Result<Vec<WebhookRow>> {
        sqlx::query("SELECT * FROM webhooks WHERE project = ? AND flow = ? ORDER BY seq")
            .bind(project.as_str())
            .bind(flow.as_str())
            .try_map(webhook)
            .fetch_all(&self.0.readers)
            .await
            .map_err(|error| self.fault(error))
    }

    /// The webhook whose token has this hash, with its secret.
    pub async fn webhook_by_hash(&self, hash: &[u8; 32]) -> Result<Option<WebhookRow>> {
        let found = sqlx::query("SELECT * FROM webhooks WHERE hash = ?")
            .bind(hash.to_vec())
            .try_map(|row| {
                let secret: Option<Vec<u8>> = row.try_get("secret")?;
                Ok((webhook(row)?, secret))
            })
            .fetch_optional(&self.0.readers)
            .await
            .map_err(|error| self.fault(error))?;
        let Some((mut webhook, sealed)) = found else {
            return Ok(None);
        };
        if let Some(sealed) = sealed {
            let opened = self.0.key.open_sealed(webhook.id.as_bytes(), &sealed);
            // Without its secret it would be answered as if it had none: unchecked.
            webhook.secret = Some(opened.ok_or(StoreError::Unsealable {
                what: "the secret of a webhook",
            })?);
        }
        Ok(Some(webhook))
    }

    /// Removes a webhook. Whether it was there.
    pub async fn remove_webhook(
        &self,
        project: &Kebab,
        id: &Uuid,
        audit: AuditRow,
    ) -> Result<bool> {
        let (project, id, log) = (project.clone(), blob(id), audit);
        self.0
            .writer
            .write(Durability::Power, move |tx| {
                Box::pin(async move {
                    let done = sqlx::query("DELETE FROM webhooks WHERE project = ? AND id = ?")
                        .bind(project.as_str())
                        .bind(id)
                        .execute(&mut tx.connection)
                        .await?;
                    let removed = done.rows_affected() > 0;
                    if removed {
                        audit::add(tx, log).await?;
                    }
                    Ok::<_, Fault>(removed)
                })
            })
            .await
    }
}

/// All but the secret.
fn webhook(row: SqliteRow) -> sqlx::Result<WebhookRow> {
    Ok(WebhookRow {
        id: id_of(&row, "id")?,
        project: name(&row, "project")?,
        flow: name(&row, "flow")?,
        hash: hash_of(&row, "hash")?,
        secret: None,
        detail: row.try_get("detail")?,
        created_at: row.try_get("created_at")?,
        created_by: row.try_get("created_by")?,
    })
}
