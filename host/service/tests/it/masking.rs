//! What is masked is nowhere: not in a file of the store, not in an event, not in what is read of a run.

use std::path::Path;

use futures::StreamExt as _;
use lockgate_model::Value;
use lockgate_service::runs::{NodeAsk, RerunAsk, RunEvents, RunsQuery};
use lockgate_service::{MaskConfig, ServiceConfig, StartError};
use serde_json::json;
use uuid::Uuid;

use crate::world::{World, ask, code, json_of, outcome};

const SECRETS: [&str; 4] = [
    "13800138000",
    "sk-abcdefghij0123456789",
    "11010519491231002X",
    "first.last@example.com",
];

/// Pieces of them that say as much.
const PIECES: [&str; 5] = ["138001", "38000", "efghij01", "19491231", "last@ex"];

const TELLS: &str = "\
flow: tells
input: { type: object, required: [text], properties: { text: { type: string } } }
labels: { who: input.text }
vars: { mark: '' }
nodes:
  say: { use: t/tattle, in: { text: input.text } }
  fine: { use: t/echo, in: { text: say.text + vars.mark } }
output: { text: fine.text }
";

const QUOTES: &str = "\
flow: quotes
input: { type: object, required: [text], properties: { text: { type: string } } }
nodes:
  no: { use: t/quote, in: { text: input.text } }
output: { text: no.text }
";

fn telling() -> String {
    format!("我的：{}。", SECRETS.join("，"))
}

async fn world() -> World {
    let world = World::new().await;
    world.save(TELLS).await;
    world.save(QUOTES).await;
    world
}

/// Fails where one of the secrets, or a piece of one, is in it.
fn holds_none(what: &str, bytes: &[u8]) {
    for secret in SECRETS.iter().chain(&PIECES) {
        let is_in = bytes
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(
            !is_in,
            "{what} holds {secret}: {}",
            String::from_utf8_lossy(bytes)
        );
    }
}

/// The same for each file of a folder. It shows what is written beside journals, which are compressed, and beside queued
/// inputs, which are encrypted: events are looked at as they are read.
fn files_hold_none(folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += files_hold_none(&path);
        } else {
            holds_none(&path.display().to_string(), &std::fs::read(&path).unwrap());
            files += 1;
        }
    }
    files
}

async fn lines(events: RunEvents) -> String {
    let lines = events.map(|event| event.unwrap().json + "\n");
    lines.collect().await
}

#[tokio::test]
async fn what_is_masked_is_kept_nowhere_and_the_answer_has_it() {
    let world = world().await;
    let runs = world.service.runs();
    let mut asked = ask("tells", &telling());
    asked.vars.insert("mark".into(), json!(" a@b.cn"));
    asked.idempotency = Some("a@b.cn".into());
    let handle = runs.start(&world.me, asked.clone()).await.unwrap();
    let live = lines(handle.events(0)).await;
    holds_none("what a follower hears", live.as_bytes());
    let answer = handle.ended().await.unwrap();
    let whole = format!("{} a@b.cn", telling());
    assert_eq!(json_of(&*answer)["output"]["text"], whole.as_str());
    assert!(answer.summary.masked && !answer.summary.cut);

    let run = handle.id();
    let read = json_of(&*world.get(run).await);
    let masked = "我的：[masked:phones]，[masked:keys]，[masked:ids]，[masked:emails]。";
    assert_eq!(read["masked"], true);
    assert_eq!(read["labels"]["who"], masked);
    assert_eq!(read["output"]["text"], format!("{masked} [masked:emails]"));
    holds_none("the run", read.to_string().as_bytes());
    let listed = runs.list(&world.me, RunsQuery::default()).await.unwrap();
    let listed = json_of(&listed);
    assert_eq!(listed["items"][0]["masked"], true);
    holds_none("the list", listed.to_string().as_bytes());
    let say = NodeAsk {
        node: "say".into(),
        ..NodeAsk::default()
    };
    let say = json_of(&runs.node(&world.me, run, say).await.unwrap());
    assert_eq!(say["attempts"][0]["log"][0]["line"], masked);
    assert_eq!(say["attempts"][0]["parts"]["text"], masked);
    assert_eq!(say["outputs"]["text"], masked);

    let stored = lines(world.events(run, 0).await).await;
    assert_eq!(stored, live);
    assert!(
        stored.matches("\"type\":\"node.part\"").count() > 2,
        "{stored}"
    );
    let row = world.store.run(&world.me.project, &run).await.unwrap();
    holds_none("the row", format!("{row:?}").as_bytes());
    assert!(files_hold_none(world.folder.path()) > 1);
    assert!(!stored.contains("a@b.cn"), "a variable");

    // The same request again is answered with what was kept.
    let again = runs.start(&world.me, asked).await.unwrap();
    assert!(again.is_replayed());
    let again = json_of(&*again.ended().await.unwrap());
    assert_eq!(again["output"], read["output"]);
}

#[tokio::test]
async fn a_private_key_in_a_log_is_masked_line_by_line() {
    let world = world().await;
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    let key = format!("-----BEGIN PRIVATE KEY-----\n{body}\n{body}\n-----END PRIVATE KEY-----");
    let run = world
        .run("tells", &format!("it is\n{key}\nand no more"))
        .await;
    assert!(run.summary.masked);
    let events = lines(world.events(run.summary.run, 0).await).await;
    assert!(!events.contains(body), "{events}");
    let logged = events.lines().filter(|line| line.contains("node.log"));
    let marks = logged.filter(|line| line.contains("\"[masked:keys]\""));
    assert_eq!(marks.count(), 4, "{events}");
}

