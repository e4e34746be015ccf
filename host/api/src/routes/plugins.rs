//! Plugins: uploaded, listed, made active, deleted.

use axum::Json;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use lockgate_service::plugins::{
    Activation, PluginSummary, PluginVersionView, PluginView, Upload, UploadDone, UploadStatus,
    Uploaded,
};
use semver::Version;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;
use uuid::Uuid;

use super::names::{PluginPath, PluginVersionPath, UploadPath};
use crate::api::{Answer, App};
use crate::body::{Given, Media};
use crate::extract::{Path, Query, Text, Who};
use crate::problem::{Code, Problem, ProblemView};

/// What a form has beside the component: boundaries, and the heads of its fields.
const FORM_BYTES: usize = 64 << 10;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        // Forms are read from a body that is there whole, and was bounded when it arrived.
        .routes(routes!(list_plugins, upload_plugin).layer(DefaultBodyLimit::disable()))
        .routes(routes!(upload_status))
        .routes(routes!(get_plugin, delete_plugin))
        .routes(routes!(plugin_versions))
        .routes(routes!(delete_plugin_version))
        .routes(routes!(activate_plugin))
}

/// How a component is uploaded.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UploadQuery {
    /// Whether it is made active. Left out: only under `--dev`.
    activate: Option<bool>,
}

/// A component in a form.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "it says what a form has, which is read field by field"
)]
struct UploadForm {
    /// The component.
    #[schema(value_type = String, format = Binary)]
    plugin: Vec<u8>,
}

/// An upload that goes on.
#[derive(Debug, Serialize, ToSchema)]
struct UploadView {
    /// The upload.
    upload: Uuid,
    /// How far it is.
    state: UploadState,
    /// What came of it, once it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<Box<UploadDone>>,
    /// Why it was refused: what the upload would have been answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ProblemView>)]
    problem: Option<serde_json::Value>,
}

/// How far an upload is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum UploadState {
    /// It is being compiled.
    Compiling,
    /// It is there.
    Done,
    /// It is no plugin here.
    Refused,
}

/// Which version is made active.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PluginActive {
    /// As Semantic Versioning 2.0.0 writes it.
    #[schema(value_type = String, max_length = 256, pattern = r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})$", example = "1.2.0")]
    version: Text<Version>,
}

/// All plugins, in the order of their names.
#[utoipa::path(get, path = "/api/v1/plugins", tag = "plugins",
    responses((status = 200, body = [PluginSummary], description = "All of them.")))]
async fn list_plugins(State(api): State<App>, Who(caller): Who) -> Answer<Vec<PluginSummary>> {
    Ok(Json(api.service.plugins().list(&caller)?))
}

/// Uploads a component: it is checked, compiled, asked what it is, and stored for the key's publisher.
#[utoipa::path(post, path = "/api/v1/plugins", tag = "plugins", params(UploadQuery),
    request_body(description = "The component, or a form with the field `plugin`.", content(
        (String = "application/octet-stream"),
        (UploadForm = "multipart/form-data"),
    )),
    responses(
        (status = 200, body = UploadDone, description = "It was there already, with the same bytes."),
        (status = 201, body = UploadDone, description = "It is there.", headers(("Location" = String))),
        (status = 202, body = UploadView, description = "It is still being compiled.", headers(("Location" = String))),
        (status = 409, description = "Its version is there with other bytes, or flows would break."),
        (status = 422, description = "It is no plugin here."),
    ))]
async fn upload_plugin(
    State(api): State<App>,
    Who(caller): Who,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = match Media::of(&parts.headers)? {
        Media::Bytes => {
            let most = api.config.plugin_bytes;
            api.room.receive(&parts.headers, body, most).await?
        }
        Media::Form => {
            let most = api.config.plugin_bytes.saturating_add(FORM_BYTES);
            let mut form = api.room.receive(&parts.headers, body, most).await?;
            form.bytes = in_form(&parts.headers, form.bytes.clone()).await?;
            form
        }
        _ => return Err(Media::refused(&[Media::Bytes, Media::Form])),
    };
    let upload = Upload {
        activate: query.activate,
        replace: false,
    };
    let component = Vec::from(bytes.bytes.clone());
    match api
        .service
        .plugins()
        .upload(&caller, component, upload)
        .await?
    {
        Uploaded::Done(done) if done.created => {
            let location = format!("/api/v1/plugins/{}", done.plugin.plugin);
            let headers = [(header::LOCATION, location)];
            Ok((StatusCode::CREATED, headers, Json(done)).into_response())
        }
        Uploaded::Done(done) => Ok(Json(done).into_response()),
        Uploaded::Compiling(id) => {
            let headers = [(header::LOCATION, format!("/api/v1/plugins/uploads/{id}"))];
            let view = UploadView::new(id, UploadStatus::Compiling);
            Ok((StatusCode::ACCEPTED, headers, Json(view)).into_response())
        }
    }
}

