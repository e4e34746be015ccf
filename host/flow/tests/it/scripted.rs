//! The nodes of the cases: a plugin `test` whose nodes do simple things, and beside them whatever their [`Script`] says.

use std::sync::Arc;

use futures::future::BoxFuture;
use lockgate_model::*;

use crate::clock::VirtualClock;
use crate::script::Script;
use crate::work::{self, Task, Work};

/// What kind of port, and whether it streams or may be left out.
struct Shape(&'static str, ValueKind, &'static [Trait]);

#[derive(PartialEq)]
enum Trait {
    Streams,
    Optional,
}

/// The plugins that a case has.
pub(crate) struct Scripted {
    pub(crate) clock: VirtualClock,
}

/// All nodes: their names, inputs, outputs and work.
fn node(name: &str) -> Option<(Vec<Shape>, Vec<Shape>, Work)> {
    use Trait::{Optional, Streams};
    use ValueKind::{Any, Json, Text};
    let also = || Shape("also", Any, &[Optional]);
    let text = |traits| Shape("text", Text, traits);
    let value = |traits| Shape("value", Any, traits);
    let list = |name, traits| Shape(name, Json, traits);
    Some(match name {
        "echo" | "pure" => {
            let inputs = vec![value(&[]), also(), Shape("ms", Json, &[Optional])];
            (inputs, vec![value(&[])], |task| Box::pin(work::echo(task)))
        }
        "maybe" => (vec![also()], vec![value(&[Optional])], |task| {
            Box::pin(work::maybe(task))
        }),
        "upper" => (vec![text(&[]), also()], vec![text(&[])], |task| {
            Box::pin(work::upper(task))
        }),
        "words" => (vec![text(&[])], vec![list("words", &[])], |task| {
            Box::pin(work::words(task))
        }),
        "join" => (vec![list("words", &[])], vec![text(&[])], |task| {
            Box::pin(work::join(task))
        }),
        "batch" => (vec![list("items", &[])], vec![list("items", &[])], |task| {
            Box::pin(work::batch(task))
        }),
        "about" => (vec![also()], vec![list("about", &[])], |task| {
            Box::pin(work::about(task))
        }),
        "model" => {
            let outputs = vec![text(&[Streams]), list("usage", &[])];
            (vec![text(&[])], outputs, |task| Box::pin(work::model(task)))
        }
        "source" => {
            let outputs = vec![text(&[Streams]), Shape("note", Text, &[Optional])];
            (vec![also()], outputs, |task| Box::pin(work::source(task)))
        }
        "list" => (vec![also()], vec![list("items", &[Streams])], |task| {
            Box::pin(work::list(task))
        }),
        "through" => (
            vec![text(&[Streams]), also()],
            vec![text(&[Streams])],
            |task| Box::pin(work::through(task)),
        ),
        "collect" => (vec![text(&[Streams]), also()], vec![text(&[])], |task| {
            Box::pin(work::collect(task))
        }),
        "gather" => (
            vec![list("items", &[Streams])],
            vec![list("items", &[])],
            |task| Box::pin(work::gather(task)),
        ),
        "zip" => {
            let inputs = vec![
                Shape("left", Text, &[Streams]),
                Shape("right", Text, &[Streams]),
            ];
            (inputs, vec![text(&[])], |task| Box::pin(work::zip(task)))
        }
        _ => return None,
    })
}

const NAMES: [&str; 15] = [
    "about", "batch", "collect", "echo", "gather", "join", "list", "maybe", "model", "pure",
    "source", "through", "upper", "words", "zip",
];

/// The versions of the plugin, the newest last.
const VERSIONS: [(u64, u64, u64); 3] = [(1, 0, 0), (1, 2, 0), (2, 0, 0)];

impl NodeCatalog for Scripted {
    fn find(&self, reference: &NodeRef) -> Result<Arc<dyn Node>, UnknownNode> {
        let plugin_known = reference.plugin.to_string() == "test";
        let versions =
            VERSIONS.map(|(major, minor, patch)| semver::Version::new(major, minor, patch));
        let in_range = |version: &semver::Version| {
            let range = reference.range.as_ref();
            range.is_none_or(|range| range.contains(version))
        };
        let loaded = versions.to_vec();
        let version = versions.into_iter().rfind(in_range);
        let name = reference.node.as_str();
        match (version, node(name).filter(|_| plugin_known)) {
            (Some(version), Some((inputs, outputs, work))) => Ok(Arc::new(TestNode {
                info: NodeInfo {
                    name: reference.node.clone(),
                    summary: String::new(),
                    kind: NodeKind::Transform,
                    ports: Ports {
                        inputs: inputs.iter().map(port).collect(),
                        outputs: outputs.iter().map(port).collect(),
                    },
                    config_schema: Json::default(),
                    pure: name == "pure",
                },
                plugin: PluginId {
                    name: reference.plugin.clone(),
                    digest: version.to_string().into(),
                    version,
                },
                work,
                clock: self.clock.clone(),
            })),
            _ => Err(UnknownNode {
                reference: reference.clone(),
                plugin_known: plugin_known && loaded.iter().any(in_range),
                versions: if plugin_known { loaded } else { Vec::new() },
                inactive: false,
                nearest: NAMES.map(|name| format!("test/{name}")).to_vec(),
            }),
        }
    }
}

fn port(Shape(name, kind, traits): &Shape) -> Port {
    Port {
        name: name.parse().expect("a name"),
        summary: String::new(),
        kind: *kind,
        required: !traits.contains(&Trait::Optional),
        streaming: traits.contains(&Trait::Streams),
        schema: None,
    }
}

struct TestNode {
    info: NodeInfo,
    plugin: PluginId,
    work: Work,
    clock: VirtualClock,
}

impl Node for TestNode {
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
        limits: Limits,
    ) -> BoxFuture<'_, Result<Arc<dyn NodeRunner>, ConfigureError>> {
        let runner = Script::read(&config).map(|script| TestRunner {
            ports: self.info.ports.clone(),
            version: self.plugin.version.to_string(),
            script,
            work: self.work,
            limits,
            clock: self.clock.clone(),
        });
        let runner = runner.map_err(|error| {
            ConfigureError::Schema(vec![SchemaFault {
                path: String::new(),
                message: error.to_string(),
            }])
        });
        Box::pin(std::future::ready(
            runner.map(|runner| Arc::new(runner) as Arc<dyn NodeRunner>),
        ))
    }
}

struct TestRunner {
    ports: Ports,
    version: String,
    script: Script,
    work: Work,
    limits: Limits,
    clock: VirtualClock,
}

impl NodeRunner for TestRunner {
    fn ports(&self) -> &Ports {
        &self.ports
    }

    fn places(&self) -> u32 {
        self.script.places()
    }

    fn run(&self, call: Call) -> BoxFuture<'_, CallEnd> {
        Box::pin(async move {
            let mut task = Task {
                id: call.id,
                version: &self.version,
                fuel: self.limits.fuel,
                script: &self.script,
                inputs: call.inputs,
                sink: call.sink,
                clock: &self.clock,
            };
            let result = task.attempt(call.attempt, self.work).await;
            let receipt = Receipt {
                fuel: self.script.fuel,
                ..Receipt::default()
            };
            CallEnd { result, receipt }
        })
    }
}
