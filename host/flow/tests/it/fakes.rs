//! Nodes and journals for the tests. The nodes have the names and ports of the plugins that ship with Lockgate.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use lockgate_flow::{
    Engine, EngineConfig, Faults, FlowDocument, NoFlows, Override, Plan, RunError, RunRequest,
};
use lockgate_model::*;
use serde_json::{Value as Tree, json};

/// What the fakes may use. Not the host's defaults, so that the messages in `tests/faults` stay when those change.
const LIMITS: Limits = Limits {
    fuel: 2_000_000_000,
    timeout_ms: 30_000,
    memory_bytes: 128 << 20,
    resources: 100,
    output_bytes: 16 << 20,
    ..Limits::DEFAULT
};

type Work = fn(Call) -> BoxFuture<'static, CallEnd>;

/// A catalog of fakes, which counts how often it was asked to configure one.
pub(crate) struct Fakes {
    nodes: HashMap<String, Arc<Fake>>,
}

struct Fake {
    info: NodeInfo,
    plugin: PluginId,
    work: Work,
    configured: AtomicUsize,
}

struct Runner {
    ports: Ports,
    work: Work,
    limits: Limits,
}

fn port(name: &str, kind: ValueKind, required: bool) -> Port {
    Port {
        name: name.parse().expect("a name"),
        summary: String::new(),
        kind,
        required,
        streaming: false,
        schema: None,
    }
}

/// A required port of text that may travel in parts.
fn streaming(name: &str) -> Port {
    Port {
        streaming: true,
        ..port(name, ValueKind::Text, true)
    }
}

