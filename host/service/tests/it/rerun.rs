//! Runs are repeated from one of their nodes on.

use lockgate_service::runs::{RerunAsk, RunAsk, Target, Trigger};
use serde_json::json;

use crate::world::{ECHO, World, ask, code, flow, json_of, outcome};

const CHAIN: [&str; 3] = [
    "a: { use: t/echo, in: { text: input.text } }",
    "b: { use: t/echo, in: { text: \"a.text + '-b'\" } }",
    "c: { use: t/echo, in: { text: \"b.text + '-c'\" } }",
];

fn from(node: &str) -> RerunAsk {
    RerunAsk {
        from: Some(node.to_owned()),
        ..RerunAsk::default()
    }
}

#[tokio::test]
async fn what_does_not_depend_on_the_node_stays_what_it_was() {
    let world = World::new().await;
    world.save(&flow("chain", &CHAIN)).await;
    let runs = world.service.runs();
    let first = world.run("chain", "x").await.summary.run;
    let again = runs.rerun(&world.me, first, from("b")).await.unwrap();
    let view = again.ended().await.unwrap();
    assert_eq!(json_of(&*view)["output"]["text"], "x-b-c");
    assert_eq!(view.summary.parent, Some(first));
    assert_eq!(view.summary.trigger, "rerun");
    let outcomes: Vec<_> = view
        .receipts
        .iter()
        .map(|one| (&*one.node, &*one.outcome))
        .collect();
    assert_eq!(outcomes, [("a", "pinned"), ("b", "ok"), ("c", "ok")]);
    let calls = world.stage.calls.lock().unwrap().clone();
    assert_eq!((calls["x"], calls["x-b"], calls["x-b-c"]), (1, 2, 2));
    // A rerun can be repeated too.
    let third = runs.rerun(&world.me, again.id(), from("c")).await.unwrap();
    assert_eq!(outcome(&third.ended().await.unwrap()), "ok");

    // With another version: what is pinned stays, what runs is new.
    let shouts = [
        CHAIN[0],
        CHAIN[1],
        "c: { use: t/echo, in: { text: \"b.text + '!'\" } }",
    ];
    world.save(&flow("chain", &shouts)).await;
    let newer = RerunAsk {
        version: Some(2),
        ..from("c")
    };
    let view = runs
        .rerun(&world.me, first, newer)
        .await
        .unwrap()
        .ended()
        .await
        .unwrap();
    assert_eq!(json_of(&*view)["output"]["text"], "x-b!");
    let older = runs
        .rerun(&world.me, first, from("c"))
        .await
        .unwrap()
        .ended()
        .await
        .unwrap();
    assert_eq!(json_of(&*older)["output"]["text"], "x-b-c");
}

#[tokio::test]
async fn a_run_is_repeated_as_it_was_asked_for() {
    let world = World::new().await;
    let document = "flow: loud\nvars: { mark: '?' }\ninput: { type: object, properties: { text: { type: string } } }\n\
                    nodes:\n  a: { use: t/echo, in: { text: input.text + vars.mark } }\n\
                    output: { text: a.text }\n";
    world.save(document).await;
    let runs = world.service.runs();
    let mut loud = ask("loud", "x");
    loud.vars.insert("mark".into(), json!("!"));
    let first = runs.run(&world.me, loud).await.unwrap();
    assert_eq!(json_of(&*first)["output"]["text"], "x!");
    let first = first.summary.run;
    let again = async |ask| {
        let run = runs.rerun(&world.me, first, ask).await.unwrap();
        let view = run.ended().await.unwrap();
        (
            json_of(&*view)["output"]["text"].clone(),
            view.receipts[0].outcome.to_string(),
        )
    };
    let whole = RerunAsk::default();
    assert_eq!(again(whole.clone()).await, (json!("x!"), "ok".to_owned()));
    let mut other = whole;
    other.vars.insert("mark".into(), json!("."));
    assert_eq!(again(other).await, (json!("x."), "ok".to_owned()));
}

#[tokio::test]
async fn what_cannot_be_repeated_says_why() {
    let world = World::new().await;
    world
        .save(&flow(
            "large",
            &[
                "a: { use: t/large, in: { text: input.text } }",
                "b: { use: t/echo, in: { text: \"'x'\" } }",
            ],
        ))
        .await;
    let runs = world.service.runs();
    let again = async |run, ask| code(runs.rerun(&world.me, run, ask).await);
    let echo = world.run("echo", "x").await.summary.run;
    assert_eq!(again(echo, from("nosuch")).await, "node-gone");
    assert_eq!(again(uuid::Uuid::now_v7(), from("a")).await, "not-found");
    let large = world.run("large", "x").await;
    assert!(large.summary.cut);
    assert_eq!(again(large.summary.run, from("a")).await, "cut-run");
    let held = runs.start(&world.me, ask("hold", "x")).await.unwrap();
    assert_eq!(again(held.id(), from("a")).await, "not-finished");
    let mut document = RunAsk::new("d".parse().unwrap(), json!({ "text": "x" }), Trigger::Api);
    document.target = Target::Document {
        name: "d".into(),
        text: flow("d", &[ECHO]),
    };
    let document = runs.run(&world.me, document).await.unwrap().summary.run;
    assert_eq!(again(document, from("a")).await, "node-gone");
    let gone = RerunAsk {
        version: Some(7),
        ..from("a")
    };
    assert_eq!(again(echo, gone).await, "not-found");
}
