//! OpenAI's shape through HTTP.

use lockgate_service::Scope;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::{Ask, ask};
use crate::host::Host;

/// Chats, and never answers.
const SILENT: &str = "\
flow: silent
input: { type: object, required: [message], properties: { message: { type: string } } }
chat: { message: message, answer: text }
nodes:
  long: { use: text/wait, in: { text: input.message } }
output: { text: long.text }
";

fn complete(body: &Value) -> Ask {
    ask("POST /v1/chat/completions").json(body)
}

fn said(model: &str, text: &str) -> Value {
    json!({ "model": model, "messages": [
        { "role": "system", "content": "Be brief." },
        { "role": "user", "content": text },
    ] })
}

#[tokio::test]
async fn models() {
    let host = Host::stocked().await;
    insta::assert_snapshot!("list", host.shown(ask("GET /v1/models")).await);
    insta::assert_snapshot!("one", host.shown(ask("GET /v1/models/parrot")).await);
    insta::assert_snapshot!("no_chat", host.shown(ask("GET /v1/models/shout")).await);
    insta::assert_snapshot!("no_name", host.shown(ask("GET /v1/models/GPT-4")).await);
}

#[tokio::test]
async fn a_chat_is_answered() {
    let host = Host::stocked().await;
    insta::assert_snapshot!("whole", host.shown(complete(&said("parrot", "hi"))).await);
    let mut stream = said("parrot", "hi");
    stream["stream"] = true.into();
    insta::assert_snapshot!("stream", host.shown(complete(&stream)).await);
    stream["stream_options"] = json!({ "include_usage": true });
    insta::assert_snapshot!("stream_usage", host.shown(complete(&stream)).await);
    let parts = json!([{ "type": "text", "text": "in " }, { "type": "text", "text": "parts" }]);
    let mut in_parts = said("parrot", "");
    in_parts["messages"][1]["content"] = parts;
    let told = host.tell(complete(&in_parts)).await.json();
    assert_eq!(
        told["choices"][0]["message"]["content"],
        "You said: in parts"
    );
}

#[tokio::test]
async fn chats_that_are_refused() {
    let host = Host::stocked().await;
    let image = json!({ "model": "parrot", "messages": [
        { "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "x" } }] },
    ] });
    for (name, body) in [
        ("no_flow", said("none", "hi")),
        ("no_chat", said("shout", "hi")),
        ("no_messages", json!({ "model": "parrot", "messages": [] })),
        (
            "no_user",
            json!({ "model": "parrot", "messages": [{ "role": "system", "content": "x" }] }),
        ),
        ("image", image),
        (
            "two",
            json!({ "model": "parrot", "n": 2, "messages": [{ "role": "user", "content": "x" }] }),
        ),
        (
            "no_role",
            json!({ "model": "parrot", "messages": [{ "content": "x" }] }),
        ),
    ] {
        insta::assert_snapshot!(format!("refused_{name}"), host.shown(complete(&body)).await);
    }
    let told = complete(&said("parrot", "hi"))
        .key("lg_x")
        .send(host.address)
        .await;
    insta::assert_snapshot!("refused_key", told.show());
    insta::assert_snapshot!("refused_path", host.shown(ask("GET /v1/embeddings")).await);
    let method = host.shown(ask("GET /v1/chat/completions")).await;
    insta::assert_snapshot!("refused_method", method);
}

#[tokio::test]
async fn a_chat_ends_with_its_client() {
    let host = Host::stocked().await;
    let saved = ask("PUT /api/v1/flows/silent").yaml(SILENT);
    assert_eq!(host.tell(saved).await.status, 201);
    let key = host.key("chats", Scope::Run, None).await;
    for is_stream in [false, true] {
        let mut said = said("silent", "hi");
        said["stream"] = is_stream.into();
        let mut client = TcpStream::connect(host.address).await.expect("it listens");
        let request = complete(&said).key(&key).bytes();
        client.write_all(&request).await.expect("sent");
        let run = loop {
            let runs = host.tell(ask("GET /api/v1/runs?flow=silent")).await.json();
            let runs = runs["items"].as_array().cloned().unwrap_or_default();
            let running = runs.iter().find(|run| run["state"] == "running");
            if let Some(run) = running.and_then(|run| run["run"].as_str()) {
                break run.to_owned();
            }
        };
        drop(client);
        let ended = host.settled(&format!("/api/v1/runs/{run}")).await.json();
        assert_eq!(ended["outcome"], "cancelled", "{ended}");
    }
}
