//! One run: what is told of it, and that it is kept however it ends.

use std::sync::atomic::Ordering;

use futures::StreamExt as _;
use lockgate_service::ServiceConfig;
use lockgate_service::runs::{NodeAsk, RunAsk, RunState, RunsConfig, Target, Trigger};
use serde_json::json;

use crate::world::{ECHO, World, ask, code, flow, json_of, outcome};

#[tokio::test]
async fn what_is_answered_at_once_is_what_is_read_later() {
    let world = World::new().await;
    let view = world.run("echo", "春").await;
    assert_eq!(outcome(&view), "ok");
    let told = json_of(&*view);
    assert_eq!(told["output"], json!({ "text": "春" }));
    assert_eq!(told["state"], "finished");
    assert_eq!(
        (&told["flow"], &told["version"], &told["revision"]),
        (&json!("echo"), &json!(1), &json!(1))
    );
    assert_eq!(told["trigger"], "api");
    assert_eq!(told["receipts"][0]["node"], "a");
    assert_eq!(told["receipts"][0]["receipt"]["fuel"], 7);
    let later = world.get(view.summary.run).await;
    assert_eq!(json_of(&*later), told);
}

#[tokio::test]
async fn a_failed_run_says_which_node_and_why() {
    let world = World::new().await;
    world
        .save(&flow(
            "bad",
            &["a: { use: t/fail, in: { text: input.text } }"],
        ))
        .await;
    let view = world.run("bad", "x").await;
    assert_eq!(outcome(&view), "rejected");
    let told = json_of(&*view);
    assert_eq!(
        told["error"],
        json!({ "node": "a", "kind": "rejected", "message": "not this" })
    );
    assert!(told.get("output").is_none());
    assert_eq!(json_of(&*world.get(view.summary.run).await), told);
}