impl Fakes {
    pub(crate) fn new() -> Self {
        use ValueKind::{Any, Binary, Json, Text};
        let mut fakes = Self {
            nodes: HashMap::new(),
        };
        fakes.add(
            "text/clean",
            vec![port("text", Text, true)],
            vec![port("text", Text, true)],
            |call| give("text", input(&call, "text")),
        );
        fakes.add(
            "text/upper",
            vec![port("text", Text, true)],
            vec![port("text", Text, true)],
            |call| {
                let upper =
                    input(&call, "text").map(|value| Value::text(text_of(&value).to_uppercase()));
                give("text", upper)
            },
        );
        fakes.add(
            "text/prompt-template",
            vec![],
            vec![port("text", Text, true)],
            |call| {
                let parts: Vec<_> = call
                    .inputs
                    .iter()
                    .map(|(name, value)| format!("{name}={}", whole(value)))
                    .collect();
                give("text", Some(Value::text(parts.join(","))))
            },
        );
        fakes.add(
            "text/split",
            vec![port("text", Text, true)],
            vec![port("parts", Json, true)],
            |call| {
                let text = input(&call, "text")
                    .map(|value| text_of(&value))
                    .unwrap_or_default();
                let parts: Tree = text.split_whitespace().map(Tree::from).collect();
                give("parts", Some(Value::Json((&parts).into())))
            },
        );
        fakes.add(
            "text/join",
            vec![port("parts", Json, true)],
            vec![port("text", Text, true)],
            |call| {
                give(
                    "text",
                    input(&call, "parts").map(|value| Value::text(text_of(&value))),
                )
            },
        );
        fakes.add(
            "validate/length",
            vec![port("text", Text, true)],
            vec![port("text", Text, true)],
            |call| give("text", input(&call, "text")),
        );
        fakes.add(
            "echo/echo",
            vec![port("value", Any, true)],
            vec![port("value", Any, true)],
            |call| give("value", input(&call, "value")),
        );
        let all = || {
            vec![
                port("any", Any, false),
                port("binary", Binary, false),
                port("json", Json, false),
                port("text", Text, false),
            ]
        };
        fakes.add(
            "test/kinds",
            all(),
            vec![port("seen", Json, true)],
            |call| {
                let seen: Tree = call
                    .inputs
                    .iter()
                    .map(|(name, value)| (name.to_string(), Tree::from(whole(value))))
                    .collect::<serde_json::Map<_, _>>()
                    .into();
                give("seen", Some(Value::Json((&seen).into())))
            },
        );
        fakes.add("test/source", vec![port("after", Any, false)], [all(), vec![port("never", Text, false)]].concat(), |_| {
            let outputs = vec![
                (name("text"), Value::text("文 \"t\"")),
                (name("json"), Value::Json(lockgate_model::Json::parse(r#"{"s": "str", "n": 5, "b": true, "list": [1, "two"], "big": 18446744073709551615}"#).expect("json"))),
                (name("binary"), Value::Binary(Blob { media_type: "image/png".into(), data: Bytes::from_static(b"\x89PNG") })),
                (name("any"), Value::text("anything")),
            ];
            end(Ok(outputs))
        });
        let after = || vec![port("after", Any, false)];
        let out = || vec![port("value", Any, true)];
        fakes.add("test/fail", after(), out(), |_| {
            end(Err(Failure::new(
                FailureKind::Upstream,
                "the service\u{1b} is down",
            )
            .into()))
        });
        fakes.add("test/panic", after(), out(), |_| {
            Box::pin(async { std::panic::resume_unwind(Box::new("boom")) })
        });
        fakes.add("test/slow", after(), out(), |call| {
            Box::pin(async move {
                call.sink.log(LogLevel::Info, "slow begins");
                tokio::time::sleep(Duration::from_millis(50)).await;
                call.sink.part(&name("value"), &Value::text("part")).await;
                ok("value", Value::text("slow"))
            })
        });
        fakes.add("test/forever", after(), out(), |_| {
            Box::pin(std::future::pending())
        });
        fakes.add("test/meet", after(), out(), |_| {
            Box::pin(async {
                meeting().wait().await;
                ok("value", Value::text("met"))
            })
        });
        fakes.add(
            "test/speak",
            vec![streaming("prompt"), port("system", Text, false)],
            vec![streaming("text")],
            |call| give("text", input(&call, "prompt")),
        );
        fakes.add("test/large", after(), out(), |_| {
            give("value", Some(Value::text("x".repeat(20 << 20))))
        });
        fakes.add("test/broken", vec![], out(), |_| end(Ok(vec![])));
        fakes.add("test/portless", vec![], out(), |_| end(Ok(vec![])));
        fakes
    }

    fn add(&mut self, reference: &str, inputs: Vec<Port>, outputs: Vec<Port>, work: Work) {
        let parsed: NodeRef = reference.parse().expect("a reference");
        let info = NodeInfo {
            name: parsed.node,
            summary: String::new(),
            kind: NodeKind::Transform,
            ports: Ports { inputs, outputs },
            config_schema: lockgate_model::Json::default(),
            pure: true,
        };
        let plugin = PluginId {
            name: parsed.plugin,
            version: semver::Version::new(1, 0, 0),
            digest: "0".into(),
        };
        let fake = Fake {
            info,
            plugin,
            work,
            configured: AtomicUsize::new(0),
        };
        self.nodes.insert(reference.to_owned(), Arc::new(fake));
    }

    pub(crate) fn configured(&self, reference: &str) -> usize {
        self.nodes[reference].configured.load(Ordering::Relaxed)
    }

    pub(crate) async fn plan(&self, text: &str) -> Result<Plan, Faults> {
        self.plan_with(text, &[]).await
    }

    pub(crate) async fn plan_with(
        &self,
        text: &str,
        overrides: &[Override],
    ) -> Result<Plan, Faults> {
        let document = FlowDocument::parse("flow.yaml", text)?;
        lockgate_flow::plan(&document, self, &NoFlows, overrides).await
    }
}

impl NodeCatalog for Fakes {
    fn find(&self, reference: &NodeRef) -> Result<Arc<dyn Node>, UnknownNode> {
        let name = reference.to_string();
        let prefix = format!("{}/", reference.plugin);
        match self.nodes.get(&name) {
            Some(node) => Ok(Arc::new(Handle(Arc::clone(node)))),
            None => {
                let mut nearest: Vec<_> = self
                    .nodes
                    .keys()
                    .filter(|known| strsim::levenshtein(known, &name) < 4)
                    .cloned()
                    .collect();
                nearest.sort();
                Err(UnknownNode {
                    reference: reference.clone(),
                    versions: vec![],
                    plugin_known: self.nodes.keys().any(|known| known.starts_with(&prefix)),
                    inactive: false,
                    nearest,
                })
            }
        }
    }
}

struct Handle(Arc<Fake>);

impl Node for Handle {
    fn info(&self) -> &NodeInfo {
        &self.0.info
    }

    fn plugin(&self) -> &PluginId {
        &self.0.plugin
    }

    fn limits(&self) -> &Limits {
        &LIMITS
    }

    fn configure(
        &self,
        config: Json,
        limits: Limits,
    ) -> BoxFuture<'_, Result<Arc<dyn NodeRunner>, ConfigureError>> {
        self.0.configured.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let ports = configure(&self.0.info, &config.to_tree())?;
            Ok(Arc::new(Runner {
                ports,
                work: self.0.work,
                limits,
            }) as Arc<dyn NodeRunner>)
        })
    }
}

