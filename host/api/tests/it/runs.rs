//! Runs of flows through HTTP.

use serde_json::{Value, json};

use crate::client::{Ask, Told, ask};
use crate::host::Host;

fn run(flow: &str, body: &Value) -> Ask {
    ask(&format!("POST /api/v1/flows/{flow}/runs")).json(body)
}

fn hello() -> Value {
    json!({ "input": { "text": "hello" } })
}

fn id(told: &Told) -> String {
    told.json()["run"].as_str().expect("a run").to_owned()
}

/// Reads a run until it is finished: its row is there a moment after its last event.
async fn finished(host: &Host, run: &str) -> Told {
    host.settled(&format!("/api/v1/runs/{run}")).await
}

#[tokio::test]
async fn waited_for() {
    let host = Host::stocked().await;
    let told = host.tell(run("shout", &hello())).await;
    insta::assert_snapshot!("ok", told.show());
    let again = host
        .tell(ask(&format!("GET /api/v1/runs/{}", id(&told))))
        .await;
    insta::assert_snapshot!("read", again.show());
    let text = json!({ "input": { "text": "hello" } });
    insta::assert_snapshot!("rejected", host.shown(run("strict", &text)).await);
}

#[tokio::test]
async fn refused() {
    let host = Host::stocked().await;
    for (name, flow, body) in [
        ("no_flow", "none", hello()),
        ("no_input", "shout", json!({})),
        ("wrong_input", "shout", json!({ "input": { "text": 1 } })),
        (
            "no_version",
            "shout",
            json!({ "input": { "text": "a" }, "version": 9 }),
        ),
        ("unknown_field", "shout", json!({ "inputs": {} })),
        (
            "wrong_type",
            "shout",
            json!({ "input": {}, "version": "1" }),
        ),
        ("no_object", "shout", json!([])),
        (
            "no_such_node",
            "shout",
            json!({ "input": { "text": "a" }, "until": "nowhere" }),
        ),
        (
            "no_such_var",
            "shout",
            json!({ "input": { "text": "a" }, "vars": { "x": 1 } }),
        ),
        (
            "null_byte",
            "shout",
            json!({ "input": { "text": "a\u{0}" }, "until": "\u{0}" }),
        ),
    ] {
        insta::assert_snapshot!(
            format!("refused_{name}"),
            host.shown(run(flow, &body)).await
        );
    }
    let path = "POST /api/v1/flows/shout/runs";
    for (name, ask) in [
        ("syntax", ask(path).body("application/json", "{\"input\": ")),
        ("no_body", ask(path).body("application/json", "")),
        ("no_media", ask(path)),
        (
            "deep",
            ask(path).body(
                "application/json",
                format!("{{\"input\":{}", "[".repeat(1 << 20)),
            ),
        ),
        (
            "large_number",
            ask(path).body("application/json", "{\"input\": 1e999}"),
        ),
        (
            "idempotency_key",
            run("shout", &hello()).header("idempotency-key", ""),
        ),
    ] {
        insta::assert_snapshot!(format!("refused_{name}"), host.shown(ask).await);
    }
}

#[tokio::test]
async fn followed() {
    let host = Host::stocked().await;
    let stream = ask("POST /api/v1/flows/parrot/runs/stream");
    let told = host
        .tell(stream.json(&json!({ "input": { "message": "hi" } })))
        .await;
    insta::assert_snapshot!("stream", told.show());
    let first = told
        .text()
        .lines()
        .find_map(|line| Some(line.strip_prefix("data: ")?.to_owned()));
    let first: Value = serde_json::from_str(&first.expect("an event")).expect("JSON");
    let run = first["run"].as_str().expect("a run").to_owned();
    let events = || ask(&format!("GET /api/v1/runs/{run}/events"));
    assert_eq!(
        host.tell(events()).await.text(),
        told.text(),
        "a replay is the same"
    );
    let after = host
        .tell(events().header("last-event-id", "3"))
        .await
        .text();
    assert!(
        told.text().ends_with(&after) && after.starts_with("id: 4\n"),
        "{after}"
    );
    let refused = host.shown(events().header("last-event-id", "x")).await;
    insta::assert_snapshot!("no_event_id", refused);
}

#[tokio::test]
async fn queued() {
    let host = Host::stocked().await;
    let ask_async = || run("shout", &hello()).header("prefer", "respond-async, wait=10");
    let told = host.tell(ask_async()).await;
    insta::assert_snapshot!("accepted", told.show());
    let told = finished(&host, &id(&told)).await;
    assert_eq!(told.json()["outcome"], "ok", "{}", told.text());
    insta::assert_snapshot!("queued_ended", told.show());
}

