//! Runs: listed, read, followed, cancelled.

use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use lockgate_model::Kebab;
use lockgate_service::Page;
use lockgate_service::runs::{
    Cancelled, NodeAsk, NodeView, RunState, RunSummary, RunView, RunsQuery,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::names::{NodePath, RunPath};
use crate::api::{Answer, App};
use crate::extract::{Path, Query, Text, Who};
use crate::problem::Problem;
use crate::sse;
use crate::time::Time;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_runs))
        .routes(routes!(get_run, cancel_run))
        .routes(routes!(run_node))
        .routes(routes!(run_events))
}

/// Which runs are listed. Everything that is given has to fit.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Runs of this flow.
    #[param(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    flow: Option<Text<Kebab>>,
    /// Runs that ended like this.
    #[param(inline)]
    outcome: Option<Outcome>,
    /// Runs that are so far.
    #[param(inline)]
    state: Option<Progress>,
    /// Runs that were asked for at this time or later: RFC 3339.
    #[param(value_type = Option<String>, format = "date-time")]
    since: Option<Text<Time>>,
    /// Runs that were asked for before this time: RFC 3339.
    #[param(value_type = Option<String>, format = "date-time")]
    until: Option<Text<Time>>,
    /// Runs of this batch.
    #[param(format = "uuid")]
    batch: Option<Uuid>,
    /// Runs that this started.
    #[param(inline)]
    trigger: Option<TriggerWord>,
    /// Runs with this label: `name:value`.
    #[param(value_type = Option<String>, pattern = "^[a-z][a-z0-9_]*:.*$", example = "topic:sea")]
    label: Option<Text<Label>>,
    /// Runs of this session.
    session: Option<String>,
    /// Where the list goes on: `next` of the piece before.
    #[param(format = "uuid")]
    cursor: Option<Uuid>,
    /// How many at most. Left out: 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ok,
    Failed,
    Rejected,
    Trapped,
    Denied,
    Cancelled,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Progress {
    Queued,
    Running,
    Finished,
}

/// What started a run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum TriggerWord {
    Api,
    Stream,
    Queue,
    Batch,
    Webhook,
    Chat,
    Rerun,
}

/// Which elements of a node are told.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct NodeQuery {
    /// Those after this one. Left out: from the first on.
    #[param(minimum = 0, maximum = 4_294_967_295_u32)]
    after: Option<u32>,
    /// How many at most. Left out: 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Where a client goes on that follows again.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "it says what headers there are, which are read by their names"
)]
struct FollowHeaders {
    /// The id of the last event that the client has seen.
    #[param(rename = "Last-Event-ID", minimum = 0)]
    last_event_id: Option<u64>,
}

/// Runs, the newest first. A key with nothing but the scope `run` sees those that it started.
#[utoipa::path(get, path = "/api/v1/runs", tag = "runs", params(ListQuery), responses(
    (status = 200, body = Page<RunSummary>, description = "A piece of the list."),
    (status = 422, description = "A part of the query makes no sense."),
))]
async fn list_runs(
    State(api): State<App>,
    Who(caller): Who,
    Query(query): Query<ListQuery>,
) -> Answer<Page<RunSummary>> {
    let query = RunsQuery {
        flow: query.flow.map(|flow| flow.0),
        outcome: query.outcome.map(word),
        state: query.state.map(word),
        since_ms: query.since.map(|since| since.0.0),
        until_ms: query.until.map(|until| until.0.0),
        batch: query.batch,
        trigger: query.trigger.map(word),
        label: query.label.map(|label| (label.0.name, label.0.value)),
        session: query.session,
        cursor: query.cursor.map(|cursor| cursor.to_string()),
        limit: query.limit,
    };
    Ok(Json(api.service.runs().list(&caller, query).await?))
}

/// A run, however far it is.
#[utoipa::path(get, path = "/api/v1/runs/{run}", tag = "runs", params(RunPath),
    responses((status = 200, body = RunView, description = "The run.")))]
async fn get_run(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<RunPath>,
) -> Answer<Arc<RunView>> {
    Ok(Json(api.service.runs().get(&caller, path.run).await?))
}

/// The course of one node in a run: what it was given, what it gave and what it used, for each element and attempt.
#[utoipa::path(get, path = "/api/v1/runs/{run}/nodes/{node}", tag = "runs", params(NodePath, NodeQuery),
    responses(
        (status = 200, body = NodeView, description = "The node's course."),
        (status = 422, description = "A part of the query makes no sense."),
    ))]
async fn run_node(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<NodePath>,
    Query(query): Query<NodeQuery>,
) -> Answer<NodeView> {
    let ask = NodeAsk {
        node: path.node,
        after: query.after,
        limit: query.limit,
    };
    Ok(Json(api.service.runs().node(&caller, path.run, ask).await?))
}

/// The events of a run: those that were, and then those that come, until its last. `id` is an event's number; a client that
/// comes back says the last one it has seen.
#[utoipa::path(get, path = "/api/v1/runs/{run}/events", tag = "runs", params(RunPath, FollowHeaders),
    responses((status = 200, body = String, content_type = "text/event-stream", description = "The events.")))]
async fn run_events(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<RunPath>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = sse::last_seen(&headers)?;
    let events = api.service.runs().events(&caller, path.run, after).await?;
    Ok(sse::run(events, api.config.heartbeat))
}

/// Ends a run: one that waits at once, one that goes on in a moment.
#[utoipa::path(delete, path = "/api/v1/runs/{run}", tag = "runs", params(RunPath), responses(
    (status = 200, body = Cancelled, description = "It waited, and is over."),
    (status = 202, body = Cancelled, description = "It ends in a moment."),
    (status = 409, description = "It is finished."),
))]
async fn cancel_run(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<RunPath>,
) -> Result<Response, Problem> {
    let cancelled = api.service.runs().cancel(&caller, path.run).await?;
    let status = match cancelled.state {
        RunState::Running => StatusCode::ACCEPTED,
        RunState::Queued | RunState::Finished => StatusCode::OK,
    };
    Ok((status, Json(cancelled)).into_response())
}

/// The word that a choice is in a query.
fn word(choice: impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(), // a choice without fields is a word
    }
}

/// A label and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Label {
    name: String,
    value: String,
}

/// A text is no label.
#[derive(Debug, thiserror::Error)]
#[error("a label is written as `name:value`")]
struct NoLabel;

impl FromStr for Label {
    type Err = NoLabel;

    fn from_str(text: &str) -> Result<Self, NoLabel> {
        let (name, value) = text.split_once(':').ok_or(NoLabel)?;
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}
