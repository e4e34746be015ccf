//! Nodes without a sandbox: with them, what is left of a flow's time is the engine's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use lockgate_model::{
    Call, CallEnd, ConfigureError, Input, Json, Limits, Node, NodeCatalog, NodeInfo, NodeKind,
    NodeRef, NodeRunner, Outputs, PluginId, PluginName, Port, Ports, Receipt, UnknownNode, Value,
    ValueKind,
};

/// How many parts `noop/emit` sends.
pub(crate) const PARTS: u32 = 1_000;

/// What a node does with a call.
#[derive(Debug, Clone)]
enum Does {
    /// `echo`: gives back at once what it gets.
    Echo,
    /// `stream`: the same, but that its ports stream.
    Stream,
    /// `wait`: counts itself, and never ends.
    Wait(Arc<AtomicUsize>),
    /// `sleep`: gives back what it gets, after a while.
    Sleep(Duration),
    /// `emit`: sends its text in as many parts as [`PARTS`] says, each the whole of it.
    Emit,
    /// `drain`: reads the parts of its input, and gives an empty text.
    Drain,
}

/// A catalog of the plugin `noop`.
#[derive(Default)]
pub(crate) struct Noops {
    waiting: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct Noop {
    info: NodeInfo,
    plugin: PluginId,
    does: Does,
}

impl Noops {
    /// The node `echo`.
    pub(crate) fn echo() -> Result<Arc<dyn NodeRunner>> {
        Ok(Arc::new(Noop::new("echo", Does::Echo)?))
    }

    /// How many calls of `wait` wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl NodeCatalog for Noops {
    fn find(&self, reference: &NodeRef) -> Result<Arc<dyn Node>, UnknownNode> {
        let does = match reference.node.as_str() {
            "echo" => Some(Does::Echo),
            "stream" => Some(Does::Stream),
            "wait" => Some(Does::Wait(self.waiting.clone())),
            "sleep" => Some(Does::Sleep(Duration::from_secs(1))),
            "emit" => Some(Does::Emit),
            "drain" => Some(Does::Drain),
            _ => None,
        };
        match does.map(|does| Noop::new(reference.node.as_str(), does)) {
            Some(Ok(node)) => Ok(Arc::new(node)),
            _ => Err(UnknownNode {
                reference: reference.clone(),
                versions: Vec::new(),
                plugin_known: true,
                inactive: false,
                nearest: Vec::new(),
            }),
        }
    }
}

impl Noop {
    fn new(name: &str, does: Does) -> Result<Self> {
        let port = |kind, streaming| -> Result<_> {
            Ok(vec![Port {
                name: "value".parse()?,
                summary: String::new(),
                kind,
                required: true,
                streaming,
                schema: None,
            }])
        };
        let (inputs, outputs) = match does {
            Does::Echo | Does::Wait(_) | Does::Sleep(_) => {
                (port(ValueKind::Any, false)?, port(ValueKind::Any, false)?)
            }
            Does::Stream => (port(ValueKind::Text, true)?, port(ValueKind::Text, true)?),
            Does::Emit => (port(ValueKind::Text, false)?, port(ValueKind::Text, true)?),
            Does::Drain => (port(ValueKind::Text, true)?, port(ValueKind::Text, false)?),
        };
        Ok(Self {
            info: NodeInfo {
                name: name.parse()?,
                summary: String::new(),
                kind: NodeKind::Transform,
                ports: Ports { inputs, outputs },
                config_schema: Json::parse("{}")?,
                pure: true,
            },
            plugin: PluginId {
                name: PluginName::house("noop".parse()?),
                version: semver::Version::new(0, 1, 0),
                digest: "".into(),
            },
            does,
        })
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
        match &self.does {
            Does::Echo | Does::Stream => Box::pin(std::future::ready(ended(whole(call)))),
            Does::Wait(waiting) => {
                waiting.fetch_add(1, Ordering::Relaxed);
                std::future::pending().boxed()
            }
            Does::Sleep(time) => async move {
                tokio::time::sleep(*time).await;
                ended(whole(call))
            }
            .boxed(),
            Does::Emit => emit(call).boxed(),
            Does::Drain => drain(call).boxed(),
        }
    }
}

fn whole(call: Call) -> Outputs {
    let whole = |(port, input)| match input {
        Input::Value(value) => Some((port, value)),
        Input::Parts(_) => None,
    };
    call.inputs.into_iter().filter_map(whole).collect()
}

async fn emit(call: Call) -> CallEnd {
    let sink = call.sink.clone();
    let outputs = whole(call);
    for (port, part) in &outputs {
        for _ in 0..PARTS {
            sink.part(port, part).await;
        }
    }
    ended(outputs)
}

async fn drain(call: Call) -> CallEnd {
    let mut outputs = Outputs::new();
    for (port, input) in call.inputs {
        if let Input::Parts(mut parts) = input {
            while parts.next().await.is_ok_and(|parts| !parts.is_empty()) {}
        }
        outputs.push((port, Value::text("")));
    }
    ended(outputs)
}

fn ended(outputs: Outputs) -> CallEnd {
    CallEnd {
        result: Ok(outputs),
        receipt: Receipt::default(),
    }
}
