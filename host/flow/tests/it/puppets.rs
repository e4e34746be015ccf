//! Nodes that do what their configuration says: sleep, read, send parts, fail. What they give depends on their inputs,
//! their configuration and the attempt, and on nothing else.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use lockgate_flow::{Faults, FlowCatalog, FlowDocument, Plan};
use lockgate_model::*;
use serde_json::{Value as Tree, json};

use crate::fakes::name;

/// How many calls are being made.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    alive: AtomicUsize,
    most: AtomicUsize,
}

/// A call that is being made; dropped with it.
pub(crate) struct Alive(Arc<Calls>);

impl Calls {
    pub(crate) fn begin(self: &Arc<Self>) -> Alive {
        let alive = self.alive.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(alive, Ordering::SeqCst);
        Alive(Arc::clone(self))
    }

    /// How many are being made now.
    pub(crate) fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }

    /// How many were made at once, at most.
    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What a call does with its inputs, once it began.
pub(crate) type Act = Arc<dyn Fn(Call, Tree) -> BoxFuture<'static, CallEnd> + Send + Sync>;

/// A catalog of one plugin, `test`, whose nodes are scripted, and of the flows that run beside.
pub(crate) struct Scripted {
    nodes: HashMap<String, (NodeInfo, Act)>,
    flows: HashMap<String, Arc<FlowDocument>>,
    pub(crate) calls: Arc<Calls>,
}

impl Scripted {
    pub(crate) fn new() -> Self {
        Self {
            nodes: HashMap::new(),
            flows: HashMap::new(),
            calls: Arc::default(),
        }
    }

    /// Adds the node `test/NODE`.
    pub(crate) fn node(mut self, node: &str, ports: Ports, act: Act) -> Self {
        let info = NodeInfo {
            name: node.parse().expect("a name"),
            summary: String::new(),
            kind: NodeKind::Transform,
            ports,
            config_schema: Json::default(),
            pure: true,
        };
        self.nodes.insert(format!("test/{node}"), (info, act));
        self
    }

    pub(crate) fn flow(&mut self, name: &str, document: &Tree) {
        let parsed = FlowDocument::parse("inner.yaml", &document.to_string());
        let parsed = parsed.unwrap_or_else(|faults| unreachable!("{faults:?}\n{document:#}"));
        self.flows.insert(name.to_owned(), Arc::new(parsed));
    }

    pub(crate) async fn plan(&self, document: &Tree) -> Arc<Plan> {
        let text = document.to_string();
        let plan = async {
            let parsed = FlowDocument::parse("flow.yaml", &text)?;
            lockgate_flow::plan(&parsed, self, self, &[]).await
        };
        let plan = plan.await;
        Arc::new(plan.unwrap_or_else(|faults| unreachable!("{faults:?}\n{document:#}")))
    }
}

impl NodeCatalog for Scripted {
    fn find(&self, reference: &NodeRef) -> Result<Arc<dyn Node>, UnknownNode> {
        let (info, act) = &self.nodes[&reference.to_string()];
        Ok(Arc::new(Handle {
            info: info.clone(),
            plugin: PluginId {
                name: reference.plugin.clone(),
                version: semver::Version::new(1, 0, 0),
                digest: "0".into(),
            },
            act: Arc::clone(act),
            calls: Arc::clone(&self.calls),
        }))
    }
}

impl FlowCatalog for Scripted {
    fn find(&self, name: &Kebab) -> Result<Option<Arc<FlowDocument>>, Faults> {
        Ok(self.flows.get(name.as_str()).cloned())
    }

    fn names(&self) -> Vec<Kebab> {
        Vec::new()
    }
}

struct Handle {
    info: NodeInfo,
    plugin: PluginId,
    act: Act,
    calls: Arc<Calls>,
}

impl Node for Handle {
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
        config: Json,
        _: Limits,
    ) -> BoxFuture<'_, Result<Arc<dyn NodeRunner>, ConfigureError>> {
        let runner: Arc<dyn NodeRunner> = Arc::new(Runner {
            ports: self.info.ports.clone(),
            act: Arc::clone(&self.act),
            calls: Arc::clone(&self.calls),
            config: config.to_tree(),
        });
        Box::pin(std::future::ready(Ok(runner)))
    }
}

struct Runner {
    ports: Ports,
    act: Act,
    calls: Arc<Calls>,
    config: Tree,
}

impl NodeRunner for Runner {
    fn ports(&self) -> &Ports {
        &self.ports
    }

    fn run(&self, call: Call) -> BoxFuture<'_, CallEnd> {
        Box::pin(async {
            let _alive = self.calls.begin();
            (self.act)(call, self.config.clone()).await
        })
    }

    fn places(&self) -> u32 {
        number(&self.config, "places").max(1) as u32
    }

    /// Unless the engine is to: a call that nobody ends would else be ended by an alarm, and not be found.
    fn keeps_time(&self) -> bool {
        self.config["timed"] != json!(true)
    }
}

/// A setting that is a whole number; 0 where it is not there.
pub(crate) fn number(config: &Tree, key: &str) -> u64 {
    config[key].as_u64().unwrap_or_default()
}

