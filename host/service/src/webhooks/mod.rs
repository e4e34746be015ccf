//! Webhooks: addresses that start a queued run of a flow, whoever knows their token.

mod view;

use std::net::IpAddr;

use lockgate_model::Kebab;
use uuid::Uuid;

pub use view::{MadeWebhook, WebhookView};

use crate::queue::AcceptedView;
use crate::{Caller, ServiceError};

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
}

/// Webhooks, as callers ask for them.
#[derive(Debug, Clone)]
pub struct Webhooks {}

impl Webhooks {
    /// Makes a webhook of a flow. It needs the scope `deploy`. Token and secret are told now and never again.
    ///
    /// # Errors
    ///
    /// There is no such flow, or the caller may not.
    pub async fn create(
        &self,
        _caller: &Caller,
        flow: &Kebab,
        _new: NewWebhook,
    ) -> Result<MadeWebhook, ServiceError> {
        Err(ServiceError::not_found("flow", flow))
    }

    /// The webhooks of a flow, the oldest first. It needs the scope `deploy`.
    ///
    /// # Errors
    ///
    /// The caller may not.
    pub async fn list(
        &self,
        _caller: &Caller,
        flow: &Kebab,
    ) -> Result<Vec<WebhookView>, ServiceError> {
        Err(ServiceError::not_found("flow", flow))
    }

    /// Removes a webhook of a flow. It needs the scope `deploy`.
    ///
    /// # Errors
    ///
    /// There is none, or the caller may not.
    pub async fn remove(
        &self,
        _caller: &Caller,
        _flow: &Kebab,
        webhook: Uuid,
    ) -> Result<(), ServiceError> {
        Err(ServiceError::not_found("webhook", webhook))
    }

    /// Takes what came to the webhook of a flow that has this token, and queues a run.
    ///
    /// # Errors
    ///
    /// There is no such webhook; what came is not signed as it has to be, came too late or a second time; and as
    /// [`crate::QueuedRuns::enqueue`].
    pub async fn receive(
        &self,
        flow: &Kebab,
        _token: &str,
        _delivery: Delivery<'_>,
    ) -> Result<AcceptedView, ServiceError> {
        Err(ServiceError::not_found("webhook", flow))
    }
}
