//! Batches: many inputs for one flow, accepted together.

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use lockgate_service::batches::{BatchAsk, BatchCancelled, BatchView};
use serde::Deserialize;
use serde_json::Map;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::names::{BatchPath, FlowPath};
use super::start::{self, KeyHeader};
use crate::api::{Answer, App};
use crate::body::Media;
use crate::extract::{Path, Query, Who};
use crate::problem::{Code, Problem};
use crate::trace::{TraceHeaders, Traced};

/// A document on each line.
const LINES: &str = "application/x-ndjson";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(start_batch))
        .routes(routes!(get_batch, cancel_batch))
        .routes(routes!(batch_results))
}

/// What all lines of a batch are run with.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BatchQuery {
    /// Which version of the flow. Left out: the one that is active when each run begins.
    #[param(minimum = 1, maximum = 4_294_967_295_u32)]
    version: Option<u32>,
    /// The node to stop at.
    #[param(max_length = 64)]
    until: Option<String>,
    /// The session that the runs belong to.
    #[param(max_length = 128)]
    session: Option<String>,
    /// Where the runs stand in the queue: higher first. Left out: 0.
    #[param(minimum = -10, maximum = 10)]
    priority: Option<i32>,
}

/// Queues a run for each line, or none at all.
#[utoipa::path(post, path = "/api/v1/flows/{name}/batches", tag = "batches", params(FlowPath, BatchQuery, KeyHeader, TraceHeaders),
    request_body(description = "An input on each line; at most 64 MiB.", content(
        (String = "application/x-ndjson"),
        (String = "text/plain"),
    )),
    responses(
        (status = 202, body = BatchView, description = "All of them are queued.", headers(("Location" = String))),
        (status = 409, description = "The flow cannot run now, or the first request with this key goes on."),
        (status = 422, description = "Lines are no inputs of the flow."),
    ))]
async fn start_batch(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowPath>,
    Query(query): Query<BatchQuery>,
    Traced(trace): Traced,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    if Media::of(&parts.headers)? != Media::Lines {
        return Err(Media::refused(&[Media::Lines]));
    }
    let idempotency = start::idempotency(&parts.headers)?;
    let most = api.config.batch_bytes;
    let body = api.room.receive(&parts.headers, body, most).await?;
    let lines = String::from_utf8(body.bytes.to_vec())
        .map_err(|_| Problem::new(Code::InvalidBody, "the body is not UTF-8"))?;
    let ask = BatchAsk {
        flow: path.name.0,
        version: query.version,
        lines,
        vars: Map::new(),
        until: query.until,
        session: query.session,
        priority: query.priority.unwrap_or_default(),
        idempotency,
        trace,
    };
    let batch = api.service.batches().accept(&caller, ask).await?;
    let headers = [(header::LOCATION, format!("/api/v1/batches/{}", batch.batch))];
    let replayed = batch.replayed;
    let mut answer = (StatusCode::ACCEPTED, headers, Json(batch)).into_response();
    if replayed {
        start::replayed(&mut answer);
    }
    Ok(answer)
}

/// How far a batch is.
#[utoipa::path(get, path = "/api/v1/batches/{batch}", tag = "batches", params(BatchPath),
    responses((status = 200, body = BatchView, description = "The batch.")))]
async fn get_batch(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<BatchPath>,
) -> Answer<BatchView> {
    Ok(Json(api.service.batches().get(&caller, path.batch).await?))
}

/// What came of each line until now, in their order.
#[utoipa::path(get, path = "/api/v1/batches/{batch}/results", tag = "batches", params(BatchPath),
    responses((status = 200, body = String, content_type = "application/x-ndjson", description = "A result on each line.")))]
async fn batch_results(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<BatchPath>,
) -> Result<Response, Problem> {
    let results = api.service.batches().results(&caller, path.batch).await?;
    let lines = results.map(|line| {
        line.map(|mut line| {
            line.push('\n');
            line
        })
    });
    // An error in between ends the connection, so that nobody takes a part for the whole.
    let body = Body::from_stream(lines);
    Ok(([(header::CONTENT_TYPE, LINES)], body).into_response())
}

/// Ends all runs of a batch that are not finished.
#[utoipa::path(delete, path = "/api/v1/batches/{batch}", tag = "batches", params(BatchPath),
    responses((status = 202, body = BatchCancelled, description = "Those that wait are over; others end in a moment.")))]
async fn cancel_batch(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<BatchPath>,
) -> Result<(StatusCode, Json<BatchCancelled>), Problem> {
    let cancelled = api.service.batches().cancel(&caller, path.batch).await?;
    Ok((StatusCode::ACCEPTED, Json(cancelled)))
}
