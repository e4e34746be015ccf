//! A node without a sandbox, that gives back what it gets at once: with it, what is left of a flow's time is the engine's.

use std::sync::Arc;

use anyhow::Result;
use futures::future::BoxFuture;
use lockgate_model::{
    Call, CallEnd, ConfigureError, Input, Json, Limits, Node, NodeCatalog, NodeInfo, NodeKind,
    NodeRef, NodeRunner, PluginId, PluginName, Port, Ports, Receipt, UnknownNode, ValueKind,
};

/// A catalog whose every name is the node.
pub(crate) struct Noops(Arc<Noop>);

#[derive(Clone)]
struct Noop {
    info: NodeInfo,
    plugin: PluginId,
}

impl Noops {
    /// A catalog whose every name is the node.
    pub(crate) fn new() -> Result<Self> {
        let port = Port {
            name: "value".parse()?,
            summary: String::new(),
            kind: ValueKind::Any,
            required: true,
            streaming: false,
            schema: None,
        };
        Ok(Self(Arc::new(Noop {
            info: NodeInfo {
                name: "echo".parse()?,
                summary: String::new(),
                kind: NodeKind::Transform,
                ports: Ports {
                    inputs: vec![port.clone()],
                    outputs: vec![port],
                },
                config_schema: Json::parse("{}")?,
                pure: true,
            },
            plugin: PluginId {
                name: PluginName::house("echo".parse()?),
                version: semver::Version::new(0, 1, 0),
                digest: "".into(),
            },
        })))
    }

    /// The node.
    pub(crate) fn runner(&self) -> Arc<dyn NodeRunner> {
        self.0.clone()
    }
}

impl NodeCatalog for Noops {
    fn find(&self, _: &NodeRef) -> Result<Arc<dyn Node>, UnknownNode> {
        Ok(self.0.clone())
    }
}

impl Node for Noop {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn plugin(&self) -> &PluginId {
        &self.plugin
    }

    fn limits(&self) -> &Limits {
        &Limits::DEFAULT
    }

    fn configure(
        &self,
        _: Json,
        _: Limits,
    ) -> BoxFuture<'_, Result<Arc<dyn NodeRunner>, ConfigureError>> {
        let runner: Arc<dyn NodeRunner> = Arc::new(self.clone());
        Box::pin(std::future::ready(Ok(runner)))
    }
}

impl NodeRunner for Noop {
    fn ports(&self) -> &Ports {
        &self.info.ports
    }

    fn run(&self, call: Call) -> BoxFuture<'_, CallEnd> {
        let whole = |(port, input)| match input {
            Input::Value(value) => Some((port, value)),
            Input::Parts(_) => None,
        };
        let outputs = call.inputs.into_iter().filter_map(whole).collect();
        Box::pin(std::future::ready(CallEnd {
            result: Ok(outputs),
            receipt: Receipt::default(),
        }))
    }
}
