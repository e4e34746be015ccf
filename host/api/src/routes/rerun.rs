//! A finished run is repeated, as a whole or from one of its nodes on.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use lockgate_service::runs::{RerunAsk, RunView};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::names::RunPath;
use super::start::{self, StartHeaders};
use crate::api::App;
use crate::body::Given;
use crate::extract::{Path, Who};
use crate::problem::Problem;
use crate::trace::{TraceHeaders, Traced};
use crate::whole;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(rerun))
}

/// From where a run is repeated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rerun {
    /// The node: it and what depends on it runs again; what else gave outputs is taken over. Left out: all of it runs again.
    #[schema(min_length = 1, max_length = 64)]
    from: Option<String>,
    /// Which version of the flow. Left out: the one that the run had.
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    #[serde(default, deserialize_with = "whole::optional")]
    version: Option<u32>,
    /// Values for variables, over those that the run had.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    vars: Map<String, Value>,
}

/// A run that began.
#[derive(Debug, Serialize, ToSchema)]
struct Begun {
    /// Its id.
    run: Uuid,
}

/// Repeats a finished run, as a whole or from one of its nodes on, and answers when the new run ended. With `Prefer: respond-async` it is
/// answered when it has begun.
#[utoipa::path(post, path = "/api/v1/runs/{run}/rerun", tag = "runs", params(RunPath, StartHeaders, TraceHeaders),
    request_body = Rerun,
    responses(
        (status = 200, body = RunView, description = "It ended."),
        (status = 202, body = Begun, description = "It has begun.", headers(("Location" = String), ("Preference-Applied" = String))),
        (status = 409, description = "The run is not finished, its values were cut or masked, or the flow has no such node any more."),
        (status = 422, description = "The flow does not take it."),
    ))]
async fn rerun(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<RunPath>,
    Traced(trace): Traced,
    headers: HeaderMap,
    Given(rerun): Given<Rerun>,
) -> Result<Response, Problem> {
    let ask = RerunAsk {
        from: rerun.from,
        version: rerun.version,
        vars: rerun.vars,
        idempotency: start::idempotency(&headers)?,
        trace,
    };
    let is_async = start::is_async(&headers)?;
    let handle = api.service.runs().rerun(&caller, path.run, ask).await?;
    if is_async {
        let run = handle.id();
        return Ok(start::answered_later(
            run,
            handle.is_replayed(),
            &Begun { run },
        ));
    }
    start::ended(&handle).await
}
