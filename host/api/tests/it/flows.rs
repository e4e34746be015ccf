//! Flows through HTTP.

use serde_json::json;

use crate::client::ask;
use crate::host::{Host, SHOUT};

#[tokio::test]
async fn saving() {
    let host = Host::stocked().await;
    let put =
        |path: &str, text: &str| host.shown(ask(&format!("PUT /api/v1/flows/{path}")).yaml(text));
    let commented = format!("# the same\n{SHOUT}");
    insta::assert_snapshot!("the_same", put("shout", &commented).await);
    let other = SHOUT.replace("text: loud.text", "loud: loud.text");
    insta::assert_snapshot!("another", put("shout", &other).await);
    insta::assert_snapshot!("not_active", put("shout?activate=false", SHOUT).await);
    insta::assert_snapshot!("another_name", put("other", SHOUT).await);
    let faulty = SHOUT
        .replace("text/upper", "text/uper")
        .replace("loud.text", "lout.text");
    insta::assert_snapshot!("faults", put("shout", &faulty).await);
    insta::assert_snapshot!("no_name", put("No", SHOUT).await);
    insta::assert_snapshot!("wrong_query", put("shout?active=1", SHOUT).await);
    let json = json!({
        "flow": "short", "nodes": { "a": { "use": "text/upper", "in": { "text": "'a'" } } },
        "output": { "text": "a.text" },
    });
    let ask = ask("PUT /api/v1/flows/short").json(&json);
    insta::assert_snapshot!("json", host.shown(ask).await);
}

#[tokio::test]
async fn bodies_that_are_no_documents() {
    let host = Host::start().await;
    let put = || ask("PUT /api/v1/flows/shout");
    for (name, ask) in [
        ("no_media", put()),
        ("wrong_media", put().body("text/html", "x")),
        ("no_utf8", put().body("application/yaml", vec![0xff])),
        ("deep", put().body("application/json", "[".repeat(100_000))),
        ("empty", put().yaml("")),
    ] {
        insta::assert_snapshot!(format!("body_{name}"), host.shown(ask).await);
    }
}

#[tokio::test]
async fn reading() {
    let host = Host::stocked().await;
    let other = SHOUT.replace("text: loud.text", "loud: loud.text");
    host.tell(ask("PUT /api/v1/flows/shout").yaml(&other)).await;
    for (name, path) in [
        ("list", ""),
        ("one", "/shout"),
        ("versions", "/shout/versions"),
        ("version", "/shout/versions/1"),
        ("diff", "/shout/diff?from=1&to=2"),
        ("locks", "/shout/locks"),
        ("locks_of_version", "/shout/locks?version=1"),
        ("none", "/none"),
        ("no_version", "/shout/versions/9"),
        ("version_that_is_none", "/shout/versions/99999999999"),
        ("diff_without_to", "/shout/diff?from=1"),
        ("webhooks", "/shout/webhooks"),
    ] {
        let told = host.shown(ask(&format!("GET /api/v1/flows{path}"))).await;
        insta::assert_snapshot!(format!("read_{name}"), told);
    }
}

#[tokio::test]
async fn activating_and_deleting() {
    let host = Host::stocked().await;
    let other = SHOUT.replace("text: loud.text", "loud: loud.text");
    host.tell(ask("PUT /api/v1/flows/shout").yaml(&other)).await;
    let activate = |body| host.shown(ask("PUT /api/v1/flows/shout/active").json(&body));
    insta::assert_snapshot!("activated", activate(json!({ "version": 1 })).await);
    insta::assert_snapshot!("no_such_version", activate(json!({ "version": 7 })).await);
    insta::assert_snapshot!("no_number", activate(json!({ "version": "one" })).await);
    insta::assert_snapshot!(
        "another_field",
        activate(json!({ "version": 1, "x": 1 })).await
    );
    let outer = "flow: outer\nnodes:\n  inner: { use: 'flow:shout', in: { text: \"'a'\" } }\noutput: { text: inner.text }\n";
    let saved = host.tell(ask("PUT /api/v1/flows/outer").yaml(outer)).await;
    assert_eq!(saved.status, 201, "{}", saved.text());
    insta::assert_snapshot!(
        "needed",
        host.shown(ask("DELETE /api/v1/flows/shout")).await
    );
    assert_eq!(host.shown(ask("DELETE /api/v1/flows/outer")).await, "204\n");
    assert_eq!(host.shown(ask("DELETE /api/v1/flows/shout")).await, "204\n");
    insta::assert_snapshot!("gone", host.shown(ask("GET /api/v1/flows/shout")).await);
}
