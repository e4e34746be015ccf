//! What is told of webhooks.

use lockgate_model::Kebab;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Moment;

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WebhookView {
    /// Its id, which is no secret.
    pub webhook: Uuid,
    /// The flow that it starts.
    #[schema(value_type = String)]
    pub flow: Kebab,
    /// Whether deliveries have to be signed.
    pub signed: bool,
    /// The priority of the runs that it starts.
    pub priority: i32,
    /// When it was made.
    pub created_at: Moment,
    /// Who made it: a key's name.
    pub created_by: String,
}

/// A webhook that was made just now.
#[derive(Clone, Serialize, ToSchema)]
pub struct MadeWebhook {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: WebhookView,
    /// What its address ends with. Told once.
    pub token: String,
    /// What its deliveries are signed with. Told once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl std::fmt::Debug for MadeWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadeWebhook")
            .field("webhook", &self.webhook)
            .finish_non_exhaustive()
    }
}
