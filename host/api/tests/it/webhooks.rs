//! Webhooks through HTTP.

use serde_json::json;

use crate::client::ask;
use crate::host::Host;

#[tokio::test]
async fn a_webhook_starts_a_run() {
    let host = Host::stocked().await;
    let make = |body| host.tell(ask("POST /api/v1/flows/shout/webhooks").json(&body));
    let made = make(json!({})).await;
    insta::assert_snapshot!("made", made.show());
    let token = made.json()["token"].as_str().expect("a token").to_owned();
    let call = |flow: &str, token: &str, body: &str| {
        let ask = ask(&format!("POST /webhooks/{flow}/{token}"));
        ask.body("application/json", body.to_owned())
    };
    let text = "{\"text\":\"a\"}";
    let told = call("shout", &token, text).send(host.address).await;
    insta::assert_snapshot!("called", told.show());
    for (name, flow, token, body) in [
        ("another_flow", "strict", token.as_str(), text),
        ("another_token", "shout", "nothing", text),
        ("no_json", "shout", &token, "{"),
        ("wrong_input", "shout", &token, "{}"),
    ] {
        let told = call(flow, token, body).send(host.address).await;
        insta::assert_snapshot!(format!("called_{name}"), told.show());
    }
    let list = host.shown(ask("GET /api/v1/flows/shout/webhooks")).await;
    insta::assert_snapshot!("list", list);
    let id = made.json()["webhook"].as_str().expect("an id").to_owned();
    let remove = || host.tell(ask(&format!("DELETE /api/v1/flows/shout/webhooks/{id}")));
    assert_eq!(remove().await.status, 204);
    assert_eq!(remove().await.status, 404);
    assert_eq!(
        call("shout", &token, text).send(host.address).await.status,
        404
    );
}

#[tokio::test]
async fn a_signed_webhook_takes_nothing_unsigned() {
    let host = Host::stocked().await;
    let make = ask("POST /api/v1/flows/shout/webhooks").json(&json!({ "signed": true }));
    let made = host.tell(make).await;
    insta::assert_snapshot!("made_signed", made.show());
    let token = made.json()["token"].as_str().expect("a token").to_owned();
    let call = ask(&format!("POST /webhooks/shout/{token}")).json(&json!({ "text": "a" }));
    insta::assert_snapshot!("unsigned", call.clone().send(host.address).await.show());
    let wrong = call
        .header("x-lockgate-timestamp", "1")
        .header("x-lockgate-signature", &format!("v1={}", "0".repeat(64)));
    insta::assert_snapshot!("wrongly_signed", wrong.send(host.address).await.show());
}
