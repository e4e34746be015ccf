//! Whether the host is there, whether it can be given work, and what it can be asked.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use lockgate_service::Scope;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::App;
use crate::extract::Who;
use crate::problem::{Code, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(ready))
        .routes(routes!(document))
}

/// Whether the host is there. It says nothing of what it can do.
#[utoipa::path(get, path = "/healthz", tag = "public",
    responses((status = 200, body = str, content_type = "text/plain", description = "It is there.")))]
async fn health() -> &'static str {
    "ok\n"
}

/// Whether the host can be given work: it is loaded, and not about to stop.
#[utoipa::path(get, path = "/readyz", tag = "public", responses(
    (status = 200, body = str, content_type = "text/plain", description = "It can."),
    (status = 503, description = "It cannot yet, or not any more."),
))]
async fn ready(State(api): State<App>) -> Result<&'static str, Problem> {
    if api.service.is_ready() {
        Ok("ready\n")
    } else {
        Err(Problem::new(Code::Draining, "the host takes no work now"))
    }
}

/// This document. It needs the scope `read`.
#[utoipa::path(get, path = "/openapi.json", tag = "host",
    responses((status = 200, body = Object, description = "OpenAPI 3.1.")))]
async fn document(
    State(api): State<App>,
    Who(caller): Who,
) -> Result<impl IntoResponse + use<>, Problem> {
    caller.may(Scope::Read)?;
    let media = [(header::CONTENT_TYPE, "application/json")];
    Ok((media, api.openapi.clone()))
}
