//! Documents that come with the request, run or only looked at.

use serde_json::json;

use lockgate_service::Scope;

use crate::client::ask;
use crate::host::{Host, SHOUT};

#[tokio::test]
async fn a_document_is_run() {
    let host = Host::stocked().await;
    let run = |document: &str| {
        let body = json!({ "document": document, "name": "a.yaml", "input": { "text": "a" } });
        ask("POST /api/v1/runs").json(&body)
    };
    insta::assert_snapshot!("ok", host.shown(run(SHOUT)).await);
    let faulty = SHOUT.replace("text/upper", "text/uper");
    insta::assert_snapshot!("faults", host.shown(run(&faulty)).await);
    let key = host.key("runner", Scope::Run, None).await;
    let told = run(SHOUT).key(&key).send(host.address).await;
    assert_eq!(told.status, 403, "{}", told.text());
    let body = json!({ "document": SHOUT, "input": { "text": "a" } });
    let told = host.tell(ask("POST /api/v1/runs/stream").json(&body)).await;
    assert!(told.text().contains("run.finished"), "{}", told.text());
}

#[tokio::test]
async fn a_document_is_looked_at() {
    let host = Host::stocked().await;
    let check = |text: &str| host.shown(ask("POST /api/v1/flows/check").yaml(text));
    insta::assert_snapshot!("check_whole", check(SHOUT).await);
    insta::assert_snapshot!("check_faults", check(&SHOUT.replace("upper", "uper")).await);
    insta::assert_snapshot!("check_no_yaml", check("flow: [").await);
}
