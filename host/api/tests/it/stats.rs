//! What runs did, in numbers, through HTTP.

use lockgate_service::Scope;
use serde_json::{Value, json};

use crate::client::ask;
use crate::host::{Host, SHOUT};

/// Runs of three flows, nothing of which is collected until somebody asks.
async fn ran() -> Host {
    let host = Host::stocked().await;
    let input = json!({ "input": { "text": "a" } });
    for flow in ["shout", "strict", "shout"] {
        let run = ask(&format!("POST /api/v1/flows/{flow}/runs"));
        assert_eq!(host.tell(run.json(&input)).await.status, 200);
    }
    let input = json!({ "input": { "message": "a" } });
    let run = ask("POST /api/v1/flows/parrot/runs").json(&input);
    assert_eq!(host.tell(run).await.status, 200);
    host
}

#[tokio::test]
async fn by_node_and_by_version() {
    let host = ran().await;
    let stats = |query: &str| ask(&format!("GET /api/v1/stats?{query}"));
    insta::assert_snapshot!("by_node", host.shown(stats("flow=shout")).await);
    let strict = stats("flow=strict&by=version");
    insta::assert_snapshot!("by_version", host.shown(strict).await);
    insta::assert_snapshot!("with_tokens", host.shown(stats("flow=parrot")).await);
    let none = stats("flow=shout&since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z");
    insta::assert_snapshot!("of_a_time_without", host.shown(none).await);
    let told = host.tell(stats("flow=shout&since=2020-01-01T00:00:00Z&version=1"));
    assert_eq!(told.await.json()["total"]["count"], 2);
}

#[tokio::test]
async fn compared() {
    let host = ran().await;
    let other = SHOUT.replace("loud", "louder");
    let save = ask("PUT /api/v1/flows/shout").yaml(&other);
    assert_eq!(host.tell(save).await.status, 201);
    let compare = |query: &str| ask(&format!("GET /api/v1/stats/compare?{query}"));
    let few = compare("a=shout@1&b=shout@2");
    insta::assert_snapshot!("few", host.shown(few).await);
    let input = json!({ "input": { "text": "a" } });
    for _ in 0..2 {
        let run = ask("POST /api/v1/flows/shout/runs").json(&input);
        assert_eq!(host.tell(run).await.status, 200);
    }
    let told = host.tell(compare("a=shout@1&b=shout@2&since=2020-01-01T00:00:00Z"));
    let told = told.await.json();
    assert_eq!(told["verdict"], "too-few");
    // Of so few, no interval would be what it says.
    assert_eq!(
        (&told["ratio"], &told["needed"]),
        (&Value::Null, &json!(30))
    );
    let told = host
        .tell(compare("a=shout@1&b=shout@1&node=loud"))
        .await
        .json();
    assert_eq!(
        (&told["a"]["count"], &told["node"]),
        (&json!(2), &json!("loud"))
    );
}

#[tokio::test]
async fn wrong_questions() {
    let host = ran().await;
    for (name, query) in [
        ("no_flow", "?flow=none"),
        ("no_version", "?flow=shout&version=9"),
        ("no_such_version", "?flow=shout&version=0x1"),
        ("flow_missing", ""),
        ("no_name", "?flow=Shout"),
        ("by_what", "?flow=shout&by=plugin"),
        ("no_time", "?flow=shout&since=24h"),
        ("later", "?flow=shout&since=9999-01-01T00:00:00Z"),
        (
            "backwards",
            "?flow=shout&since=2020-01-02T00:00:00Z&until=2020-01-01T00:00:00Z",
        ),
        ("unknown", "?flow=shout&node=loud"),
        ("compare_no_version", "/compare?a=shout@1&b=shout@2"),
        ("compare_no_word", "/compare?a=shout&b=shout@2"),
        ("compare_one", "/compare?a=shout@1"),
        ("compare_no_node", "/compare?a=shout@1&b=shout@1&node=quiet"),
        ("compare_no_name", "/compare?a=shout@1&b=shout@1&node=%00"),
    ] {
        let asked = ask(&format!("GET /api/v1/stats{query}"));
        insta::assert_snapshot!(format!("wrong_{name}"), host.shown(asked).await);
    }
}

#[tokio::test]
async fn numbers_are_for_those_who_may_read_the_flow() {
    let host = ran().await;
    for (name, scope, flows, status) in [
        ("reader", Scope::Read, None, 200),
        ("deployer", Scope::Deploy, None, 200),
        ("mine", Scope::Read, Some(&["shout"][..]), 200),
        ("other", Scope::Read, Some(&["strict"][..]), 403),
        ("runner", Scope::Run, None, 403),
    ] {
        let key = host.key(name, scope, flows).await;
        for path in ["?flow=shout", "/compare?a=shout@1&b=shout@1"] {
            let asked = ask(&format!("GET /api/v1/stats{path}")).key(&key);
            assert_eq!(asked.send(host.address).await.status, status, "{name}");
        }
    }
    let nobody = ask("GET /api/v1/stats?flow=shout").send(host.address).await;
    assert_eq!(nobody.status, 401);
}
