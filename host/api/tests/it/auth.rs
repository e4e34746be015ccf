//! Who is let in.

use std::num::NonZeroU32;

use lockgate_service::Scope;

use crate::client::ask;
use crate::host::Host;

#[tokio::test]
async fn without_a_key_only_health_answers() {
    let host = Host::start().await;
    for open in ["GET /healthz", "GET /readyz"] {
        assert_eq!(ask(open).send(host.address).await.status, 200, "{open}");
    }
    for closed in [
        "GET /openapi.json",
        "GET /metrics",
        "GET /api/v1/flows",
        "POST /api/v1/flows",
        "GET /nowhere",
    ] {
        assert_eq!(ask(closed).send(host.address).await.status, 401, "{closed}");
    }
    insta::assert_snapshot!(ask("GET /api/v1/flows").send(host.address).await.show());
}

#[tokio::test]
async fn a_key_that_is_none() {
    let host = Host::start().await;
    for key in ["", "lg_x", &format!("lg_{}", "a".repeat(43)), "lg_é"] {
        let told = ask("GET /api/v1/flows").key(key).send(host.address).await;
        assert_eq!(told.status, 401, "{key}");
    }
    let basic = ask("GET /api/v1/flows").header("authorization", "Basic eDp5");
    assert_eq!(basic.send(host.address).await.status, 401);
    let told = ask("GET /api/v1/flows")
        .key("lg_x")
        .send(host.address)
        .await;
    insta::assert_snapshot!(told.show());
}

#[tokio::test]
async fn a_scope_that_does_not_do() {
    let host = Host::stocked().await;
    let read = host.key("reader", Scope::Read, None).await;
    let told = ask("DELETE /api/v1/flows/shout").key(&read);
    insta::assert_snapshot!(told.send(host.address).await.show());
    let run = host.key("runner", Scope::Run, None).await;
    for closed in ["GET /openapi.json", "GET /metrics", "GET /api/v1/audit"] {
        let told = ask(closed).key(&run).send(host.address).await;
        assert_eq!(told.status, 403, "{closed}: {}", told.text());
    }
}

#[tokio::test]
async fn a_key_for_one_flow() {
    let host = Host::stocked().await;
    let key = host.key("narrow", Scope::Run, Some(&["shout"])).await;
    let run = |flow: &str| {
        let ask = ask(&format!("POST /api/v1/flows/{flow}/runs")).key(&key);
        ask.json(&serde_json::json!({ "input": { "text": "a" } }))
    };
    assert_eq!(run("shout").send(host.address).await.status, 200);
    let told = run("strict").send(host.address).await;
    insta::assert_snapshot!(told.show());
}

#[tokio::test]
async fn too_many_requests() {
    let host = Host::with(|config| {
        config.key_requests = NonZeroU32::MIN;
        config.failed_requests = NonZeroU32::MIN;
    })
    .await;
    let many = async |key: &str| {
        let mut statuses = Vec::new();
        for _ in 0..3 {
            let told = ask("GET /api/v1/flows").key(key).send(host.address).await;
            statuses.push((told.status, told.header("retry-after").is_some()));
        }
        statuses
    };
    let unknown = many("lg_x").await;
    assert_eq!(unknown, [(401, false), (429, true), (429, true)]);
    // Guesses from the same address do not hold up who has a key.
    let key = host.key("busy", Scope::Read, None).await;
    let known = many(&key).await;
    assert_eq!(known[0], (200, false));
    assert!(known.contains(&(429, true)), "{known:?}");
}

#[tokio::test]
async fn dev_answers_this_machine_only() {
    let host = Host::with(|config| config.dev = true).await;
    for (name, value, status) in [
        ("host", "localhost", 200),
        ("host", "127.0.0.1:7878", 200),
        ("host", "[::1]:1", 200),
        ("host", "evil.example", 403),
        ("host", "localhost.evil.example", 403),
        ("origin", "http://localhost:5173", 200),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
    ] {
        for path in ["GET /api/v1/flows", "GET /healthz"] {
            let told = ask(path).header(name, value).send(host.address).await;
            assert_eq!(told.status, status, "{path} {name}: {value}");
        }
    }
    let told = ask("GET /api/v1/flows").header("host", "evil.example");
    insta::assert_snapshot!(told.send(host.address).await.show());
}

#[tokio::test]
async fn dev_listens_on_this_machine_only() {
    let config = lockgate_api::ApiConfig {
        listen: "0.0.0.0:0".parse().expect("an address"),
        dev: true,
        ..Default::default()
    };
    let error = lockgate_api::Server::bind(config)
        .await
        .expect_err("no loopback");
    assert!(error.to_string().contains("loopback"), "{error}");
}

#[tokio::test]
async fn the_audit_log_says_who() {
    let host = Host::stocked().await;
    insta::assert_snapshot!(host.shown(ask("GET /api/v1/audit?limit=2")).await);
    insta::assert_snapshot!(host.shown(ask("GET /api/v1/audit?limit=0")).await);
}
