//! The versions of a flow: read, compared, made active; and what they resolved to.

use axum::Json;
use axum::extract::State;
use lockgate_service::flows::{DiffView, FlowVersionView, VersionLock};
use lockgate_service::plugins::Activation;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::names::{FlowPath, FlowVersionPath};
use crate::api::{Answer, App};
use crate::body::Given;
use crate::extract::{Path, Query, Who};
use crate::whole;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(flow_versions))
        .routes(routes!(flow_version))
        .routes(routes!(flow_diff))
        .routes(routes!(activate_flow))
        .routes(routes!(flow_locks))
}

/// Which versions are compared.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DiffQuery {
    /// The version on the older side.
    #[param(minimum = 1, maximum = 4_294_967_295_u32)]
    from: u32,
    /// The version on the newer side.
    #[param(minimum = 1, maximum = 4_294_967_295_u32)]
    to: u32,
}

/// Which locks are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LocksQuery {
    /// Those of this version. Left out: of all.
    #[param(minimum = 1, maximum = 4_294_967_295_u32)]
    version: Option<u32>,
}

/// Which version is made active.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FlowActive {
    /// Counts from 1.
    #[serde(deserialize_with = "whole::required")]
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    version: u32,
}

/// The versions of a flow, the newest first, without their texts.
#[utoipa::path(get, path = "/api/v1/flows/{name}/versions", tag = "flows", params(FlowPath),
    responses((status = 200, body = [FlowVersionView], description = "The versions.")))]
async fn flow_versions(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowPath>,
) -> Answer<Vec<FlowVersionView>> {
    let versions = api.service.flows().versions(&caller, &path.name.0);
    Ok(Json(versions.await?))
}

/// One version of a flow, with its text and last lock.
#[utoipa::path(get, path = "/api/v1/flows/{name}/versions/{version}", tag = "flows", params(FlowVersionPath),
    responses((status = 200, body = FlowVersionView, description = "The version.")))]
async fn flow_version(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowVersionPath>,
) -> Answer<FlowVersionView> {
    let flows = api.service.flows();
    let version = flows.version(&caller, &path.name.0, path.version);
    Ok(Json(version.await?))
}

/// What is different between two versions of a flow: in their texts, and in what they resolve to.
#[utoipa::path(get, path = "/api/v1/flows/{name}/diff", tag = "flows", params(FlowPath, DiffQuery),
    responses((status = 200, body = DiffView, description = "What is different.")))]
async fn flow_diff(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowPath>,
    Query(query): Query<DiffQuery>,
) -> Answer<DiffView> {
    let flows = api.service.flows();
    let diff = flows.diff(&caller, &path.name.0, query.from, query.to);
    Ok(Json(diff.await?))
}

/// Makes a version of a flow active, or an earlier one active again.
#[utoipa::path(put, path = "/api/v1/flows/{name}/active", tag = "flows", params(FlowPath),
    request_body = FlowActive,
    responses(
        (status = 200, body = Activation, description = "It is active; these flows have another lock now."),
        (status = 409, description = "Flows would break, so nothing was changed."),
        (status = 422, description = "The version does not plan any more."),
    ))]
async fn activate_flow(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowPath>,
    Given(active): Given<FlowActive>,
) -> Answer<Activation> {
    let flows = api.service.flows();
    let activation = flows.activate(&caller, &path.name.0, active.version);
    Ok(Json(activation.await?))
}

/// What the versions of a flow resolved to, each revision and why it came, the newest first.
#[utoipa::path(get, path = "/api/v1/flows/{name}/locks", tag = "flows", params(FlowPath, LocksQuery),
    responses((status = 200, body = [VersionLock], description = "The locks.")))]
async fn flow_locks(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<FlowPath>,
    Query(query): Query<LocksQuery>,
) -> Answer<Vec<VersionLock>> {
    let flows = api.service.flows();
    let locks = flows.locks(&caller, &path.name.0, query.version);
    Ok(Json(locks.await?))
}