#[tokio::test]
async fn what_is_refused_never_began_and_is_not_kept() {
    let world = World::new().await;
    let runs = world.service.runs();
    let wrong = RunAsk::new("echo".parse().unwrap(), json!({ "text": 7 }), Trigger::Api);
    assert_eq!(
        code(runs.run(&world.me, wrong.clone()).await),
        "invalid-input"
    );
    assert_eq!(code(runs.start(&world.me, wrong).await), "invalid-input");
    assert_eq!(
        code(runs.run(&world.me, ask("nosuch", "x")).await),
        "not-found"
    );
    let mut until = ask("echo", "x");
    until.until = Some("nosuch".into());
    assert_eq!(code(runs.run(&world.me, until).await), "invalid-request");
    let mut vars = ask("echo", "x");
    vars.vars.insert("nosuch".into(), json!(1));
    assert_eq!(code(runs.run(&world.me, vars).await), "invalid-request");
    let mut session = ask("echo", "x");
    session.session = Some("x".repeat(129));
    assert_eq!(code(runs.run(&world.me, session).await), "invalid-request");
    let mut version = ask("echo", "x");
    version.target = Target::Flow {
        flow: "echo".parse().unwrap(),
        version: Some(9),
    };
    assert_eq!(code(runs.run(&world.me, version).await), "not-found");
    assert!(
        runs.list(&world.me, Default::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn a_run_whose_task_panics_or_vanishes_is_kept_as_failed() {
    let world = World::new().await;
    world
        .save(&flow(
            "panics",
            &["a: { use: t/panics, in: { text: input.text } }"],
        ))
        .await;
    let panicked = world.run("panics", "x").await;
    world.threads.vanish.store(true, Ordering::SeqCst);
    let vanished = world.run("hold", "x").await;
    for view in [panicked, vanished] {
        assert_eq!(outcome(&view), "failed");
        let told = json_of(&*world.get(view.summary.run).await);
        let message = told["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("the host is at fault"), "{message}");
        let events = crate::world::told(world.events(view.summary.run, 0).await).await;
        assert_eq!(events.last().unwrap().1, "run.finished");
    }
}

#[tokio::test]
async fn nodes_are_told_with_attempts_elements_parts_and_those_of_sub_flows() {
    let world = World::new().await;
    world
        .save(&flow(
            "inner",
            &["a: { use: t/flaky, in: { text: input.text }, retry: { attempts: 2, backoff: 1ms } }"],
        ))
        .await;
    world
        .save(&flow(
            "outer",
            &[
                "say: { use: t/talk, in: { text: input.text } }",
                "parts: { use: t/split, in: { text: say.text } }",
                "each: { use: 'flow:inner', each: parts.parts, in: { text: item } }",
                "last: { use: t/echo, in: { text: \"each.text[1]\" } }",
            ],
        ))
        .await;
    let view = world.run("outer", "a b c").await;
    assert_eq!(
        json_of(&*view)["output"]["text"],
        "b",
        "{}",
        json_of(&*view)
    );
    let ask = |node: &str, after, limit| NodeAsk {
        node: node.to_owned(),
        after,
        limit,
    };
    let runs = world.service.runs();
    let run = view.summary.run;
    let node = async |asked| {
        runs.node(&world.me, run, asked)
            .await
            .map(|node| json_of(&node))
    };
    let say = node(ask("say", None, None)).await.unwrap();
    assert_eq!(say["attempts"][0]["log"][0]["line"], "I talk");
    assert_eq!(say["attempts"][0]["parts"]["text"], "a b c");
    assert_eq!(say["outputs"]["text"], "a b c");
    let each = node(ask("each", None, Some(2))).await.unwrap();
    assert_eq!(each["elements_total"], 3);
    assert_eq!(each["elements"].as_array().unwrap().len(), 2);
    assert_eq!(each["next"], 1);
    assert_eq!(each["outputs"]["text"], json!(["a", "b", "c"]));
    let inner = node(ask("each[1]/a", None, None)).await.unwrap();
    assert_eq!(inner["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(inner["attempts"][0]["error"]["kind"], "upstream");
    assert_eq!(inner["receipt"]["attempts"], 2);
    assert_eq!(code(node(ask("nosuch", None, None)).await), "not-found");
    assert_eq!(
        code(node(ask("each", None, Some(0))).await),
        "invalid-request"
    );
    let within = view
        .receipts
        .iter()
        .filter(|receipt| &*receipt.within == "each[1]");
    assert_eq!(within.count(), 1);
}

#[tokio::test]
async fn documents_run_against_what_is_active() {
    let world = World::new().await;
    let mut document = ask("echo", "x");
    document.target = Target::Document {
        name: "mine.yaml".into(),
        text: flow("mine", &[ECHO]),
    };
    let view = world
        .service
        .runs()
        .run(&world.me, document.clone())
        .await
        .unwrap();
    assert_eq!((outcome(&view), &view.summary.flow), ("ok", &None));
    assert_eq!(
        code(
            world
                .service
                .queue()
                .enqueue(&world.me, document.clone(), 0)
                .await
        ),
        "invalid-request"
    );
    document.target = Target::Document {
        name: "mine.yaml".into(),
        text: "flow: mine\nnodes: 7\n".into(),
    };
    assert_eq!(
        code(world.service.runs().run(&world.me, document).await),
        "flow-faults"
    );
}

#[tokio::test]
async fn so_many_run_so_many_wait_and_the_next_is_told_to_come_back() {
    let config = ServiceConfig {
        runs: RunsConfig {
            at_once: 1,
            waiting: 1,
            ..RunsConfig::default()
        },
        ..ServiceConfig::default()
    };
    let world = World::with(config).await;
    let runs = world.service.runs();
    let first = runs.start(&world.me, ask("hold", "1")).await.unwrap();
    world.holding(1).await;
    assert_eq!(world.get(first.id()).await.summary.state, RunState::Running);
    let mut others: futures::stream::FuturesUnordered<_> = ["2", "3"]
        .map(|text| runs.run(&world.me, ask("echo", text)))
        .into_iter()
        .collect();
    assert_eq!(code(others.next().await.unwrap()), "busy");
    world.let_go(1);
    assert_eq!(outcome(&first.ended().await.unwrap()), "ok");
    assert_eq!(outcome(&others.next().await.unwrap().unwrap()), "ok");
}