#[tokio::test]
async fn failures_are_masked_too() {
    let world = world().await;
    let answer = world.run("quotes", &telling()).await;
    let error = answer.error.clone().unwrap();
    assert_eq!(
        error.message,
        format!("not `{}`", telling()),
        "whoever asked"
    );
    holds_none(
        "the reason",
        answer.summary.error.as_deref().unwrap().as_bytes(),
    );
    let run = answer.summary.run;
    let read = json_of(&*world.get(run).await);
    assert_eq!(read["outcome"], "rejected");
    assert!(read["reason"].as_str().unwrap().contains("[masked:ids]"));
    assert!(
        read["error"]["detail"]["text"]
            .as_str()
            .unwrap()
            .contains("[masked:keys]")
    );
    holds_none("the run", read.to_string().as_bytes());
    let events = lines(world.events(run, 0).await).await;
    holds_none("its events", events.as_bytes());
    files_hold_none(world.folder.path());
}

#[tokio::test]
async fn a_masked_run_is_not_repeated_and_others_are() {
    let world = world().await;
    let runs = world.service.runs();
    let masked = world.run("tells", "tel 13800138000").await;
    let refused = runs.rerun(&world.me, masked.summary.run, RerunAsk::default());
    let refused = refused.await.unwrap_err();
    assert_eq!(refused.code(), "masked-run");
    assert!(refused.to_string().contains("masked"), "{refused}");

    let plain = world.run("tells", "room 101, on 2026-11-21").await;
    assert!(!plain.summary.masked);
    let plain = plain.summary.run;
    assert!(json_of(&*world.get(plain).await).get("masked").is_none());
    let again = runs
        .rerun(&world.me, plain, RerunAsk::default())
        .await
        .unwrap();
    assert_eq!(outcome(&again.ended().await.unwrap()), "ok");
}

#[tokio::test]
async fn a_queued_run_begins_with_what_came_and_is_kept_masked() {
    let world = world().await;
    world.enqueue("hold", "first").await;
    world.holding(1).await;
    let run = world.enqueue("hold", &telling()).await;
    world.holding(2).await;
    files_hold_none(world.folder.path());
    let going = json_of(&*world.get(run).await);
    assert_eq!(
        (&going["state"], &going["masked"]),
        (&json!("running"), &json!(true))
    );
    world.let_go(2);
    let ended = json_of(&*world.ended(run).await);
    assert_eq!(ended["masked"], true);
    holds_none("the run", ended.to_string().as_bytes());
    let calls = world.stage.calls.lock().unwrap().clone();
    assert!(calls.contains_key(&telling()), "the node got what came");
    let events = lines(world.events(run, 0).await).await;
    assert!(events.contains("[masked:keys]"), "{events}");
    holds_none("its events", events.as_bytes());
    files_hold_none(world.folder.path());
}

#[tokio::test]
async fn sessions_that_tell_something_are_refused() {
    let world = world().await;
    let runs = world.service.runs();
    for session in SECRETS {
        let mut asked = ask("echo", "x");
        asked.session = Some(session.to_owned());
        assert_eq!(
            code(runs.run(&world.me, asked.clone()).await),
            "invalid-request"
        );
        let queued = world.service.queue().enqueue(&world.me, asked, 0).await;
        assert_eq!(code(queued), "invalid-request");
    }
    let mut asked = ask("echo", "x");
    asked.session = Some(Uuid::now_v7().to_string());
    assert_eq!(code(runs.run(&world.me, asked).await), "ok");
}

#[tokio::test]
async fn parts_of_an_answer_come_as_they_are_to_who_asked() {
    let world = world().await;
    let runs = world.service.runs();
    let mut asked = ask("tells", &telling());
    asked.parts = Some(("say".parse().unwrap(), "text".parse().unwrap()));
    let handle = runs.start(&world.me, asked).await.unwrap();
    let mut parts = handle.parts().unwrap();
    let mut said = String::new();
    while let Some(part) = parts.next().await {
        if let Value::Text(text) = part {
            said.push_str(&text);
        }
    }
    assert_eq!(said, telling());
    let events = lines(handle.events(0)).await;
    holds_none("what a follower hears", events.as_bytes());
    handle.ended().await.unwrap();
    let plain = runs.start(&world.me, ask("tells", "x")).await.unwrap();
    assert!(plain.parts().is_none(), "nobody asked");
    plain.ended().await.unwrap();
    // A run that is refused has none, and says so.
    let mut asked = ask("tells", "x");
    asked.input = json!({});
    asked.parts = Some(("say".parse().unwrap(), "text".parse().unwrap()));
    let refused = runs.launch(&world.me, asked).await.unwrap();
    assert!(refused.parts().unwrap().next().await.is_none());
    assert_eq!(code(refused.ended().await), "invalid-input");
}

#[tokio::test]
async fn what_is_masked_is_configured() {
    let mut config = ServiceConfig {
        mask: MaskConfig::off(),
        ..ServiceConfig::default()
    };
    config
        .mask
        .patterns
        .insert("staff".into(), r"\bE\d{6}\b".into());
    let world = World::with(config).await;
    let run = world.run("echo", "E123456 13800138000").await.summary.run;
    let read = json_of(&*world.get(run).await);
    assert_eq!(read["output"]["text"], "[masked:staff] 13800138000");

    let mut bad = ServiceConfig::default();
    bad.mask.patterns.insert("all".into(), ".*".into());
    let refused = World::refused(bad).await;
    assert!(matches!(refused, StartError::Mask(_)), "{refused}");
}
