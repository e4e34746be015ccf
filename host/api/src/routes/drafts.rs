//! Drafts: texts that an editor keeps beside a flow, and that are never active. Whoever writes one says what they saw before,
//! so that nobody's work is lost in silence.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use lockgate_service::flows::{DraftView, Seen};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::flows;
use super::names::FlowPath;
use crate::api::App;
use crate::extract::{self, Path, Who};
use crate::problem::{Code, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_draft, put_draft, delete_draft))
}

/// What a writer saw before. One of the two is needed.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "it says what headers there are, which are read by their names"
)]
struct Conditions {
    /// The `ETag` of the draft that the writer saw, in quotes; `*`: any.
    #[param(
        rename = "If-Match",
        pattern = r#"^(\*|"[!#-~]{1,64}")?$"#,
        example = "\"1\""
    )]
    if_match: Option<String>,
    /// `*`: there was none.
    #[param(rename = "If-None-Match", pattern = r"^(\*)?$", example = "*")]
    if_none_match: Option<String>,
}

/// The draft of a flow.
#[utoipa::path(get, path = "/api/v1/flows/{name}/draft", tag = "flows", params(FlowPath),
    responses((status = 200, body = DraftView, description = "The draft.", headers(("ETag" = String)))))]
async fn get_draft(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowPath>,
) -> Result<Response, Problem> {
    let draft = api.service.flows().draft(&caller, &path.name.0).await?;
    Ok(told(StatusCode::OK, draft))
}

/// Writes the draft of a flow, which need not be there. The text may have faults, or be no document at all.
#[utoipa::path(put, path = "/api/v1/flows/{name}/draft", tag = "flows", params(FlowPath, Conditions),
    request_body(description = "The text, of at most 1 MiB.", content(
        (serde_json::Value = "application/yaml"),
        (serde_json::Value = "application/json"),
    )),
    responses(
        (status = 200, body = DraftView, description = "It is written.", headers(("ETag" = String))),
        (status = 201, body = DraftView, description = "It is written, and there was none.", headers(("ETag" = String))),
        (status = 409, description = "There are as many as there may be."),
        (status = 412, description = "Somebody else wrote it in between."),
        (status = 428, description = "The request says not what the writer saw."),
    ))]
async fn put_draft(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowPath>,
    request: Request,
) -> Result<Response, Problem> {
    let seen = seen(request.headers())?;
    let status = match seen {
        Seen::Nothing => StatusCode::CREATED,
        Seen::This(_) | Seen::Any => StatusCode::OK,
    };
    let (text, _) = flows::document(&api, request).await?;
    let flows = api.service.flows();
    let draft = flows.put_draft(&caller, &path.name.0, text, seen).await?;
    Ok(told(status, draft))
}

/// Deletes the draft of a flow.
#[utoipa::path(delete, path = "/api/v1/flows/{name}/draft", tag = "flows", params(FlowPath, Conditions),
    responses(
        (status = 204, description = "It is gone."),
        (status = 412, description = "Somebody else wrote it in between."),
        (status = 428, description = "The request says not what the writer saw."),
    ))]
async fn delete_draft(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowPath>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let seen = seen(&headers)?;
    api.service
        .flows()
        .remove_draft(&caller, &path.name.0, seen)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn told(status: StatusCode, draft: DraftView) -> Response {
    let headers = [(header::ETAG, format!("\"{}\"", draft.etag))];
    (status, headers, Json(draft)).into_response()
}

/// What the writer says that they saw.
fn seen(headers: &HeaderMap) -> Result<Seen, Problem> {
    let this = extract::header(headers, &header::IF_MATCH)?;
    let none = extract::header(headers, &header::IF_NONE_MATCH)?;
    let (this, none) = (
        this.filter(|said| !said.is_empty()),
        none.filter(|said| !said.is_empty()),
    );
    let invalid = |name: &HeaderName, rule: &str| {
        Problem::new(Code::InvalidHeader, format!("the header `{name}` {rule}"))
    };
    match (this, none) {
        (Some(_), Some(_)) => Err(Problem::new(
            Code::DraftChanged,
            "`If-Match` and `If-None-Match` cannot both hold",
        )),
        (Some("*"), None) => Ok(Seen::Any),
        (Some(this), None) => this
            .strip_prefix('"')
            .and_then(|this| this.strip_suffix('"'))
            .filter(|tag| (1..=64).contains(&tag.len()) && !tag.contains('"'))
            .map(|tag| Seen::This(tag.to_owned()))
            .ok_or_else(|| invalid(&header::IF_MATCH, "has to be one ETag in quotes, or `*`")),
        (None, Some("*")) => Ok(Seen::Nothing),
        (None, Some(_)) => Err(invalid(&header::IF_NONE_MATCH, "has to be `*`")),
        (None, None) => Err(Problem::new(
            Code::ConditionNeeded,
            "send `If-Match` with the ETag of the draft that you saw, or `If-None-Match: *` if there was none",
        )),
    }
}
