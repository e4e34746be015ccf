//! The names that paths have, each with the rule that OpenAPI says of it.

use lockgate_model::{Kebab, PluginName};
use semver::Version;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::extract::Text;

/// A flow.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct FlowPath {
    /// The flow's name, in kebab-case.
    #[param(value_type = String, min_length = 1, max_length = 64, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", example = "poem")]
    pub(super) name: Text<Kebab>,
}

/// A version of a flow.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct FlowVersionPath {
    /// The flow's name, in kebab-case.
    #[param(value_type = String, min_length = 1, max_length = 64, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", example = "poem")]
    pub(super) name: Text<Kebab>,
    /// The version: counts from 1.
    #[param(minimum = 1, maximum = 4_294_967_295_u32)]
    pub(super) version: u32,
}

/// A plugin.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct PluginPath {
    /// The plugin's full name, `publisher:name`; `lockgate:` may be left out.
    #[param(value_type = String, min_length = 1, max_length = 129, pattern = "^([a-z][a-z0-9]*(-[a-z0-9]+)*:)?[a-z][a-z0-9]*(-[a-z0-9]+)*$", example = "lockgate:text")]
    pub(super) name: Text<PluginName>,
}

/// A version of a plugin.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct PluginVersionPath {
    /// The plugin's full name, `publisher:name`; `lockgate:` may be left out.
    #[param(value_type = String, min_length = 1, max_length = 129, pattern = "^([a-z][a-z0-9]*(-[a-z0-9]+)*:)?[a-z][a-z0-9]*(-[a-z0-9]+)*$", example = "lockgate:text")]
    pub(super) name: Text<PluginName>,
    /// The version, as Semantic Versioning 2.0.0 writes it.
    #[param(value_type = String, max_length = 256, pattern = r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})$", example = "1.2.0")]
    pub(super) version: Text<Version>,
}

/// An upload.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct UploadPath {
    /// The upload's id.
    #[param(format = "uuid")]
    pub(super) id: Uuid,
}

/// A run.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct RunPath {
    /// The run's id.
    #[param(format = "uuid")]
    pub(super) run: Uuid,
}

/// A node of a run.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct NodePath {
    /// The run's id.
    #[param(format = "uuid")]
    pub(super) run: Uuid,
    /// The node's name in its flow; within a sub-flow the way to it, such as `chapters[3]/clean` (percent-encoded).
    #[param(
        min_length = 1,
        max_length = 1024,
        pattern = r"^[a-z][a-z0-9_/\[\]]*$",
        example = "clean"
    )]
    pub(super) node: String,
}

/// A batch.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct BatchPath {
    /// The batch's id.
    #[param(format = "uuid")]
    pub(super) batch: Uuid,
}

/// A webhook of a flow.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct WebhookPath {
    /// The flow's name, in kebab-case.
    #[param(value_type = String, min_length = 1, max_length = 64, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", example = "poem")]
    pub(super) name: Text<Kebab>,
    /// The webhook's id.
    #[param(format = "uuid")]
    pub(super) webhook: Uuid,
}
