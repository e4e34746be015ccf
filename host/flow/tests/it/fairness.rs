//! A large run does not starve a small one.

use std::sync::{Arc, Mutex};

use lockgate_flow::{Engine, EngineConfig, RunRequest};
use lockgate_model::*;
use serde_json::{Value as Tree, json};

use crate::fakes::{Nothing, name};
use crate::puppets::{Act, Pace, Scripted, port};

/// How many elements the large run goes through, and how many nodes the small one has in a row.
const ELEMENTS: usize = 10_000;
const ROW: usize = 5;

/// What happened, in order.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Happened {
    LargeBegan,
    SmallBegan,
    SmallEnded,
}

#[test]
fn ten_thousand_elements_leave_turns_to_others() {
    let happened: Arc<Mutex<Vec<Happened>>> = Arc::default();
    let log = Arc::clone(&happened);
    let act: Act = Arc::new(move |call, config: Tree| {
        let log = Arc::clone(&log);
        Box::pin(async move {
            let happens = |what| log.lock().expect("no panic").push(what);
            let is_small = config["small"] == json!(true);
            happens(if is_small {
                Happened::SmallBegan
            } else {
                Happened::LargeBegan
            });
            // Long enough for others to come and wait.
            Pace::Turns.pass(5).await;
            if is_small {
                happens(Happened::SmallEnded);
            }
            let value = call.inputs.into_iter().find_map(|(_, input)| match input {
                Input::Value(value) => Some(value),
                Input::Parts(_) => None,
            });
            CallEnd {
                result: Ok(vec![(
                    name("value"),
                    value.unwrap_or_else(|| Value::text("")),
                )]),
                receipt: Receipt::default(),
            }
        })
    });
    let ports = Ports {
        inputs: vec![port("a", ValueKind::Any, false, false)],
        outputs: vec![port("value", ValueKind::Any, true, false)],
    };
    let scripted = Scripted::new().node("say", ports, act);
    let large = json!({
        "flow": "large",
        "nodes": {"n": {"use": "test/say", "each": "input.list", "concurrency": 64, "in": {"a": "item"}}},
        "output": {"out": "n.value"},
    });
    let mut nodes = serde_json::Map::new();
    for at in 0..ROW {
        let mut node = json!({"use": "test/say", "with": {"small": true}, "cache": "off"});
        if at > 0 {
            node["in"] = json!({"a": format!("n{}.value", at - 1)});
        }
        nodes.insert(format!("n{at}"), node);
    }
    let small =
        json!({"flow": "small", "nodes": nodes, "output": {"out": format!("n{}.value", ROW - 1)}});
    let list: Tree = (0..ELEMENTS).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let (large, small) = runtime.block_on(async {
        let engine = Engine::new(EngineConfig {
            places: 1,
            ..EngineConfig::default()
        });
        let run = |plan, input| engine.run(plan, RunRequest::new("r", input), Arc::new(Nothing));
        let (large, small) = (scripted.plan(&large).await, scripted.plan(&small).await);
        let begins_later = async {
            Pace::Turns.pass(100).await;
            run(small, json!({})).await
        };
        futures::join!(run(large, json!({"list": list})), begins_later)
    });
    assert_eq!(large.expect("an output"), json!({"out": list}));
    assert_eq!(small.expect("an output"), json!({"out": ""}));

    let happened = happened.lock().expect("no panic").clone();
    let large = happened
        .iter()
        .filter(|what| **what == Happened::LargeBegan);
    assert_eq!(large.count(), ELEMENTS);
    // From the end of each node of the row to the beginning of the next, which was ready then.
    let first = happened
        .iter()
        .position(|what| *what == Happened::SmallEnded);
    let last = happened
        .iter()
        .rposition(|what| *what == Happened::SmallBegan);
    let row = &happened[first.expect("an end")..=last.expect("a beginning")];
    let others = row
        .split(|what| *what != Happened::LargeBegan)
        .map(<[_]>::len);
    let others: Vec<_> = others.collect();
    assert!(others.iter().all(|calls| *calls <= 2), "{others:?}");
}
