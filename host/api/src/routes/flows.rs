//! Flows: saved, listed, read, deleted.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use lockgate_flow::Examination;
use lockgate_service::flows::{FlowSummary, FlowView, Format, Put, Saved};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::names::FlowPath;
use crate::api::{Answer, Api, App};
use crate::body::Media;
use crate::extract::{Path, Query, Who};
use crate::problem::{Code, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_flows))
        .routes(routes!(check_flow))
        .routes(routes!(get_flow, put_flow, delete_flow))
}

/// What messages call a document that is only looked at.
const DOCUMENT: &str = "document";

/// How a document is saved.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PutQuery {
    /// Whether its version becomes the active one. Left out: it does.
    activate: Option<bool>,
}

/// The flows that the key is for, in the order of their names.
#[utoipa::path(get, path = "/api/v1/flows", tag = "flows",
    responses((status = 200, body = [FlowSummary], description = "All of them.")))]
async fn list_flows(State(api): State<App>, Who(caller): Who) -> Answer<Vec<FlowSummary>> {
    Ok(Json(api.service.flows().list(&caller).await?))
}

/// Saves a document: a new version, unless a version means the same. It has to plan, active or not.
///
/// No flow can be called `check`: that is where documents are only looked at.
#[utoipa::path(put, path = "/api/v1/flows/{name}", tag = "flows", params(FlowPath, PutQuery),
    request_body(description = "The flow's document, of at most 1 MiB.", content(
        (serde_json::Value = "application/yaml"),
        (serde_json::Value = "application/json"),
    )),
    responses(
        (status = 200, body = Saved, description = "A version means the same already."),
        (status = 201, body = Saved, description = "It is a new version.", headers(("Location" = String))),
        (status = 409, description = "Flows that run this one would break, or there are as many as there may be."),
        (status = 422, description = "The document has faults."),
    ))]
async fn put_flow(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowPath>,
    Query(query): Query<PutQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let (text, format) = document(&api, request).await?;
    let put = Put {
        activate: query.activate.unwrap_or(true),
        format: Some(format),
    };
    let saved = api
        .service
        .flows()
        .put(&caller, &path.name.0, text, put)
        .await?;
    if !saved.created {
        return Ok(Json(saved).into_response());
    }
    let location = format!("/api/v1/flows/{}/versions/{}", saved.flow, saved.version);
    let headers = [(header::LOCATION, location)];
    Ok((StatusCode::CREATED, headers, Json(saved)).into_response())
}

/// The text of a document that is a request's body, and how it is written.
pub(super) async fn document(api: &Api, request: Request) -> Result<(String, Format), Problem> {
    let (parts, body) = request.into_parts();
    let format = match Media::of(&parts.headers)? {
        Media::Json => Format::Json,
        Media::Yaml => Format::Yaml,
        _ => return Err(Media::refused(&[Media::Yaml, Media::Json])),
    };
    let most = api.config.json_bytes;
    let body = api.room.receive(&parts.headers, body, most).await?;
    let text = String::from_utf8(body.bytes.to_vec())
        .map_err(|_| Problem::new(Code::InvalidBody, "the body is not UTF-8"))?;
    Ok((text, format))
}

/// All that is known of a document, saved or not, against what is active now: its faults, its nodes with their ports, and what
/// flows from where to where. It needs the scope `deploy`.
#[utoipa::path(post, path = "/api/v1/flows/check", tag = "flows",
    request_body(description = "The flow's document, of at most 1 MiB.", content(
        (serde_json::Value = "application/yaml"),
        (serde_json::Value = "application/json"),
    )),
    responses((status = 200, body = Examination, description = "What is known of it, faults included.")))]
async fn check_flow(
    State(api): State<App>,
    Who(caller): Who,
    request: Request,
) -> Answer<Examination> {
    let (text, _) = document(&api, request).await?;
    let flows = api.service.flows();
    Ok(Json(flows.check(&caller, DOCUMENT, &text).await?))
}

/// One flow: its active version, or its newest where none is active.
#[utoipa::path(get, path = "/api/v1/flows/{name}", tag = "flows", params(FlowPath),
    responses((status = 200, body = FlowView, description = "The flow.")))]
async fn get_flow(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowPath>,
) -> Answer<FlowView> {
    Ok(Json(api.service.flows().one(&caller, &path.name.0).await?))
}

/// Deletes a flow with its versions, locks and draft. Its runs stay.
#[utoipa::path(delete, path = "/api/v1/flows/{name}", tag = "flows", params(FlowPath), responses(
    (status = 204, description = "It is gone."),
    (status = 409, description = "Other active flows run it."),
))]
async fn delete_flow(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowPath>,
) -> Result<StatusCode, Problem> {
    api.service.flows().remove(&caller, &path.name.0).await?;
    Ok(StatusCode::NO_CONTENT)
}
