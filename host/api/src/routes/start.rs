//! Runs are started: waited for, followed, or queued. The busiest route is here.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use lockgate_service::Caller;
use lockgate_service::queue::AcceptedView;
use lockgate_service::runs::{RunAsk, RunHandle, RunView, Target, Trigger};
use lockgate_telemetry::trace::RequestSpan;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::names::FlowPath;
use crate::api::{Api, App};
use crate::body::Given;
use crate::extract::{self, Path, Who};
use crate::problem::{Code, Problem};
use crate::sse;
use crate::trace::{TraceHeaders, Traced};
use crate::whole;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The preference of who does not wait.
const RESPOND_ASYNC: &str = "respond-async";

/// The longest `Idempotency-Key`, in bytes.
const MAX_KEY_BYTES: usize = lockgate_service::runs::MAX_IDEMPOTENCY_KEY_BYTES;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(run_flow))
        .routes(routes!(stream_flow))
        .routes(routes!(run_document))
        .routes(routes!(stream_document))
}

/// What a run of a flow is asked for with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FlowRun {
    /// The run's input. Left out: an empty object.
    #[serde(default = "empty")]
    #[schema(required = false)]
    input: Value,
    /// Which version of the flow. Left out: the active one.
    #[serde(default, deserialize_with = "whole::optional")]
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    version: Option<u32>,
    /// Where a queued run stands: higher first.
    #[serde(default, deserialize_with = "whole::required")]
    #[schema(required = false, minimum = -10, maximum = 10, default = 0)]
    priority: i32,
    /// The node to stop at. As `pinned` and `vars`, it can get around a flow's validators: it needs the scope `deploy`, or a
    /// flow that leaves it open.
    until: Option<String>,
    /// Outputs that are given instead of being computed: by node, an object of ports and values.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    pinned: Map<String, Value>,
    /// Values for variables.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    vars: Map<String, Value>,
    /// The session that the run belongs to.
    #[schema(max_length = 128)]
    session: Option<String>,
}

/// What a run of a document is asked for with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DocumentRun {
    /// The document: YAML or JSON, of at most 1 MiB.
    document: String,
    /// What messages call it, such as a file's name.
    #[serde(default = "document_name")]
    #[schema(required = false, max_length = 256)]
    name: String,
    /// The run's input. Left out: an empty object.
    #[serde(default = "empty")]
    #[schema(required = false)]
    input: Value,
    /// The node to stop at.
    until: Option<String>,
    /// Outputs that are given instead of being computed: by node, an object of ports and values.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    pinned: Map<String, Value>,
    /// Values for variables.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    vars: Map<String, Value>,
    /// The session that the run belongs to.
    #[schema(max_length = 128)]
    session: Option<String>,
}

/// How a run is started.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "it says what headers there are, which are read by their names"
)]
pub(super) struct StartHeaders {
    /// `respond-async`: the run is queued, and answered with its place.
    #[param(rename = "Prefer", pattern = "^respond-async$")]
    prefer: Option<String>,
    /// The same key with the same request is answered with the same run, for 24 hours.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    idempotency_key: Option<String>,
}

/// How a run is started that is waited for or followed.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "it says what headers there are, which are read by their names"
)]
pub(super) struct KeyHeader {
    /// The same key with the same request is answered with the same run, for 24 hours.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    idempotency_key: Option<String>,
}

/// Runs a flow and answers when the run ended, however it did: `outcome` says how. With `Prefer: respond-async` it is queued,
/// and answered at once.
#[utoipa::path(post, path = "/api/v1/flows/{name}/runs", tag = "runs", params(FlowPath, StartHeaders, TraceHeaders),
    request_body = FlowRun,
    responses(
        (status = 200, body = RunView, description = "It ended."),
        (status = 202, body = AcceptedView, description = "It is queued.", headers(("Location" = String), ("Preference-Applied" = String))),
        (status = 409, description = "The flow cannot run now, or the first request with this key goes on."),
        (status = 422, description = "The flow does not take it."),
    ))]
async fn run_flow(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowPath>,
    Traced(trace): Traced,
    headers: HeaderMap,
    Given(run): Given<FlowRun>,
) -> Result<Response, Problem> {
    let priority = run.priority;
    let ask = run.ask(path, idempotency(&headers)?, trace);
    start(&api, &caller, &headers, ask, priority).await
}

/// Runs a flow and answers with its events as they happen.
#[utoipa::path(post, path = "/api/v1/flows/{name}/runs/stream", tag = "runs", params(FlowPath, KeyHeader, TraceHeaders),
    request_body = FlowRun,
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "The events of the run; it ends with them."),
        (status = 409, description = "The flow cannot run now, or the first request with this key goes on."),
        (status = 422, description = "The flow does not take it."),
    ))]
async fn stream_flow(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowPath>,
    Traced(trace): Traced,
    headers: HeaderMap,
    Given(run): Given<FlowRun>,
) -> Result<Response, Problem> {
    let ask = run.ask(path, idempotency(&headers)?, trace);
    follow(&api, &caller, ask).await
}

