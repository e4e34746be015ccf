//! The audit log: every change, and who made it.

use axum::Json;
use axum::extract::State;
use lockgate_service::{AuditView, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::queue::PieceQuery;
use crate::api::{Answer, App};
use crate::extract::{Query, Who};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(audit_log))
}

/// The changes of the key's project, the newest first. It needs the scope `admin`.
#[utoipa::path(get, path = "/api/v1/audit", tag = "host", params(PieceQuery), responses(
    (status = 200, body = Page<AuditView>, description = "A piece of the log."),
    (status = 422, description = "A part of the query makes no sense."),
))]
async fn audit_log(
    State(api): State<App>,
    Who(caller): Who,
    Query(query): Query<PieceQuery>,
) -> Answer<Page<AuditView>> {
    let cursor = query.cursor.map(|cursor| cursor.to_string());
    let audit = api.service.audit();
    let page = audit.list(&caller, cursor.as_deref(), query.limit);
    Ok(Json(page.await?))
}
