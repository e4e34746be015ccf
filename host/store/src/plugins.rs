//! Plugins: what is known of each uploaded version. The bytes are with [`Components`](crate::Components).

use lockgate_model::Kebab;

use crate::{Result, Store, StoreError};

/// One version of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginRow {
    /// The full name, `publisher:name`.
    pub name: String,
    /// The version.
    pub version: String,
    /// The component's digest, `sha256:…`.
    pub digest: String,
    /// The component's size.
    pub bytes: u64,
    /// What the plugin says of itself, as JSON.
    pub info: String,
    /// What the component imports.
    pub imports: Vec<String>,
    /// When it was uploaded, in milliseconds since 1970.
    pub uploaded_at: i64,
    /// Who uploaded it: a key's name.
    pub uploaded_by: String,
    /// Its last activation, a counter of the project that goes up. None: never.
    pub activated: Option<i64>,
}

impl Store {
    /// All versions of all plugins of a project, by name and then as they were uploaded.
    pub async fn plugins(&self, project: &Kebab) -> Result<Vec<PluginRow>> {
        let _ = project;
        Err(StoreError::Closed)
    }
}
