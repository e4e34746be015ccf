//! What is wrong with any request.

use lockgate_service::Scope;
use serde_json::json;

use crate::client::ask;
use crate::host::Host;

#[tokio::test]
async fn paths_and_methods() {
    let host = Host::start().await;
    insta::assert_snapshot!("no_route", host.shown(ask("GET /nowhere")).await);
    insta::assert_snapshot!(
        "wrong_method",
        host.shown(ask("PATCH /api/v1/flows/a")).await
    );
    insta::assert_snapshot!("trace", host.shown(ask("TRACE /api/v1/runs")).await);
    for path in ["%00", "%ff", "..%2f..%2fetc", "%F0%9F%A6%80", "a%0d%0ab"] {
        for at in [
            "/api/v1/flows/",
            "/api/v1/plugins/",
            "/v1/models/",
            "/api/v1/runs/",
        ] {
            let told = host.tell(ask(&format!("GET {at}{path}"))).await;
            assert!(
                [400, 404].contains(&told.status),
                "{at}{path}: {}",
                told.status
            );
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large() {
    let host = Host::with(|config| config.json_bytes = 64).await;
    let large = json!({ "input": "x".repeat(64) });
    let ask = ask("POST /api/v1/flows/a/runs").json(&large);
    insta::assert_snapshot!("too_large", host.shown(ask).await);
}

#[tokio::test]
async fn the_document_describes_itself() {
    let host = Host::start().await;
    let told = host.tell(ask("GET /openapi.json")).await;
    assert_eq!(told.status, 200);
    assert_eq!(told.json(), lockgate_api::openapi(false));
    let read = host.key("reader", Scope::Read, None).await;
    let told = ask("HEAD /openapi.json")
        .key(&read)
        .send(host.address)
        .await;
    assert_eq!((told.status, told.body.len()), (200, 0));
}
