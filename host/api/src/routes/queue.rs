//! The queue: how it is, and what was given up.

use std::num::NonZeroU64;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lockgate_service::Page;
use lockgate_service::queue::{DeadView, QueueView};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::names::RunPath;
use crate::api::{Answer, App};
use crate::extract::{Path, Query, Who};
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_queue))
        .routes(routes!(dead_letters))
        .routes(routes!(requeue_dead))
        .routes(routes!(forget_dead))
}

/// Which piece of a list is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PieceQuery {
    /// Where the list goes on: `next` of the piece before.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 9_223_372_036_854_775_807_i64)]
    pub(super) cursor: Option<NonZeroU64>,
    /// How many at most. Left out: 50.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<u32>,
}

/// How the queue is.
#[utoipa::path(get, path = "/api/v1/queue", tag = "queue",
    responses((status = 200, body = QueueView, description = "The queue.")))]
async fn get_queue(State(api): State<App>, Who(caller): Who) -> Answer<QueueView> {
    Ok(Json(api.service.queue().state(&caller).await?))
}

/// Runs that were given up, the last accepted first.
#[utoipa::path(get, path = "/api/v1/queue/dead", tag = "queue", params(PieceQuery), responses(
    (status = 200, body = Page<DeadView>, description = "A piece of the list."),
    (status = 422, description = "A part of the query makes no sense."),
))]
async fn dead_letters(
    State(api): State<App>,
    Who(caller): Who,
    Query(query): Query<PieceQuery>,
) -> Answer<Page<DeadView>> {
    let cursor = query.cursor.map(|cursor| cursor.to_string());
    let dead = api.service.queue().dead(&caller, cursor, query.limit);
    Ok(Json(dead.await?))
}

/// Puts a run that was given up back into the queue, as if it had never been tried.
#[utoipa::path(post, path = "/api/v1/queue/dead/{run}/requeue", tag = "queue", params(RunPath),
    responses((status = 204, description = "It waits again.")))]
async fn requeue_dead(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<RunPath>,
) -> Result<StatusCode, Problem> {
    api.service.queue().requeue(&caller, path.run).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Drops a run that was given up, and its input. What is told of the run stays.
#[utoipa::path(delete, path = "/api/v1/queue/dead/{run}", tag = "queue", params(RunPath),
    responses((status = 204, description = "It is gone.")))]
async fn forget_dead(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<RunPath>,
) -> Result<StatusCode, Problem> {
    api.service.queue().forget(&caller, path.run).await?;
    Ok(StatusCode::NO_CONTENT)
}