/// What the real nodes would say to a configuration, roughly.
fn configure(info: &NodeInfo, config: &Tree) -> Result<Ports, ConfigureError> {
    let mut ports = info.ports.clone();
    match info.name.as_str() {
        "prompt-template" => {
            let Some(template) = config.get("template") else {
                let message = "\"template\" is a required property".to_owned();
                return Err(ConfigureError::Schema(vec![SchemaFault {
                    path: String::new(),
                    message,
                }]));
            };
            let Some(template) = template.as_str() else {
                let message = format!("{template} is not of type \"string\"");
                return Err(ConfigureError::Schema(vec![SchemaFault {
                    path: "/template".into(),
                    message,
                }]));
            };
            for (at, line) in template.lines().enumerate() {
                if let Some(column) = line.find("{%") {
                    let mut failure = Failure::new(FailureKind::InvalidInput, "unexpected tag");
                    let column = line[..column].chars().count() + 1;
                    failure.detail = Some(
                        (&json!({"path": "/template", "line": at + 1, "column": column})).into(),
                    );
                    return Err(ConfigureError::Node(failure.into()));
                }
            }
            let variables = template
                .split("{{")
                .skip(1)
                .filter_map(|rest| Some(rest.split_once("}}")?.0.trim()));
            ports.inputs = variables
                .map(|variable| port(variable, ValueKind::Any, true))
                .collect();
        }
        "length" => {
            let faults: Vec<_> = config
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(_, value)| !value.is_u64())
                .map(|(key, value)| SchemaFault {
                    path: format!("/{key}"),
                    message: format!("{value} is not of type \"integer\""),
                })
                .collect();
            if !faults.is_empty() {
                return Err(ConfigureError::Schema(faults));
            }
        }
        "broken" => {
            return Err(ConfigureError::Node(
                Trap {
                    reason: "unreachable".into(),
                    backtrace: vec![],
                }
                .into(),
            ));
        }
        "portless" => {
            return Err(ConfigureError::Ports(vec![
                "the input `a` is there twice".into(),
            ]));
        }
        _ => {}
    }
    Ok(ports)
}

impl NodeRunner for Runner {
    fn ports(&self) -> &Ports {
        &self.ports
    }

    fn run(&self, call: Call) -> BoxFuture<'_, CallEnd> {
        assert!(self.limits.fuel > 0, "limits reach the runner");
        (self.work)(call)
    }
}

pub(crate) fn name(name: &str) -> Ident {
    name.parse().expect("a name")
}

fn input(call: &Call, port: &str) -> Option<Value> {
    call.inputs.iter().find_map(|(name, value)| match value {
        Input::Value(value) if name.as_str() == port => Some(value.clone()),
        _ => None,
    })
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        value => serde_json::to_string(value).expect("a value serialises"),
    }
}

