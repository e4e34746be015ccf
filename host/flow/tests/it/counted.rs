//! What who counts is told of runs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lockgate_flow::{Engine, EngineConfig, FlowDocument, MemoryCache, NoFlows, RunRequest};
use lockgate_model::{Clock as _, CountedFlow, FlowSeries, NodeFinished, RunOutcome, Telemetry};
use serde_json::json;

use crate::clock::VirtualClock;
use crate::fakes::{Fakes, Nothing};

/// Two nodes in a row, one of which goes through a list, and one that fails twice, a second apart.
const FLOW: &str = "
flow: counted
nodes:
  list: { use: echo/echo, in: { value: input.list } }
  each: { use: echo/echo, each: list.value, in: { value: item } }
  fail: { use: test/fail, on_failure: continue, retry: { attempts: 2, backoff: 1s, max_backoff: 1s } }
output: { all: each.value }
";

/// Writes down what it is told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn tell(&self, line: String) {
        self.0.lock().expect("no panic").push(line);
    }
}

impl Telemetry for Told {
    fn series(&self, flow: &CountedFlow<'_>) -> Arc<dyn FlowSeries> {
        let origin = flow
            .origin
            .map(|origin| (origin.project.as_str(), origin.version));
        let node = |node: &lockgate_model::CountedNode<'_>| {
            let plugin = node.plugin.map(|plugin| plugin.name.to_string());
            format!("{}={}", node.name, plugin.unwrap_or_default())
        };
        let nodes: Vec<_> = flow.nodes.iter().map(node).collect();
        self.tell(format!("{} {origin:?} {}", flow.name, nodes.join(" ")));
        Arc::new(self.clone())
    }
}

impl FlowSeries for Told {
    fn node_finished(&self, node: &NodeFinished<'_>) {
        let NodeFinished {
            node,
            outcome,
            receipt,
            took,
        } = node;
        let (word, attempts) = (outcome.word(), receipt.attempts);
        let waited = if *took > Duration::ZERO {
            " after a while"
        } else {
            ""
        };
        self.tell(format!("{node} {word} × {attempts}{waited}"));
    }

    fn run_finished(&self, outcome: &RunOutcome, took: Duration) {
        let waited = took > Duration::ZERO; // time goes on only where all wait
        self.tell(format!("run {} {waited}", outcome.word()));
    }
}

#[test]
fn each_call_is_told_once_and_a_plan_is_named_once() {
    let clock = VirtualClock::default();
    let told = Told::default();
    clock.runtime().block_on(async {
        let document = FlowDocument::parse("flow.yaml", FLOW).expect("a document");
        let document = document.kept_as("p".parse().expect("a name"), 7);
        let plan = lockgate_flow::plan(&document, &Fakes::new(), &NoFlows, &[]).await;
        let plan = Arc::new(plan.expect("a plan"));
        let engine = Engine::with(
            EngineConfig::default(),
            Arc::new(clock.clone()),
            Arc::new(MemoryCache::new(1 << 20, Arc::new(clock.clone()))),
            Some(Arc::new(told.clone())),
        );
        for run in ["first", "second"] {
            let request = RunRequest::new(run, json!({ "list": [1, 2] }));
            let output = engine
                .run(Arc::clone(&plan), request, Arc::new(Nothing))
                .await;
            assert_eq!(output.expect("an output"), json!({ "all": [1, 2] }));
        }
        assert!(clock.now() > Duration::ZERO);
    });
    let told = told.0.lock().expect("no panic");
    assert_eq!(
        told[0],
        "counted Some((\"p\", 7)) list=echo each=echo fail=test"
    );
    let (first, second) = told[1..].split_at((told.len() - 1) / 2);
    assert_eq!(first, second);
    let mut nodes = first[..first.len() - 1].to_vec();
    nodes.sort_unstable();
    assert_eq!(
        nodes,
        [
            "0 ok × 1",
            "1 ok × 1",
            "1 ok × 1",
            "2 failed × 2 after a while"
        ]
    );
    assert_eq!(first.last().map(String::as_str), Some("run ok true"));
}
