//! Webhooks: addresses that start a queued run of a flow, whoever knows their token.

mod signature;
mod view;

use std::net::IpAddr;
use std::sync::Arc;

use lockgate_model::Kebab;
use lockgate_store::{Store, StoreError, WebhookRow};
use lockgate_telemetry::trace::RequestSpan;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Tree, json};
use uuid::Uuid;

pub use view::{MadeWebhook, WebhookView};

use crate::queue::{AcceptedView, QueuedRuns, check_priority};
use crate::runs::idempotency::hex;
use crate::runs::{RunAsk, Trigger};
use crate::{Caller, Moment, Scope, ServiceError, audit, keys};

/// What every token starts with.
const TOKEN_PREFIX: &str = "lgw_";

/// What every secret starts with.
const SECRET_PREFIX: &str = "lgs_";

/// The longest token that is looked for, in bytes.
const MAX_TOKEN_BYTES: usize = 64;

/// How many webhooks a flow has at most.
pub const MAX_WEBHOOKS: usize = 100;

/// How a webhook is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewWebhook {
    /// Whether deliveries have to be signed. The secret is told once.
    pub signed: bool,
    /// The priority of the runs that it starts: -10 to 10.
    pub priority: i32,
}

/// What came to a webhook.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The body: JSON, the run's input.
    pub body: &'a [u8],
    /// The header `X-Lockgate-Timestamp`: seconds since 1970.
    pub timestamp: Option<&'a str>,
    /// The header `X-Lockgate-Signature`: `v1=` and the hexadecimal HMAC-SHA-256 of timestamp, a full stop and body.
    pub signature: Option<&'a str>,
    /// The header `Idempotency-Key`.
    pub idempotency: Option<&'a str>,
    /// Where it came from.
    pub address: Option<IpAddr>,
    /// The request that brought it, if its trace is known.
    pub trace: Option<&'a Arc<RequestSpan>>,
}

/// Webhooks, as callers ask for them.
#[derive(Debug, Clone)]
pub struct Webhooks {
    store: Store,
    queue: QueuedRuns,
    seen: Arc<signature::Seen>,
}

/// What is stored of a webhook's settings.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Settings {
    signed: bool,
    priority: i32,
}

impl Webhooks {
    pub(crate) fn new(store: Store, queue: QueuedRuns) -> Self {
        Self {
            store,
            queue,
            seen: Arc::default(),
        }
    }

    /// Makes a webhook of a flow. It needs the scope `deploy`. Token and secret are told now and never again.
    ///
    /// # Errors
    ///
    /// There is no such flow, it has [`MAX_WEBHOOKS`], or the caller may not.
    pub async fn create(
        &self,
        caller: &Caller,
        flow: &Kebab,
        new: NewWebhook,
    ) -> Result<MadeWebhook, ServiceError> {
        caller.may_with(Scope::Deploy, flow)?;
        check_priority(new.priority)?;
        let there = self.store.webhooks(&caller.project, flow).await?;
        if there.len() >= MAX_WEBHOOKS {
            return Err(ServiceError::TooMany {
                what: "webhooks of one flow",
                most: MAX_WEBHOOKS as u64,
            });
        }
        let token = keys::random(TOKEN_PREFIX);
        let secret = new.signed.then(|| keys::random(SECRET_PREFIX));
        let settings = Settings {
            signed: new.signed,
            priority: new.priority,
        };
        let row = WebhookRow {
            id: Uuid::now_v7(),
            project: caller.project.clone(),
            flow: flow.clone(),
            hash: keys::hash(&token),
            secret: secret
                .as_ref()
                .map(|secret| secret.as_bytes().to_vec().into()),
            detail: json!(settings).to_string(),
            created_at: self.queue.now_ms(),
            created_by: caller.name.to_string(),
        };
        let detail = json!({ "webhook": row.id, "signed": new.signed });
        let audit = audit::row(caller, row.created_at, "webhook.create", flow, &detail);
        let webhook = WebhookView::from(&row);
        match self.store.add_webhook(row, audit).await {
            Ok(()) => Ok(MadeWebhook {
                webhook,
                token,
                secret,
            }),
            Err(StoreError::Missing { .. }) => Err(ServiceError::not_found("flow", flow)),
            Err(error) => Err(error.into()),
        }
    }

    /// The webhooks of a flow, the oldest first. It needs the scope `deploy`.
    ///
    /// # Errors
    ///
    /// The caller may not.
    pub async fn list(
        &self,
        caller: &Caller,
        flow: &Kebab,
    ) -> Result<Vec<WebhookView>, ServiceError> {
        caller.may_with(Scope::Deploy, flow)?;
        let rows = self.store.webhooks(&caller.project, flow).await?;
        Ok(rows.iter().map(WebhookView::from).collect())
    }