fn whole(input: &Input) -> String {
    let Input::Value(value) = input else {
        return "parts".into();
    };
    format!("{}:{}", value.kind(), text_of(value))
}

fn ok(port: &str, value: Value) -> CallEnd {
    CallEnd {
        result: Ok(vec![(name(port), value)]),
        receipt: Receipt::default(),
    }
}

fn give(port: &str, value: Option<Value>) -> BoxFuture<'static, CallEnd> {
    end(value
        .map(|value| vec![(name(port), value)])
        .ok_or_else(|| Failure::new(FailureKind::InvalidInput, "no input").into()))
}

fn end(result: Result<Outputs, CallError>) -> BoxFuture<'static, CallEnd> {
    Box::pin(std::future::ready(CallEnd {
        result,
        receipt: Receipt::default(),
    }))
}

/// Where two nodes wait for each other: they meet only if they run at the same time.
fn meeting() -> &'static tokio::sync::Barrier {
    static MEETING: std::sync::LazyLock<tokio::sync::Barrier> =
        std::sync::LazyLock::new(|| tokio::sync::Barrier::new(2));
    &MEETING
}

/// A journal that keeps a line for each event.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<String>>);

impl Lines {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }
}

impl Journal for Lines {
    fn record(&self, event: RunEvent) {
        let line = match event {
            RunEvent::RunStarted { flow, .. } => format!("run {flow}"),
            RunEvent::NodeStarted {
                at,
                elements: Some(count),
                ..
            } => format!("start {at} × {count}"),
            RunEvent::NodeStarted { at, attempt: 0, .. } => format!("take {at}"),
            RunEvent::NodeStarted { at, attempt: 1, .. } => format!("start {at}"),
            RunEvent::NodeStarted { at, attempt, .. } => format!("start {at} #{attempt}"),
            RunEvent::NodePart { at, port, .. } => format!("part {at}.{port}"),
            RunEvent::NodeLog {
                at, level, line, ..
            } => format!("log {at} {level} {line}"),
            RunEvent::NodeRetrying { at, error, .. } => format!("retry {at} {}", error.kind()),
            RunEvent::NodeSkipped { at, reason } => match reason {
                SkipReason::When => format!("skip {at}"),
                SkipReason::Needs(node) => format!("skip {at} needs {node}"),
            },
            RunEvent::NodeFinished { at, outcome, .. } => match outcome {
                NodeOutcome::Failed(error) => format!("failed {at} {}", error.kind()),
                outcome => format!("{} {at}", outcome.word()),
            },
            RunEvent::RunFinished { outcome } => match outcome {
                RunOutcome::Ok(_) => "run ok".into(),
                RunOutcome::Failed { node, .. } => format!("run failed {node}"),
                RunOutcome::Broken { reason } => format!("run broken {reason}"),
                RunOutcome::Cancelled => "run cancelled".into(),
            },
        };
        self.0.lock().expect("no panic").push(line);
    }
}

/// A journal that keeps nothing.
pub(crate) struct Nothing;

impl Journal for Nothing {
    fn record(&self, _: RunEvent) {}
}

/// Runs a plan on an engine of its own.
pub(crate) async fn start(
    plan: Arc<Plan>,
    input: Tree,
    journal: Arc<dyn Journal>,
) -> Result<Tree, RunError> {
    let engine = Engine::new(EngineConfig::default());
    engine.run(plan, RunRequest::new("r", input), journal).await
}

/// Plans and runs a flow; its journal's lines too.
pub(crate) async fn run(text: &str, input: Tree) -> (Result<Tree, RunError>, Vec<String>) {
    let plan = Fakes::new().plan(text).await.unwrap_or_else(|faults| {
        let messages: Vec<_> = faults.iter().map(|fault| fault.message.clone()).collect();
        std::panic::resume_unwind(Box::new(format!("{messages:#?}")))
    });
    let journal = Arc::new(Lines::default());
    let result = start(Arc::new(plan), input, journal.clone()).await;
    (result, journal.take())
}
