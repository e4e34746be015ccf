//! Plugins without a sandbox: a component is a JSON document that names its nodes, and the nodes are functions here.

use std::sync::Arc;

use futures::future::BoxFuture;
use lockgate_model::{
    Call, CallEnd, ConfigureError, Failure, FailureKind, Ident, Input, Json, Kebab, Limits, Node,
    NodeInfo, NodeKind, NodeRunner, Outputs, PluginId, PluginInfo, PluginName, Port, Ports,
    Receipt, Value, ValueKind,
};
use lockgate_service::{GuestThreads, LoadedPlugin, PluginLoader, PluginRefused};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// A component of a plugin with these nodes; `salt` makes others of the same version.
pub(crate) fn component(name: &str, version: &str, nodes: &[&str], salt: &str) -> Vec<u8> {
    let said =
        serde_json::json!({ "name": name, "version": version, "nodes": nodes, "salt": salt });
    said.to_string().into_bytes()
}

/// Reads components as [`component`] makes them.
pub(crate) struct Loader;

/// Work on tasks.
pub(crate) struct Tasks;

#[derive(Deserialize)]
struct Said {
    name: String,
    version: String,
    nodes: Vec<String>,
}

struct Plugin {
    id: PluginId,
    info: PluginInfo,
}

struct Guest {
    id: PluginId,
    info: NodeInfo,
}

struct Runner {
    node: Kebab,
    ports: Ports,
}

impl GuestThreads for Tasks {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        tokio::spawn(work);
    }
}

impl PluginLoader for Loader {
    fn load(
        &self,
        publisher: Kebab,
        bytes: Arc<[u8]>,
    ) -> BoxFuture<'_, Result<Arc<dyn LoadedPlugin>, PluginRefused>> {
        Box::pin(async move {
            let said: Said = serde_json::from_slice(&bytes).map_err(|_| PluginRefused {
                code: "not-wasm",
                message: "the file is no component".into(),
                findings: vec!["it does not begin as one".into()],
            })?;
            let name: Kebab = said.name.parse().expect("a name");
            let digest = Sha256::digest(&bytes);
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let version: semver::Version = said.version.parse().expect("a version");
            Ok(Arc::new(Plugin {
                id: PluginId {
                    name: PluginName {
                        publisher,
                        name: name.clone(),
                    },
                    version: version.clone(),
                    digest: digest.into(),
                },
                info: PluginInfo {
                    name,
                    version,
                    summary: "For tests.".into(),
                    nodes: said.nodes.iter().map(|node| describe(node)).collect(),
                },
            }) as Arc<dyn LoadedPlugin>)
        })
    }
}

fn describe(node: &str) -> NodeInfo {
    let is_validator = node == "reject";
    let mut outputs = vec![port("text", ValueKind::Text, node == "tell")];
    if node == "tell" {
        outputs.push(port("usage", ValueKind::Json, false));
    }
    NodeInfo {
        name: node.parse().expect("a name"),
        summary: format!("Does what `{node}` says."),
        kind: if is_validator {
            NodeKind::Validator
        } else {
            NodeKind::Transform
        },
        ports: Ports {
            inputs: vec![port("text", ValueKind::Text, false)],
            outputs,
        },
        config_schema: Json::default(),
        pure: false,
    }
}

fn port(name: &str, kind: ValueKind, streaming: bool) -> Port {
    Port {
        name: ident(name),
        summary: String::new(),
        kind,
        required: true,
        streaming,
        schema: None,
    }
}

fn ident(name: &str) -> Ident {
    name.parse().expect("a name")
}

impl LoadedPlugin for Plugin {
    fn id(&self) -> &PluginId {
        &self.id
    }

    fn info(&self) -> &PluginInfo {
        &self.info
    }

    fn imports(&self) -> &[String] {
        &[]
    }

    fn node(&self, name: &str) -> Option<Arc<dyn Node>> {
        let info = self.info.nodes.iter().find(|n| n.name.as_str() == name)?;
        Some(Arc::new(Guest {
            id: self.id.clone(),
            info: info.clone(),
        }))
    }
}

impl Node for Guest {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn plugin(&self) -> &PluginId {
        &self.id
    }

    fn limits(&self) -> &Limits {
        static LIMITS: std::sync::LazyLock<Limits> = std::sync::LazyLock::new(Limits::default);
        &LIMITS
    }

    fn configure(
        &self,
        _: Json,
        _: Limits,
    ) -> BoxFuture<'_, Result<Arc<dyn NodeRunner>, ConfigureError>> {
        Box::pin(async move {
            Ok(Arc::new(Runner {
                node: self.info.name.clone(),
                ports: self.info.ports.clone(),
            }) as Arc<dyn NodeRunner>)
        })
    }
}

impl NodeRunner for Runner {
    fn ports(&self) -> &Ports {
        &self.ports
    }

    fn run(&self, call: Call) -> BoxFuture<'_, CallEnd> {
        Box::pin(async move {
            let result = self.work(call).await.map_err(Into::into);
            CallEnd {
                result,
                receipt: Receipt {
                    fuel: 1_000,
                    memory_bytes: 65_536,
                    ..Receipt::default()
                },
            }
        })
    }
}

impl Runner {
    async fn work(&self, call: Call) -> Result<Outputs, Failure> {
        let text = call.inputs.iter().find_map(|(_, input)| match input {
            Input::Value(Value::Text(text)) => Some(text.to_string()),
            _ => None,
        });
        let text = text.unwrap_or_default();
        let out = ident("text");
        match self.node.as_str() {
            "upper" => Ok(vec![(out, Value::text(text.to_uppercase()))]),
            "reject" => Err(Failure::new(FailureKind::Rejected, "not <b>this</b>")),
            "wait" => std::future::pending().await,
            "tell" => {
                for part in ["You said: ", &text] {
                    call.sink.part(&out, &Value::text(part)).await;
                }
                let usage = serde_json::json!({
                    "provider": "none", "model": "none", "input_tokens": 3, "output_tokens": 4,
                });
                let usage = Value::Json((&usage).into());
                let whole = Value::text(format!("You said: {text}"));
                Ok(vec![(out, whole), (ident("usage"), usage)])
            }
            other => Err(Failure::new(
                FailureKind::Internal,
                format!("no node `{other}`"),
            )),
        }
    }
}
