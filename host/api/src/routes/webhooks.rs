//! Webhooks: addresses that start queued runs, made and removed by those who deploy, called by anybody who knows one.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use lockgate_model::Kebab;
use lockgate_service::queue::AcceptedView;
use lockgate_service::webhooks::{Delivery, MadeWebhook, NewWebhook, WebhookView};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::names::{FlowPath, WebhookPath};
use super::start;
use crate::api::{Answer, App};
use crate::body::{Given, Media};
use crate::extract::{self, Path, Text, Who};
use crate::problem::Problem;
use crate::server::Peer;
use crate::trace::{TraceHeaders, Traced};
use crate::whole;

const TIMESTAMP: HeaderName = HeaderName::from_static("x-lockgate-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-lockgate-signature");

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_webhooks, make_webhook))
        .routes(routes!(remove_webhook))
        .routes(routes!(receive_webhook))
}

/// How a webhook is made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Webhook {
    /// Whether what comes has to be signed. The secret is told once.
    #[serde(default)]
    #[schema(required = false, default = false)]
    signed: bool,
    /// Where its runs stand in the queue: higher first.
    #[serde(default, deserialize_with = "whole::required")]
    #[schema(required = false, minimum = -10, maximum = 10, default = 0)]
    priority: i32,
}

/// The address of a webhook.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct AddressPath {
    /// The flow's name, in kebab-case.
    #[param(value_type = String, min_length = 1, max_length = 64, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", example = "poem")]
    flow: Text<Kebab>,
    /// The webhook's token.
    #[param(min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_-]+$")]
    token: String,
}

/// How a delivery is signed.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "it says what headers there are, which are read by their names"
)]
struct DeliveryHeaders {
    /// When it was signed: seconds since 1970.
    #[param(rename = "X-Lockgate-Timestamp", pattern = "^[0-9]{1,12}$")]
    timestamp: Option<String>,
    /// `v1=` and the hexadecimal HMAC-SHA-256 of the timestamp, a full stop and the body.
    #[param(rename = "X-Lockgate-Signature", pattern = "^v1=[0-9a-f]{64}$")]
    signature: Option<String>,
    /// The same key with the same request is answered with the same run, for 24 hours.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    idempotency_key: Option<String>,
}

/// The webhooks of a flow, the oldest first.
#[utoipa::path(get, path = "/api/v1/flows/{name}/webhooks", tag = "webhooks", params(FlowPath),
    responses((status = 200, body = [WebhookView], description = "The webhooks.")))]
async fn list_webhooks(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowPath>,
) -> Answer<Vec<WebhookView>> {
    let webhooks = api.service.webhooks().list(&caller, &path.name.0);
    Ok(Json(webhooks.await?))
}

/// Makes a webhook of a flow. Its token and its secret are told now and never again. Its address is
/// `/webhooks/{flow}/{token}`.
#[utoipa::path(post, path = "/api/v1/flows/{name}/webhooks", tag = "webhooks", params(FlowPath),
    request_body = Webhook,
    responses(
        (status = 201, body = MadeWebhook, description = "It is made."),
        (status = 409, description = "There are as many as there may be."),
        (status = 422, description = "The request makes no sense."),
    ))]
async fn make_webhook(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowPath>,
    Given(webhook): Given<Webhook>,
) -> Result<(StatusCode, Json<MadeWebhook>), Problem> {
    let new = NewWebhook {
        signed: webhook.signed,
        priority: webhook.priority,
    };
    let made = api.service.webhooks().create(&caller, &path.name.0, new);
    Ok((StatusCode::CREATED, Json(made.await?)))
}

/// Removes a webhook of a flow.
#[utoipa::path(delete, path = "/api/v1/flows/{name}/webhooks/{webhook}", tag = "webhooks", params(WebhookPath),
    responses((status = 204, description = "It is gone.")))]
async fn remove_webhook(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<WebhookPath>,
) -> Result<StatusCode, Problem> {
    let webhooks = api.service.webhooks();
    webhooks.remove(&caller, &path.name.0, path.webhook).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Queues a run of the flow; the body is its input. No key is needed: who knows the token may.
#[utoipa::path(post, path = "/webhooks/{flow}/{token}", tag = "public", params(AddressPath, DeliveryHeaders, TraceHeaders),
    request_body(content = Object, description = "The run's input."),
    responses(
        (status = 202, body = AcceptedView, description = "It is queued.", headers(("Location" = String))),
        (status = 403, description = "It is not signed as it has to be."),
        (status = 409, description = "The flow cannot run now, or the first request with this key goes on."),
        (status = 422, description = "The flow does not take it."),
        (status = 429, description = "The queue is full."),
    ))]
async fn receive_webhook(
    State(api): State<App>,
    Path(path): Path<AddressPath>,
    Traced(trace): Traced,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    if Media::of(&parts.headers)? != Media::Json {
        return Err(Media::refused(&[Media::Json]));
    }
    let idempotency = start::idempotency(&parts.headers)?;
    let most = api.config.json_bytes;
    let body = api.room.receive(&parts.headers, body, most).await?;
    let peer = parts.extensions.get::<Peer>();
    let delivery = Delivery {
        body: &body.bytes,
        timestamp: extract::header(&parts.headers, &TIMESTAMP)?,
        signature: extract::header(&parts.headers, &SIGNATURE)?,
        idempotency: idempotency.as_deref(),
        address: peer.map(|peer| peer.0.ip()),
        trace: trace.as_ref(),
    };
    let webhooks = api.service.webhooks();
    let accepted = webhooks
        .receive(&path.flow.0, &path.token, delivery)
        .await?;
    let (run, replayed) = (accepted.run, accepted.replayed);
    let headers = [(header::LOCATION, format!("/api/v1/runs/{run}"))];
    let mut answer = (StatusCode::ACCEPTED, headers, Json(accepted)).into_response();
    if replayed {
        start::replayed(&mut answer);
    }
    Ok(answer)
}