#[tokio::test]
async fn idempotency_keys() {
    let host = Host::stocked().await;
    let first = host
        .tell(run("shout", &hello()).header("idempotency-key", "k1"))
        .await;
    let again = host
        .tell(run("shout", &hello()).header("idempotency-key", "k1"))
        .await;
    assert_eq!(id(&first), id(&again));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let other = json!({ "input": { "text": "other" } });
    let other = run("shout", &other).header("idempotency-key", "k1");
    insta::assert_snapshot!("another_request", host.shown(other).await);
}

#[tokio::test]
async fn listed() {
    let host = Host::stocked().await;
    let mut runs = Vec::new();
    for flow in ["shout", "strict", "shout"] {
        runs.push(id(&host.tell(run(flow, &hello())).await));
    }
    let list = async |query: &str| {
        let told = host.tell(ask(&format!("GET /api/v1/runs{query}"))).await;
        assert_eq!(told.status, 200, "{query}: {}", told.text());
        let page = told.json();
        let items = page["items"].as_array().expect("items").iter();
        let ids: Vec<_> = items
            .map(|item| {
                runs.iter()
                    .position(|id| *id == item["run"])
                    .expect("a run")
            })
            .collect();
        (ids, page["next"].as_str().map(str::to_owned))
    };
    assert_eq!(list("").await, (vec![2, 1, 0], None));
    assert_eq!(list("?flow=shout").await.0, [2, 0]);
    assert_eq!(list("?outcome=rejected").await.0, [1]);
    assert_eq!(
        list("?since=2020-01-01T00:00:00%2B01:00").await.0,
        [2, 1, 0]
    );
    assert_eq!(list("?until=2020-01-01T00:00:00Z").await.0, [0; 0]);
    let (first, next) = list("?limit=2").await;
    assert_eq!(first, [2, 1]);
    let next = next.expect("more");
    assert_eq!(
        list(&format!("?limit=2&cursor={next}")).await,
        (vec![0], None)
    );
    insta::assert_snapshot!("list", host.shown(ask("GET /api/v1/runs?limit=1")).await);
    for (name, query) in [
        ("outcome", "outcome=good"),
        ("since", "since=yesterday"),
        ("unknown", "colour=red"),
        ("twice", "flow=a&flow=b"),
        ("limit", "limit=100000"),
        ("null_byte", "flow=%00"),
        ("utf8", "flow=%ff"),
        ("huge", "limit=99999999999999999999999"),
    ] {
        let told = host.shown(ask(&format!("GET /api/v1/runs?{query}"))).await;
        insta::assert_snapshot!(format!("list_{name}"), told);
    }
}

#[tokio::test]
async fn nodes() {
    let host = Host::stocked().await;
    let run = id(&host.tell(run("shout", &hello())).await);
    let node = |node: &str| host.shown(ask(&format!("GET /api/v1/runs/{run}/nodes/{node}")));
    insta::assert_snapshot!("node", node("loud").await);
    insta::assert_snapshot!("no_node", node("nowhere").await);
    let none = "GET /api/v1/runs/00000000-0000-7000-8000-000000000000";
    insta::assert_snapshot!("no_run", host.shown(ask(none)).await);
    insta::assert_snapshot!("no_id", host.shown(ask("GET /api/v1/runs/1")).await);
}

#[tokio::test]
async fn cancelled() {
    let host = Host::stocked().await;
    let told = host
        .tell(run("wait", &json!({})).header("prefer", "respond-async"))
        .await;
    let run = id(&told);
    let cancel = || ask(&format!("DELETE /api/v1/runs/{run}"));
    let told = host.tell(cancel()).await;
    assert!([200, 202].contains(&told.status), "{}", told.text());
    let told = finished(&host, &run).await;
    assert_eq!(told.json()["outcome"], "cancelled");
    insta::assert_snapshot!("cancelled_twice", host.shown(cancel()).await);
}

#[tokio::test]
async fn repeated() {
    let host = Host::stocked().await;
    let run = id(&host.tell(run("shout", &hello())).await);
    let rerun = |body: Value| ask(&format!("POST /api/v1/runs/{run}/rerun")).json(&body);
    let told = host.shown(rerun(json!({ "from": "loud" }))).await;
    insta::assert_snapshot!("rerun", told);
    insta::assert_snapshot!(
        "rerun_nowhere",
        host.shown(rerun(json!({ "from": "x" }))).await
    );
    insta::assert_snapshot!("rerun_without", host.shown(rerun(json!({}))).await);
    let later = rerun(json!({ "from": "loud" })).header("prefer", "respond-async");
    insta::assert_snapshot!("rerun_later", host.shown(later).await);
}
