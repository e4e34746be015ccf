//! What who counts is told of runs.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use lockgate_flow::{Engine, EngineConfig, FlowDocument, MemoryCache, NoFlows, RunRequest};
use lockgate_model::{
    Clock, CountedFlow, FlowSeries, Journal, NodeFinished, RunEvent, RunOutcome, Telemetry,
};
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
            last_took,
        } = node;
        let (word, attempts) = (outcome.word(), receipt.attempts);
        let waited = match (took.is_zero(), last_took.is_zero()) {
            (true, true) => "",
            (false, true) => " after a while",
            (_, false) => " slowly",
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

/// A clock that goes on only where it is told to, and a journal that takes a second for each beginning.
#[derive(Clone, Default)]
struct Slow {
    now: Arc<Mutex<Duration>>,
    begins_anew: bool,
}

impl Clock for Slow {
    fn now(&self) -> Duration {
        *self.now.lock().expect("no panic")
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.now()
    }

    /// A pause between attempts is over at once, and a call's time never.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if duration < Duration::from_secs(5) {
            return Box::pin(std::future::ready(()));
        }
        Box::pin(std::future::pending())
    }
}

impl Journal for Slow {
    fn record(&self, event: RunEvent) {
        if let RunEvent::NodeStarted { .. } = event {
            *self.now.lock().expect("no panic") += Duration::from_secs(1);
        }
    }

    fn begins_anew(&self) -> bool {
        self.begins_anew
    }
}

/// What is told of a run of this node, if it is dropped where it waits.
async fn told_of(node: &str, slow: Slow) -> Vec<String> {
    let told = Told::default();
    let flow = format!("flow: one\nnodes:\n  node: {{ {node} }}\noutput: {{ all: node.value }}\n");
    let document = FlowDocument::parse("flow.yaml", &flow).expect("a document");
    let plan = lockgate_flow::plan(&document, &Fakes::new(), &NoFlows, &[]).await;
    let engine = Engine::with(
        EngineConfig::default(),
        Arc::new(slow.clone()),
        Arc::new(MemoryCache::new(1 << 20, Arc::new(slow.clone()))),
        Some(Arc::new(told.clone())),
    );
    let request = RunRequest::new("run", json!({}));
    let run = engine.run(Arc::new(plan.expect("a plan")), request, Arc::new(slow));
    let _ = futures::future::select(Box::pin(run), std::future::ready(())).await;
    let told = told.0.lock().expect("no panic");
    told[1..].to_vec()
}

#[tokio::test]
async fn what_it_takes_to_write_a_beginning_is_not_the_nodes_time() {
    let retried = "use: test/fail, on_failure: continue, retry: { attempts: 2 }";
    let told = told_of(retried, Slow::default()).await;
    // The first attempt is written before the node's time begins, the second one within it.
    assert_eq!(told[0], "0 failed × 2 after a while");
}

#[tokio::test]
async fn a_run_that_begins_anew_has_not_ended() {
    let slow = |begins_anew| Slow {
        begins_anew,
        ..Slow::default()
    };
    let forever = "use: test/forever";
    let told = told_of(forever, slow(false)).await;
    assert_eq!(told, ["0 cancelled × 1", "run cancelled true"]);
    // Its calls were made all the same.
    assert_eq!(told_of(forever, slow(true)).await, ["0 cancelled × 1"]);
    let told = told_of("use: test/panic", slow(true)).await;
    assert_eq!(told.last().map(String::as_str), Some("run failed true"));
}

#[test]
fn a_run_that_never_began_is_told() {
    let told = Told::default();
    let slow = Slow::default();
    let engine = Engine::with(
        EngineConfig::default(),
        Arc::new(slow.clone()),
        Arc::new(MemoryCache::new(1 << 20, Arc::new(slow))),
        Some(Arc::new(told.clone())),
    );
    let flow = CountedFlow {
        origin: None,
        name: &"lost".parse().expect("a name"),
        nodes: Vec::new(),
    };
    engine.never_began(&flow, &RunOutcome::Cancelled);
    let told = told.0.lock().expect("no panic");
    assert_eq!(*told, ["lost None ", "run cancelled false"]);
}
