//! OpenAI's shape on flows that declare themselves chat flows, so that any of its clients can talk to a flow.
//!
//! The flow is the model. What a client says is put where the flow's `chat` wants it, and the answer is the output that it
//! names. When the client goes away, the run is cancelled: nobody else reads it.

mod complete;
mod models;
mod request;
mod stream;
mod told;

use utoipa_axum::router::OpenApiRouter;

use crate::api::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(models::routes())
        .merge(complete::routes())
}