/// Runs a document that comes with the request, against the plugins and flows that are active, and answers when the run
/// ended. It needs the scope `deploy`.
#[utoipa::path(post, path = "/api/v1/runs", tag = "runs", params(StartHeaders, TraceHeaders),
    request_body = DocumentRun,
    responses(
        (status = 200, body = RunView, description = "It ended."),
        (status = 202, body = AcceptedView, description = "It is queued.", headers(("Location" = String), ("Preference-Applied" = String))),
        (status = 409, description = "The first request with this key goes on."),
        (status = 422, description = "The document has faults, or does not take it."),
    ))]
async fn run_document(
    State(api): State<App>,
    Who(caller): Who,
    Traced(trace): Traced,
    headers: HeaderMap,
    Given(run): Given<DocumentRun>,
) -> Result<Response, Problem> {
    let ask = run.ask(idempotency(&headers)?, trace);
    start(&api, &caller, &headers, ask, 0).await
}

/// Runs a document that comes with the request, and answers with the run's events as they happen. It needs the scope
/// `deploy`.
#[utoipa::path(post, path = "/api/v1/runs/stream", tag = "runs", params(KeyHeader, TraceHeaders),
    request_body = DocumentRun,
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "The events of the run; it ends with them."),
        (status = 409, description = "The first request with this key goes on."),
        (status = 422, description = "The document has faults, or does not take it."),
    ))]
async fn stream_document(
    State(api): State<App>,
    Who(caller): Who,
    Traced(trace): Traced,
    headers: HeaderMap,
    Given(run): Given<DocumentRun>,
) -> Result<Response, Problem> {
    let ask = run.ask(idempotency(&headers)?, trace);
    follow(&api, &caller, ask).await
}

/// Waits for a run, or queues it.
async fn start(
    api: &Api,
    caller: &Caller,
    headers: &HeaderMap,
    mut ask: RunAsk,
    priority: i32,
) -> Result<Response, Problem> {
    if is_async(headers)? {
        ask.trigger = Trigger::Queue;
        let accepted = api.service.queue().enqueue(caller, ask, priority).await?;
        let (run, replayed) = (accepted.run, accepted.replayed);
        return Ok(answered_later(run, replayed, &accepted));
    }
    let handle = api.service.runs().launch(caller, ask).await?;
    ended(&handle).await
}

/// The answer when a run ended.
pub(super) async fn ended(handle: &RunHandle) -> Result<Response, Problem> {
    let mut answer = Json(handle.ended().await?).into_response();
    if handle.is_replayed() {
        replayed(&mut answer);
    }
    Ok(answer)
}

/// The answer to who does not wait.
pub(super) fn answered_later(
    run: Uuid,
    is_replayed: bool,
    body: &impl serde::Serialize,
) -> Response {
    let headers = [
        (header::LOCATION, format!("/api/v1/runs/{run}")),
        (PREFERENCE_APPLIED, RESPOND_ASYNC.to_owned()),
    ];
    let mut answer = (StatusCode::ACCEPTED, headers, Json(body)).into_response();
    if is_replayed {
        replayed(&mut answer);
    }
    answer
}

/// Says that an earlier request with the same key is answered.
pub(super) fn replayed(answer: &mut Response) {
    let headers = answer.headers_mut();
    headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
}

/// The events of a run from its start.
async fn follow(api: &Api, caller: &Caller, mut ask: RunAsk) -> Result<Response, Problem> {
    ask.trigger = Trigger::Stream;
    let handle = api.service.runs().start(caller, ask).await?;
    let mut answer = sse::run(handle.events(0), api.config.heartbeat);
    if handle.is_replayed() {
        replayed(&mut answer);
    }
    Ok(answer)
}

/// Whether the client does not wait. Preferences that are not known do not count, as RFC 7240 has it.
pub(super) fn is_async(headers: &HeaderMap) -> Result<bool, Problem> {
    let said = extract::header(headers, &PREFER)?.unwrap_or_default();
    let mut preferences = said.split(',').map(str::trim);
    Ok(preferences.any(|preference| preference.eq_ignore_ascii_case(RESPOND_ASYNC)))
}

/// The request's idempotency key.
pub(super) fn idempotency(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = extract::header(headers, &IDEMPOTENCY_KEY)? else {
        return Ok(None);
    };
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        let detail = format!("`Idempotency-Key` has 1 to {MAX_KEY_BYTES} characters");
        return Err(Problem::new(Code::InvalidHeader, detail));
    }
    Ok(Some(key.to_owned()))
}

impl FlowRun {
    fn ask(
        self,
        path: FlowPath,
        idempotency: Option<String>,
        trace: Option<Arc<RequestSpan>>,
    ) -> RunAsk {
        RunAsk {
            target: Target::Flow {
                flow: path.name.0,
                version: self.version,
            },
            input: self.input,
            vars: self.vars,
            until: self.until,
            pinned: self.pinned,
            session: self.session,
            parent: None,
            trigger: Trigger::Api,
            idempotency,
            parts: None,
            trace,
        }
    }
}

impl DocumentRun {
    fn ask(self, idempotency: Option<String>, trace: Option<Arc<RequestSpan>>) -> RunAsk {
        RunAsk {
            target: Target::Document {
                name: self.name,
                text: self.document,
            },
            input: self.input,
            vars: self.vars,
            until: self.until,
            pinned: self.pinned,
            session: self.session,
            parent: None,
            trigger: Trigger::Api,
            idempotency,
            parts: None,
            trace,
        }
    }
}

fn empty() -> Value {
    Value::Object(Map::new())
}

fn document_name() -> String {
    String::from("document")
}
