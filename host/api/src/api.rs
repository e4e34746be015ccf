//! The interface as a whole: what its handlers share, and all of its routes behind one front.

use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use axum::{Json, Router};
use bytes::Bytes;
use lockgate_service::Service;
use lockgate_telemetry::Collector;
use serde_json::Value;

use crate::alerting::Alerting;
use crate::body::Room;
use crate::counts::Counts;
use crate::limits::Limits;
use crate::problem::{Code, Problem};
use crate::scrapes::Scrapes;
use crate::{ApiConfig, front, openapi, routes};

/// What handlers share.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) config: ApiConfig,
    pub(crate) service: Arc<Service>,
    pub(crate) room: Room,
    pub(crate) limits: Limits,
    pub(crate) counts: Counts,
    /// What runs are counted by, where they are.
    pub(crate) collector: Option<Arc<Collector>>,
    pub(crate) scrapes: Arc<Scrapes>,
    /// The rules about what is counted, where there are any.
    pub(crate) alerting: Option<Alerting>,
    /// The OpenAPI document, as it is sent.
    pub(crate) openapi: Bytes,
}

/// What handlers are given.
pub(crate) type App = Arc<Api>;

/// The answer of most handlers.
pub(crate) type Answer<T> = Result<Json<T>, Problem>;

/// All routes over a service.
pub(crate) fn router(
    config: ApiConfig,
    service: Arc<Service>,
    collector: Option<Arc<Collector>>,
    alerting: Option<Alerting>,
) -> Router {
    let (router, document) = routes::all().split_for_parts();
    let document = openapi::complete(document, config.dev);
    let largest = config
        .json_bytes
        .max(config.plugin_bytes)
        .max(config.batch_bytes);
    let api = Arc::new(Api {
        room: Room::new(config.held_bytes, largest, config.body_time),
        limits: Limits::new(config.key_requests, config.failed_requests),
        counts: Counts::new(paths(&document).into_iter()),
        openapi: document.to_string().into(),
        scrapes: Arc::default(),
        collector,
        alerting,
        config,
        service,
    });
    router
        .fallback(async || Problem::new(Code::NoRoute, "`/openapi.json` has all paths"))
        .layer(from_fn_with_state(Arc::clone(&api), front::serve))
        .with_state(api)
}

fn paths(document: &Value) -> Vec<&str> {
    let paths = document.get("paths").and_then(Value::as_object);
    paths
        .into_iter()
        .flatten()
        .map(|(path, _)| path.as_str())
        .collect()
}
