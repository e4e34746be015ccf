//! All routes, one file for each noun. A handler parses, calls the service and answers; what it does is the service's.

mod alerts;
mod audit;
mod batches;
mod chat;
mod drafts;
mod flows;
mod health;
mod metrics;
mod names;
mod plugins;
mod queue;
mod rerun;
mod runs;
mod start;
mod stats;
mod versions;
mod webhooks;

use utoipa_axum::router::OpenApiRouter;

use crate::api::App;

/// All routes, with what OpenAPI says of them.
pub(crate) fn all() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(plugins::routes())
        .merge(flows::routes())
        .merge(versions::routes())
        .merge(drafts::routes())
        .merge(start::routes())
        .merge(runs::routes())
        .merge(rerun::routes())
        .merge(stats::routes())
        .merge(batches::routes())
        .merge(queue::routes())
        .merge(webhooks::routes())
        .merge(alerts::routes())
        .merge(audit::routes())
        .merge(chat::routes())
}
