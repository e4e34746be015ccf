//! A loader whose components are a line of JSON: `{"name", "version", "nodes": [{"name", "outputs", "refuses"}], …}`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use futures::future::BoxFuture;
use lockgate_model::*;
use lockgate_service::{LoadedPlugin, PluginLoader, PluginRefused};
use serde_json::{Value as Tree, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

/// A component with one node `run` that gives `text`.
pub(crate) fn component(name: &str, version: &str) -> Vec<u8> {
    with_nodes(name, version, &json!([{ "name": "run" }]))
}

/// A component with these nodes.
pub(crate) fn with_nodes(name: &str, version: &str, nodes: &Tree) -> Vec<u8> {
    let component = json!({ "name": name, "version": version, "nodes": nodes });
    component.to_string().into_bytes()
}

/// A component whose loading waits until the loader is let go.
pub(crate) fn slow(name: &str, version: &str) -> Vec<u8> {
    let nodes = json!([{ "name": "run" }]);
    let component = json!({ "name": name, "version": version, "nodes": nodes, "slow": true });
    component.to_string().into_bytes()
}

/// Loads fakes, and knows which of them are still in memory.
pub(crate) struct FakeLoader {
    loaded: Mutex<BTreeMap<String, Vec<Weak<Fake>>>>,
    /// Slow components take a permit to go on.
    pub(crate) go: Semaphore,
    /// How many loads there were.
    loads: Mutex<usize>,
    at_once: Mutex<(usize, usize)>,
    /// What is refused from now on, as `name@version`.
    refused: Mutex<Vec<String>>,
}

struct Fake {
    id: PluginId,
    info: PluginInfo,
    refusing: Vec<String>,
}

struct FakePlugin(Arc<Fake>);

struct FakeNode {
    plugin: Arc<Fake>,
    index: usize,
}

struct FakeRunner {
    plugin: Arc<Fake>,
    index: usize,
}

impl FakeLoader {
    pub(crate) fn new() -> Self {
        Self {
            loaded: Mutex::default(),
            go: Semaphore::new(0),
            loads: Mutex::default(),
            at_once: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    /// How many copies of a version are in memory: held by a plan, a registry or a run.
    pub(crate) fn alive(&self, version: &str) -> usize {
        let loaded = self.loaded.lock().unwrap();
        let copies = loaded.get(version).into_iter().flatten();
        copies.filter(|copy| copy.strong_count() > 0).count()
    }

    /// How many loads there were.
    pub(crate) fn loads(&self) -> usize {
        *self.loads.lock().unwrap()
    }

    /// How many loads there were at most at the same time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.at_once.lock().unwrap().1
    }

    /// How many loads there are now.
    pub(crate) fn now(&self) -> usize {
        self.at_once.lock().unwrap().0
    }

    /// Refuses a version from now on.
    pub(crate) fn refuse(&self, version: &str) {
        self.refused.lock().unwrap().push(version.to_owned());
    }

    async fn load_one(
        &self,
        publisher: Kebab,
        bytes: &[u8],
    ) -> Result<Arc<dyn LoadedPlugin>, PluginRefused> {
        *self.loads.lock().unwrap() += 1;
        let refused = |message: &str| PluginRefused {
            code: "not-wasm",
            message: message.to_owned(),
            findings: Vec::new(),
        };
        let said: Tree = serde_json::from_slice(bytes).map_err(|_| refused("this is no plugin"))?;
        if said["slow"] == true {
            let permit = self.go.acquire().await;
            permit.unwrap().forget();
        }
        let text = |tree: &Tree| tree.as_str().unwrap().to_owned();
        let key = format!("{}@{}", text(&said["name"]), text(&said["version"]));
        if self.refused.lock().unwrap().contains(&key) {
            return Err(refused("this host does not want it"));
        }
        let nodes = said["nodes"].as_array().unwrap();
        let info = PluginInfo {
            name: text(&said["name"]).parse().unwrap(),
            version: text(&said["version"]).parse().unwrap(),
            summary: "a fake".to_owned(),
            nodes: nodes.iter().map(node).collect(),
        };
        let refusing = nodes.iter().filter(|node| node["refuses"] == true);
        let digest: String = Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let fake = Arc::new(Fake {
            id: PluginId {
                name: PluginName {
                    publisher,
                    name: info.name.clone(),
                },
                version: info.version.clone(),
                digest: digest.into(),
            },
            refusing: refusing.map(|node| text(&node["name"])).collect(),
            info,
        });
        let mut loaded = self.loaded.lock().unwrap();
        loaded.entry(key).or_default().push(Arc::downgrade(&fake));
        Ok(Arc::new(FakePlugin(fake)))
    }
}

fn node(said: &Tree) -> NodeInfo {
    let outputs = said["outputs"].as_array().cloned();
    let outputs = outputs.unwrap_or_else(|| vec![json!("text")]);
    let inputs = said["inputs"].as_array().cloned().unwrap_or_default();
    let port = |name: &Tree, required| Port {
        name: name.as_str().unwrap().parse().unwrap(),
        summary: String::new(),
        kind: ValueKind::Text,
        required,
        streaming: false,
        schema: None,
    };
    NodeInfo {
        name: said["name"].as_str().unwrap().parse().unwrap(),
        summary: "a fake node".to_owned(),
        kind: NodeKind::Transform,
        ports: Ports {
            inputs: inputs.iter().map(|name| port(name, false)).collect(),
            outputs: outputs.iter().map(|name| port(name, true)).collect(),
        },
        config_schema: Json::default(),
        pure: false,
    }
}

impl PluginLoader for FakeLoader {
    fn load(
        &self,
        publisher: Kebab,
        bytes: Arc<[u8]>,
    ) -> BoxFuture<'_, Result<Arc<dyn LoadedPlugin>, PluginRefused>> {
        Box::pin(async move {
            {
                let mut at_once = self.at_once.lock().unwrap();
                at_once.0 += 1;
                at_once.1 = at_once.1.max(at_once.0);
            }
            let loaded = self.load_one(publisher, &bytes).await;
            self.at_once.lock().unwrap().0 -= 1;
            loaded
        })
    }
}

impl LoadedPlugin for FakePlugin {
    fn id(&self) -> &PluginId {
        &self.0.id
    }

    fn info(&self) -> &PluginInfo {
        &self.0.info
    }

    fn imports(&self) -> &[String] {
        &[]
    }

    fn node(&self, name: &str) -> Option<Arc<dyn Node>> {
        let nodes = &self.0.info.nodes;
        let index = nodes.iter().position(|node| node.name.as_str() == name)?;
        Some(Arc::new(FakeNode {
            plugin: self.0.clone(),
            index,
        }))
    }
}

impl Node for FakeNode {
    fn info(&self) -> &NodeInfo {
        &self.plugin.info.nodes[self.index]
    }

    fn plugin(&self) -> &PluginId {
        &self.plugin.id
    }

    fn limits(&self) -> &Limits {
        &Limits::DEFAULT
    }

    fn configure(
        &self,
        _: Json,
        _: Limits,
    ) -> BoxFuture<'_, Result<Arc<dyn NodeRunner>, ConfigureError>> {
        Box::pin(async move {
            let name = self.info().name.to_string();
            if self.plugin.refusing.contains(&name) {
                let error = CallError::Failed(Failure {
                    kind: FailureKind::InvalidInput,
                    message: "not with me".to_owned(),
                    detail: None,
                    retry_after_ms: None,
                });
                return Err(ConfigureError::Node(error));
            }
            Ok(Arc::new(FakeRunner {
                plugin: self.plugin.clone(),
                index: self.index,
            }) as Arc<dyn NodeRunner>)
        })
    }
}

impl NodeRunner for FakeRunner {
    fn ports(&self) -> &Ports {
        &self.plugin.info.nodes[self.index].ports
    }

    fn run(&self, _: Call) -> BoxFuture<'_, CallEnd> {
        Box::pin(async { panic!("these tests run nothing") })
    }
}
