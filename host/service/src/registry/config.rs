//! How much a host takes of plugins and flows.

use std::time::Duration;

/// How much a host takes of plugins and flows, and when what is uploaded becomes active.
#[derive(Debug, Clone)]
pub struct RegistryConfig {
    /// Whether an upload that does not say it is made active. What `--dev` sets.
    pub activate_uploads: bool,
    /// The most bytes of a component.
    pub max_component_bytes: u64,
    /// How many components are compiled at once.
    pub compiling: usize,
    /// How many uploads there may be at once, those that are being compiled included. Each holds its component in memory.
    pub uploads: usize,
    /// How long an upload is waited for before it answers that it goes on.
    pub upload_wait: Duration,
    /// How many documents are checked or planned at once beside those that are saved.
    pub checking: usize,
    /// How many plugins a project may have.
    pub max_plugins: usize,
    /// How many versions a plugin may have.
    pub max_plugin_versions: usize,
    /// How many flows a project may have.
    pub max_flows: usize,
    /// How many versions a flow may have.
    pub max_flow_versions: u32,
    /// How many drafts a project may have.
    pub max_drafts: usize,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            activate_uploads: false,
            max_component_bytes: 64 << 20,
            compiling: 2,
            uploads: 8,
            upload_wait: Duration::from_secs(10),
            checking: 4,
            max_plugins: 500,
            max_plugin_versions: 200,
            max_flows: 2_000,
            max_flow_versions: 10_000,
            max_drafts: 2_000,
        }
    }
}
