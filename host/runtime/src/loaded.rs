//! What a loaded plugin is made of.

use std::sync::Arc;

use lockgate_model::{Limits, PluginId, PluginInfo};

use crate::answers::Answers;
use crate::contract::Adapter;
use crate::host::Host;

/// A loaded plugin, as its nodes and their calls share it.
pub(crate) struct Loaded {
    pub(crate) host: Arc<Host>,
    pub(crate) adapter: Box<dyn Adapter>,
    pub(crate) id: PluginId,
    pub(crate) info: PluginInfo,
    pub(crate) limits: Limits,
    /// How many core instances a call makes.
    pub(crate) instances: u32,
    /// How many places a call takes.
    pub(crate) places: u32,
    /// The interfaces that it imports.
    pub(crate) imports: Vec<String>,
    /// What it answered before.
    pub(crate) answers: Answers,
}
