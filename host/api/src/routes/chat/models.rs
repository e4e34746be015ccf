//! Flows that chat, as models.

use axum::Json;
use axum::extract::State;
use lockgate_model::Kebab;
use lockgate_service::flows::FlowSummary;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{Answer, App};
use crate::extract::{Path, Text, Who};
use crate::problem::{Code, Problem};

/// Who owns the models.
const OWNER: &str = "lockgate";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_models))
        .routes(routes!(get_model))
}

/// A flow that chats.
#[derive(Debug, Serialize, ToSchema)]
struct Model {
    /// The flow's name.
    id: String,
    /// `model`.
    object: &'static str,
    /// When the flow's newest version was saved: seconds since 1970.
    created: i64,
    /// `lockgate`.
    owned_by: &'static str,
}

/// All of them.
#[derive(Debug, Serialize, ToSchema)]
struct Models {
    /// `list`.
    object: &'static str,
    /// The flows.
    data: Vec<Model>,
}

/// A model.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ModelPath {
    /// The flow's name.
    #[param(value_type = String, min_length = 1, max_length = 64, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", example = "chat")]
    id: Text<Kebab>,
}

/// The flows that chat and have an active version, in the order of their names.
#[utoipa::path(get, path = "/v1/models", tag = "chat",
    responses((status = 200, body = Models, description = "The flows.")))]
async fn list_models(State(api): State<App>, Who(caller): Who) -> Answer<Models> {
    let flows = api.service.flows().list(&caller).await?;
    let chats = flows.iter().filter(|flow| is_model(flow));
    Ok(Json(Models {
        object: "list",
        data: chats.map(Model::of).collect(),
    }))
}

/// One flow that chats.
#[utoipa::path(get, path = "/v1/models/{id}", tag = "chat", params(ModelPath),
    responses((status = 200, body = Model, description = "The flow.")))]
async fn get_model(
    State(api): State<App>,
    Who(caller): Who,
    Path(path): Path<ModelPath>,
) -> Answer<Model> {
    let name = &path.id.0;
    let flows = api.service.flows().list(&caller).await?;
    let model = flows
        .iter()
        .find(|flow| flow.flow == *name && is_model(flow));
    model.map(|flow| Json(Model::of(flow))).ok_or_else(|| {
        let detail = format!("there is no flow `{name}` that chats");
        Problem::new(Code::NotFound, detail)
    })
}

fn is_model(flow: &FlowSummary) -> bool {
    flow.chat && flow.active.is_some()
}

impl Model {
    fn of(flow: &FlowSummary) -> Self {
        Self {
            id: flow.flow.to_string(),
            object: "model",
            created: flow.updated_at.0 / 1000,
            owned_by: OWNER,
        }
    }
}
