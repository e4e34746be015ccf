//! A loader with one plugin whose nodes do what their names say, and threads that can vanish.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use lockgate_model::*;
use lockgate_service::{GuestThreads, LoadedPlugin, PluginLoader, PluginRefused};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, watch};

/// What the nodes share.
#[derive(Default)]
pub(crate) struct Stage {
    /// `hold` waits for a permit of it.
    pub(crate) gate: Gate,
    /// Calls of `hold` that wait now.
    pub(crate) holding: watch::Sender<usize>,
    /// How often each text went through `echo` or `hold`.
    pub(crate) calls: Mutex<BTreeMap<String, usize>>,
    /// The order of those texts.
    pub(crate) order: Mutex<Vec<String>>,
}

pub(crate) struct Gate(pub(crate) Semaphore);

impl Default for Gate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

pub(crate) struct FakeLoader(pub(crate) Arc<Stage>);

struct FakePlugin {
    id: PluginId,
    info: PluginInfo,
    stage: Arc<Stage>,
}

struct FakeNode {
    plugin: Arc<FakePlugin>,
    index: usize,
}

fn port(name: &str, kind: ValueKind, streaming: bool) -> Port {
    Port {
        name: name.parse().unwrap(),
        summary: String::new(),
        kind,
        required: true,
        streaming,
        schema: None,
    }
}

fn node(name: &str) -> NodeInfo {
    let output = match name {
        "split" => port("parts", ValueKind::Json, false),
        "talk" | "tattle" => port("text", ValueKind::Text, true),
        _ => port("text", ValueKind::Text, false),
    };
    NodeInfo {
        name: name.parse().unwrap(),
        summary: "a fake node".to_owned(),
        kind: NodeKind::Transform,
        ports: Ports {
            inputs: vec![port("text", ValueKind::Text, false)],
            outputs: vec![output],
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
        let digest = Sha256::digest(&bytes);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let version = String::from_utf8(bytes.to_vec()).unwrap();
        let names = [
            "echo", "fail", "flaky", "hold", "large", "panics", "quote", "split", "talk", "tattle",
        ];
        let plugin = FakePlugin {
            id: PluginId {
                name: PluginName {
                    publisher,
                    name: "t".parse().unwrap(),
                },
                version: version.parse().unwrap(),
                digest: digest.into(),
            },
            info: PluginInfo {
                name: "t".parse().unwrap(),
                version: version.parse().unwrap(),
                summary: "a fake".to_owned(),
                nodes: names.map(node).into(),
            },
            stage: Arc::clone(&self.0),
        };
        Box::pin(async { Ok(Arc::new(Shared(Arc::new(plugin))) as Arc<dyn LoadedPlugin>) })
    }
}

struct Shared(Arc<FakePlugin>);

impl LoadedPlugin for Shared {
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
        let mut nodes = self.0.info.nodes.iter();
        let index = nodes.position(|node| node.name.as_str() == name)?;
        let plugin = Arc::clone(&self.0);
        Some(Arc::new(FakeNode { plugin, index }))
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
        let (plugin, index) = (Arc::clone(&self.plugin), self.index);
        Box::pin(async move { Ok(Arc::new(Self { plugin, index }) as Arc<dyn NodeRunner>) })
    }
}

impl NodeRunner for FakeNode {
    fn ports(&self) -> &Ports {
        &self.info().ports
    }

    fn run(&self, call: Call) -> BoxFuture<'_, CallEnd> {
        Box::pin(async move {
            let result = self.work(call).await;
            let receipt = Receipt {
                fuel: 7,
                ..Receipt::default()
            };
            CallEnd { result, receipt }
        })
    }
}

/// One that waits at the gate; counted until it is dropped.
struct Holding<'a>(&'a watch::Sender<usize>);

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl FakeNode {
    async fn work(&self, call: Call) -> Result<Outputs, CallError> {
        let text = call.inputs.iter().find_map(|(_, input)| match input {
            Input::Value(Value::Text(text)) => Some(text.to_string()),
            _ => None,
        });
        let text = text.unwrap_or_default();
        let failed = |kind, message: &str| Err(CallError::Failed(Failure::new(kind, message)));
        let name = self.info().name.as_str();
        let stage = &self.plugin.stage;
        if matches!(name, "echo" | "hold") {
            *stage.calls.lock().unwrap().entry(text.clone()).or_default() += 1;
            stage.order.lock().unwrap().push(text.clone());
        }
        let given = match name {
            "fail" => return failed(FailureKind::Rejected, "not this"),
            "flaky" if call.attempt == 1 => return failed(FailureKind::Upstream, "once more"),
            "panics" => panic!("a node panics"),
            "large" => "x".repeat((1 << 20) + 1),
            "hold" => {
                stage.holding.send_modify(|count| *count += 1);
                let _holding = Holding(&stage.holding);
                stage.gate.0.acquire().await.unwrap().forget();
                text
            }
            "talk" => {
                call.sink.log(LogLevel::Warn, "I talk");
                let port: Ident = "text".parse().unwrap();
                for part in text.split_inclusive(' ') {
                    call.sink.part(&port, &Value::text(part)).await;
                }
                text
            }
            // Says what it got: to the log, and in parts of two characters.
            "tattle" => {
                text.lines()
                    .for_each(|line| call.sink.log(LogLevel::Info, line));
                let port: Ident = "text".parse().unwrap();
                let characters: Vec<_> = text.chars().collect();
                for part in characters.chunks(2) {
                    let part: String = part.iter().collect();
                    call.sink.part(&port, &Value::text(part)).await;
                    tokio::task::yield_now().await; // who follows hears of each
                }
                text
            }
            "quote" => {
                let mut failure = Failure::new(FailureKind::Rejected, format!("not `{text}`"));
                failure.detail = Some(Json::from(&json!({ "text": text })));
                return Err(CallError::Failed(failure));
            }
            "split" => {
                let parts: Vec<_> = text.split(' ').collect();
                let parts = Value::Json(Json::from(&json!(parts)));
                return Ok(vec![("parts".parse().unwrap(), parts)]);
            }
            _ => text,
        };
        Ok(vec![("text".parse().unwrap(), Value::text(given))])
    }
}

/// Threads of the test's own runtime.
#[derive(Default)]
pub(crate) struct Threads {
    /// From now on, work is dropped after it was looked at once.
    pub(crate) vanish: AtomicBool,
}

impl GuestThreads for Threads {
    fn spawn(&self, mut work: BoxFuture<'static, ()>) {
        let vanishes = self.vanish.load(Ordering::SeqCst);
        tokio::spawn(async move {
            if vanishes {
                let _ = futures::poll!(&mut work);
            } else {
                work.await;
            }
        });
    }
}