pub(crate) fn port(name: &str, kind: ValueKind, required: bool, streaming: bool) -> Port {
    Port {
        name: crate::fakes::name(name),
        summary: String::new(),
        kind,
        required,
        streaming,
        schema: None,
    }
}

/// A number for anything, the same in every run of the tests.
pub(crate) fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// How time passes in calls: by the clock, or in turns that others get.
#[derive(Clone)]
pub(crate) enum Pace {
    Clock(Arc<dyn Clock>),
    Turns,
}

impl Pace {
    pub(crate) async fn pass(&self, time: u64) {
        match self {
            Self::Clock(clock) => clock.sleep(Duration::from_millis(time)).await,
            Self::Turns => {
                for _ in 0..time {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

/// The nodes of random flows: `test/step` gives a number, a list and text that it sends in parts, and `test/batch` a
/// list for a list. How long their calls take is drawn anew for each `order`.
pub(crate) fn steps(pace: &Pace, order: u64) -> Scripted {
    use ValueKind::{Any, Json as Document, Text};
    let takes = || {
        vec![
            port("a", Any, false, false),
            port("b", Any, false, false),
            port("s", Text, false, true),
        ]
    };
    let gives = vec![
        port("value", Document, true, false),
        port("list", Document, true, false),
    ];
    let text = vec![port("text", Text, true, true)];
    let acting = |batch: bool| -> Act {
        let pace = pace.clone();
        Arc::new(move |call, config| {
            let pace = pace.clone();
            Box::pin(async move {
                let receipt = Receipt {
                    fuel: number(&config, "fuel"),
                    ..Receipt::default()
                };
                let result = step(call, &config, &pace, order, batch).await;
                CallEnd { result, receipt }
            })
        })
    };
    let ports = |inputs, outputs| Ports { inputs, outputs };
    Scripted::new()
        .node(
            "step",
            ports(takes(), [gives.clone(), text].concat()),
            acting(false),
        )
        .node("batch", ports(takes(), gives), acting(true))
}

async fn step(
    mut call: Call,
    config: &Tree,
    pace: &Pace,
    order: u64,
    batch: bool,
) -> Result<Outputs, CallError> {
    let whole = call.inputs.iter().filter_map(|(name, input)| match input {
        Input::Value(value) if name.as_str() != "s" => Some((name.to_string(), text_of(value))),
        _ => None,
    });
    let salt = number(config, "salt");
    let mut seen = hash((salt, whole.collect::<Vec<_>>()));
    let elements = call.inputs.iter().find_map(|(name, input)| match input {
        Input::Value(Value::Json(json)) if name.as_str() == "a" => Some(json.elements()?.count()),
        _ => None,
    });
    let fails = |moment: &str, seen: u64| {
        let dice = hash((moment, seen, call.attempt)) % 100;
        (dice < number(config, "fails")).then(|| {
            let kind = [FailureKind::Upstream, FailureKind::Rejected][(seen % 2) as usize];
            CallError::from(Failure::new(kind, moment))
        })
    };
    let slow = number(config, "slow");
    let pause = |moment: u64| pace.pass(hash((order, salt, seen, moment)) % (slow + 1));
    call.sink.log(LogLevel::Info, "begins");
    pause(0).await;
    if let Some(failure) = fails("at once", seen).filter(|_| config["patient"] != json!(true)) {
        return Err(failure);
    }
    let streamed = call
        .inputs
        .iter_mut()
        .find(|(name, _)| name.as_str() == "s");
    if let Some((_, input)) = streamed {
        let most = config["takes"].as_u64().unwrap_or(u64::MAX) as usize;
        let read = read(input, most).await?;
        seen = hash((seen, read));
    }
    let mut text = String::new();
    for part in 0..number(config, "parts") {
        pace.pass(hash((order, salt, part)) % (slow + 1)).await;
        let part = format!("{seen:x}.{part} ");
        text += &part;
        if !batch && !call.sink.part(&name("text"), &Value::text(part)).await {
            break;
        }
    }
    if let Some(failure) = fails("at last", seen) {
        return Err(failure);
    }
    let value = |nth: u64| json!({"n": hash((seen, nth)) % 1000});
    let list = json!((0..seen % 6).collect::<Vec<_>>());
    let json = |tree: Tree| Value::Json((&tree).into());
    if !batch {
        return Ok(vec![
            (name("value"), json(value(0))),
            (name("list"), json(list)),
            (name("text"), Value::text(text)),
        ]);
    }
    let count = elements.unwrap_or_default();
    Ok(vec![
        (name("value"), json((0..count as u64).map(value).collect())),
        (name("list"), json(vec![list; count].into())),
    ])
}

/// The text that an input gives, up to so many bytes.
async fn read(input: &mut Input, most: usize) -> Result<String, CallError> {
    let mut read = String::new();
    match input {
        Input::Value(value) => read = text_of(value),
        Input::Parts(parts) => {
            while read.len() < most {
                let next = parts.next().await?;
                if next.is_empty() {
                    break;
                }
                next.iter().for_each(|part| read += &text_of(part));
            }
        }
    }
    read.truncate(most);
    Ok(read)
}

pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        value => serde_json::to_string(value).expect("a value serialises"),
    }
}