    /// Removes a webhook of a flow. It needs the scope `deploy`.
    ///
    /// # Errors
    ///
    /// There is none, or the caller may not.
    pub async fn remove(
        &self,
        caller: &Caller,
        flow: &Kebab,
        webhook: Uuid,
    ) -> Result<(), ServiceError> {
        let gone = || ServiceError::not_found("webhook", webhook);
        let there = self.list(caller, flow).await?;
        if !there.iter().any(|one| one.webhook == webhook) {
            return Err(gone());
        }
        let detail = json!({ "webhook": webhook });
        let now = self.queue.now_ms();
        let audit = audit::row(caller, now, "webhook.remove", flow, &detail);
        let removed = self.store.remove_webhook(&caller.project, &webhook, audit);
        if removed.await? { Ok(()) } else { Err(gone()) }
    }

    /// Takes what came to the webhook of a flow that has this token, and queues a run.
    ///
    /// A signed delivery is taken once: it is remembered in memory for as long as its timestamp is taken, and where it has no
    /// `Idempotency-Key` its signature is one, so that it is not run again after a restart either. While there are more
    /// than can be remembered, no signed delivery is taken.
    ///
    /// # Errors
    ///
    /// There is no such webhook; what came is not signed as it has to be, came too late or a second time; it is no JSON; and
    /// as [`crate::QueuedRuns::enqueue`].
    pub async fn receive(
        &self,
        flow: &Kebab,
        token: &str,
        delivery: Delivery<'_>,
    ) -> Result<AcceptedView, ServiceError> {
        let gone = || ServiceError::not_found("webhook", flow);
        if token.len() > MAX_TOKEN_BYTES {
            return Err(gone());
        }
        let row = self.store.webhook_by_hash(&keys::hash(token)).await?;
        let row = row.filter(|row| row.flow == *flow).ok_or_else(gone)?;
        let settings = settings(&row);
        let now = self.queue.now_ms();
        let signed = match (&row.secret, settings.signed) {
            (Some(secret), _) => {
                let signed = signature::check(secret, &delivery, now)?;
                self.seen.add(signed, now)?;
                Some(signed)
            }
            (None, false) => None,
            (None, true) => {
                return Err(ServiceError::Internal("a webhook lost its secret".into()));
            }
        };
        let accepted = self
            .enqueue(&row, &settings, &delivery, signed.as_ref())
            .await;
        let Some(signed) = signed else {
            return accepted;
        };
        match accepted {
            Ok(accepted) if accepted.replayed && delivery.idempotency.is_none() => {
                Err(ServiceError::BadSignature("the delivery came before"))
            }
            Err(error) => {
                self.seen.remove(&signed);
                Err(error)
            }
            accepted => accepted,
        }
    }

    async fn enqueue(
        &self,
        row: &WebhookRow,
        settings: &Settings,
        delivery: &Delivery<'_>,
        signed: Option<&signature::Signed>,
    ) -> Result<AcceptedView, ServiceError> {
        let input: Tree = serde_json::from_slice(delivery.body).map_err(|error| {
            ServiceError::InvalidRequest(format!("the body is no JSON: {error}"))
        })?;
        let caller = Caller {
            project: row.project.clone(),
            publisher: row.project.clone(), // it uploads nothing
            key: None,
            name: format!("webhook {}", row.id).into(),
            scopes: [Scope::Run].into_iter().collect(),
            flows: Some([row.flow.clone()].into()),
            address: delivery.address,
        };
        let given = delivery.idempotency.map(str::to_owned);
        let mut ask = RunAsk::new(row.flow.clone(), input, Trigger::Webhook);
        ask.idempotency = given.or_else(|| signed.map(|signed| hex(signed)));
        ask.trace = delivery.trace.cloned();
        self.queue.enqueue(&caller, ask, settings.priority).await
    }
}

fn settings(row: &WebhookRow) -> Settings {
    serde_json::from_str(&row.detail).unwrap_or_default() // written by this host
}

impl From<&WebhookRow> for WebhookView {
    fn from(row: &WebhookRow) -> Self {
        let settings = settings(row);
        Self {
            webhook: row.id,
            flow: row.flow.clone(),
            signed: settings.signed,
            priority: settings.priority,
            created_at: Moment(row.created_at),
            created_by: row.created_by.clone(),
        }
    }
}
