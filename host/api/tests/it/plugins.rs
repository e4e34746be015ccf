//! Plugins through HTTP.

use serde_json::json;

use crate::client::ask;
use crate::guests::component;
use crate::host::{Host, SHOUT};

const BOUNDARY: &str = "multipart/form-data; boundary=x";

fn form(field: &str, component: &[u8]) -> Vec<u8> {
    let mut form = format!("--x\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"a.wasm\"\r\ncontent-type: application/wasm\r\n\r\n").into_bytes();
    form.extend_from_slice(component);
    form.extend_from_slice(b"\r\n--x--\r\n");
    form
}

#[tokio::test]
async fn uploads() {
    let host = Host::start().await;
    let text = component("text", "1.0.0", &["upper"], "");
    let upload = |query: &str, media: &str, body: Vec<u8>| {
        host.shown(ask(&format!("POST /api/v1/plugins{query}")).body(media, body))
    };
    let octets = "application/octet-stream";
    insta::assert_snapshot!("created", upload("", octets, text.clone()).await);
    insta::assert_snapshot!("there_already", upload("", octets, text.clone()).await);
    let other = component("text", "1.0.0", &["upper"], "other");
    insta::assert_snapshot!("version_taken", upload("", octets, other).await);
    let newer = component("text", "1.1.0", &["upper"], "");
    let newer = form("plugin", &newer);
    insta::assert_snapshot!("form", upload("?activate=true", BOUNDARY, newer).await);
    insta::assert_snapshot!("refused", upload("", octets, b"no".to_vec()).await);
    insta::assert_snapshot!("no_field", upload("", BOUNDARY, form("x", b"")).await);
    insta::assert_snapshot!("no_form", upload("", BOUNDARY, b"x".to_vec()).await);
    insta::assert_snapshot!("wrong_media", upload("", "text/plain", text.clone()).await);
    insta::assert_snapshot!("wrong_query", upload("?activate=2", octets, text).await);
}

#[tokio::test]
async fn a_plugin_that_is_too_large() {
    let host = Host::with(|config| config.plugin_bytes = 16).await;
    let upload = ask("POST /api/v1/plugins").body("application/wasm", vec![0; 17]);
    insta::assert_snapshot!(host.shown(upload).await);
}

#[tokio::test]
async fn reading() {
    let host = Host::stocked().await;
    for (name, path) in [
        ("list", "/api/v1/plugins"),
        ("one", "/api/v1/plugins/lockgate:text"),
        ("versions", "/api/v1/plugins/text/versions"),
        ("none", "/api/v1/plugins/none"),
        ("no_name", "/api/v1/plugins/No%00Name"),
        (
            "no_upload",
            "/api/v1/plugins/uploads/00000000-0000-0000-0000-000000000000",
        ),
        ("no_upload_id", "/api/v1/plugins/uploads/1"),
    ] {
        let told = host.shown(ask(&format!("GET {path}"))).await;
        insta::assert_snapshot!(format!("read_{name}"), told);
    }
}

#[tokio::test]
async fn versions_are_swapped_and_rolled_back() {
    let host = Host::stocked().await;
    let told = host
        .upload("text", "1.1.0", &["upper", "tell", "reject", "wait"], "")
        .await;
    insta::assert_snapshot!("swapped", told.show());
    let activate = |version: &str| {
        let ask = ask("PUT /api/v1/plugins/text/active");
        host.shown(ask.json(&json!({ "version": version })))
    };
    insta::assert_snapshot!("rolled_back", activate("1.0.0").await);
    insta::assert_snapshot!("no_version", activate("9.9.9").await);
    insta::assert_snapshot!("no_semver", activate("one").await);
    let told = host.upload("text", "2.0.0", &["other"], "").await;
    insta::assert_snapshot!("would_break", told.show());
    insta::assert_snapshot!(
        "locks",
        host.shown(ask("GET /api/v1/flows/shout/locks")).await
    );
}

#[tokio::test]
async fn deleting() {
    let host = Host::stocked().await;
    let delete = |path: &str| host.shown(ask(&format!("DELETE /api/v1/plugins/{path}")));
    insta::assert_snapshot!("needed", delete("text").await);
    insta::assert_snapshot!("needed_version", delete("text/versions/1.0.0").await);
    host.upload("spare", "1.0.0", &["upper"], "").await;
    host.upload("spare", "1.1.0", &["upper"], "").await;
    insta::assert_snapshot!("active_version", delete("spare/versions/1.1.0").await);
    assert_eq!(delete("spare/versions/1.0.0").await, "204\n");
    assert_eq!(delete("spare").await, "204\n");
    insta::assert_snapshot!("gone", delete("spare").await);
    let saved = ask("PUT /api/v1/flows/shout").yaml(SHOUT);
    assert_eq!(host.tell(saved).await.status, 200);
}
