//! The audit log, as callers read it.

use lockgate_model::Kebab;
use lockgate_store::{AuditEntry, AuditRow, Store};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::page::{cursor, limit};
use crate::{Caller, Doc, Moment, Page, Scope, ServiceError};

/// The audit log, as callers read it.
#[derive(Debug, Clone)]
pub struct Audit {
    store: Store,
}

/// One change.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditView {
    /// Its place in the log; goes up.
    pub seq: i64,
    /// When.
    pub at: Moment,
    /// Who: a key's name, `dev` or `cli`.
    pub actor: String,
    /// The key's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Uuid>,
    /// Where they asked from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What was done, such as `plugin.upload`.
    pub action: String,
    /// To what, such as `lockgate:text@1.2.0`.
    pub subject: String,
    /// More of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Doc>,
}

impl Audit {
    /// The audit log of a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The changes of the caller's project, the newest first. It needs the scope `admin`.
    ///
    /// # Errors
    ///
    /// The caller may not, or the cursor is none.
    pub async fn list(
        &self,
        caller: &Caller,
        before: Option<&str>,
        most: Option<u32>,
    ) -> Result<Page<AuditView>, ServiceError> {
        caller.may_everywhere(Scope::Admin)?;
        let before = before.map(cursor::<i64>).transpose()?;
        let limit = limit(most)?;
        let entries = self.store.audit(&caller.project, before, limit).await?;
        let is_full = entries.len() == limit as usize;
        let next = entries.last().filter(|_| is_full);
        let next = next.map(|entry| entry.seq.to_string());
        Ok(Page {
            items: entries.into_iter().map(AuditView::from).collect(),
            next,
        })
    }
}

impl From<AuditEntry> for AuditView {
    fn from(AuditEntry { seq, row }: AuditEntry) -> Self {
        Self {
            seq,
            at: Moment(row.at),
            actor: row.actor,
            key: row.key,
            address: row.address,
            action: row.action,
            subject: row.subject,
            detail: RawValue::from_string(row.detail).ok().map(Doc::from),
        }
    }
}

/// What the audit log is told of a change that a caller makes now.
pub(crate) fn row(
    caller: &Caller,
    at: i64,
    action: &str,
    subject: impl ToString,
    detail: &serde_json::Value,
) -> AuditRow {
    AuditRow {
        project: Kebab::clone(&caller.project),
        at,
        actor: caller.name.to_string(),
        key: caller.key,
        address: caller.address.map(|address| address.to_string()),
        action: action.to_owned(),
        subject: subject.to_string(),
        detail: detail.to_string(),
    }
}
