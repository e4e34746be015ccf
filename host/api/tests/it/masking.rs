//! What is masked, through HTTP: whoever asks gets their own data, whoever reads later does not.

use serde_json::{Value, json};

use crate::client::{Ask, ask};
use crate::host::Host;

const PHONE: &str = "13800138000";

fn post(path: &str, body: &Value) -> Ask {
    ask(&format!("POST {path}")).json(body)
}

fn chat(is_stream: bool) -> Ask {
    let message = json!({ "role": "user", "content": format!("call {PHONE}") });
    post(
        "/v1/chat/completions",
        &json!({ "model": "parrot", "stream": is_stream, "messages": [message] }),
    )
}

/// The texts of an answer in pieces, end to end.
fn said(stream: &str) -> String {
    let data = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let pieces = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    pieces
        .filter_map(|piece| {
            piece["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::to_owned)
        })
        .collect()
}

/// The newest run of a flow, and its events.
async fn kept(host: &Host, flow: &str) -> (Value, String) {
    let runs = host
        .tell(ask(&format!("GET /api/v1/runs?flow={flow}")))
        .await;
    let run = runs.json()["items"][0]["run"].clone();
    let path = format!("/api/v1/runs/{}", run.as_str().expect("a run"));
    let read = host.settled(&path).await.json();
    let events = host.tell(ask(&format!("GET {path}/events"))).await.text();
    (read, events)
}

#[tokio::test]
async fn a_run_is_answered_whole_and_read_masked() {
    let host = Host::stocked().await;
    let body = json!({ "input": { "text": format!("call {PHONE}") } });
    let answer = host
        .tell(post("/api/v1/flows/shout/runs", &body))
        .await
        .json();
    assert_eq!(answer["output"]["text"], format!("CALL {PHONE}"));
    assert_eq!(answer["masked"], true);
    let (read, events) = kept(&host, "shout").await;
    assert_eq!(read["output"]["text"], "CALL [masked:phones]");
    assert!(!read.to_string().contains(PHONE), "{read}");
    assert!(
        !events.contains(PHONE) && events.contains("[masked:phones]"),
        "{events}"
    );
    let rerun = format!(
        "/api/v1/runs/{}/rerun",
        answer["run"].as_str().expect("a run")
    );
    insta::assert_snapshot!("rerun", host.shown(post(&rerun, &json!({}))).await);

    let stream = host
        .tell(post("/api/v1/flows/shout/runs/stream", &body))
        .await
        .text();
    assert!(
        !stream.contains(PHONE) && stream.contains("[masked:phones]"),
        "{stream}"
    );
    let mut named = body;
    named["session"] = PHONE.into();
    let told = host.shown(post("/api/v1/flows/shout/runs", &named)).await;
    insta::assert_snapshot!("session", told);
}

#[tokio::test]
async fn a_chat_is_answered_whole_and_read_masked() {
    let host = Host::stocked().await;
    let whole = host.tell(chat(false)).await.json();
    let answer = format!("You said: call {PHONE}");
    assert_eq!(whole["choices"][0]["message"]["content"], answer.as_str());
    let stream = host.tell(chat(true)).await.text();
    assert_eq!(said(&stream), answer);
    let (read, events) = kept(&host, "parrot").await;
    assert_eq!(
        (&read["trigger"], &read["masked"]),
        (&json!("chat"), &json!(true))
    );
    assert_eq!(read["output"]["text"], "You said: call [masked:phones]");
    assert!(
        events.contains("node.part") && !events.contains(PHONE),
        "{events}"
    );
}