/// The field `plugin` of a form.
async fn in_form(headers: &HeaderMap, form: bytes::Bytes) -> Result<bytes::Bytes, Problem> {
    let invalid = |why: String| Problem::new(Code::InvalidBody, why);
    let mut request = Request::new(Body::from(form));
    *request.headers_mut() = headers.clone();
    request.extensions_mut().clear();
    let request = axum::RequestExt::with_limited_body(request);
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| invalid(error.body_text()))?;
    while let Some(field) = form
        .next_field()
        .await
        .map_err(|error| invalid(error.body_text()))?
    {
        if field.name() == Some("plugin") {
            return field
                .bytes()
                .await
                .map_err(|error| invalid(error.body_text()));
        }
    }
    Err(invalid("the form has no field `plugin`".into()))
}

/// How far an upload is that was answered 202.
#[utoipa::path(get, path = "/api/v1/plugins/uploads/{id}", tag = "plugins", params(UploadPath),
    responses((status = 200, body = UploadView, description = "How far it is.")))]
async fn upload_status(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<UploadPath>,
) -> Answer<UploadView> {
    let status = api
        .service
        .plugins()
        .upload_status(&caller, path.id)
        .await?;
    Ok(Json(UploadView::new(path.id, status)))
}

/// One plugin with all of its versions.
#[utoipa::path(get, path = "/api/v1/plugins/{name}", tag = "plugins", params(PluginPath),
    responses((status = 200, body = PluginView, description = "The plugin.")))]
async fn get_plugin(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<PluginPath>,
) -> Answer<PluginView> {
    Ok(Json(api.service.plugins().one(&caller, &path.name.0)?))
}

/// The versions of a plugin, the newest first.
#[utoipa::path(get, path = "/api/v1/plugins/{name}/versions", tag = "plugins", params(PluginPath),
    responses((status = 200, body = [PluginVersionView], description = "The versions.")))]
async fn plugin_versions(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<PluginPath>,
) -> Answer<Vec<PluginVersionView>> {
    Ok(Json(api.service.plugins().versions(&caller, &path.name.0)?))
}

/// Makes a version active, or an earlier one active again. Active flows whose references admit it are resolved anew, or
/// nothing changes.
#[utoipa::path(put, path = "/api/v1/plugins/{name}/active", tag = "plugins", params(PluginPath),
    request_body = PluginActive,
    responses(
        (status = 200, body = Activation, description = "It is active; these flows have another lock now."),
        (status = 409, description = "Flows would break, so nothing was changed."),
    ))]
async fn activate_plugin(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<PluginPath>,
    Given(active): Given<PluginActive>,
) -> Answer<Activation> {
    let plugins = api.service.plugins();
    let activation = plugins.activate(&caller, &path.name.0, &active.version.0);
    Ok(Json(activation.await?))
}

/// Deletes a plugin with all of its versions.
#[utoipa::path(delete, path = "/api/v1/plugins/{name}", tag = "plugins", params(PluginPath), responses(
    (status = 204, description = "It is gone."),
    (status = 409, description = "Flows need it."),
))]
async fn delete_plugin(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<PluginPath>,
) -> Result<StatusCode, Problem> {
    let plugins = api.service.plugins();
    plugins.remove(&caller, &path.name.0, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a version of a plugin.
#[utoipa::path(delete, path = "/api/v1/plugins/{name}/versions/{version}", tag = "plugins", params(PluginVersionPath),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "Flows need it, or it is the active one of several."),
    ))]
async fn delete_plugin_version(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<PluginVersionPath>,
) -> Result<StatusCode, Problem> {
    let plugins = api.service.plugins();
    let version = Some(&path.version.0);
    plugins.remove(&caller, &path.name.0, version).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl UploadView {
    fn new(upload: Uuid, status: UploadStatus) -> Self {
        let (state, done, problem) = match status {
            UploadStatus::Compiling => (UploadState::Compiling, None, None),
            UploadStatus::Done(done) => (UploadState::Done, Some(done), None),
            UploadStatus::Refused(error) => {
                let problem = Problem::from(error).to_json();
                (UploadState::Refused, None, Some(problem))
            }
        };
        Self {
            upload,
            state,
            done,
            problem,
        }
    }
}
