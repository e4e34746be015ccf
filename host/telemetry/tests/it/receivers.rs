//! DingTalk and webhooks: what they are sent, and what becomes of each of their answers.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lockgate_telemetry::alerts::receivers::{
    At, DingTalk, Receiver, SIGNATURE, SendError, Webhook,
};
use lockgate_telemetry::alerts::{Notice, Secret};
use reqwest::{Client, Url, redirect};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

/// What a stand-in was sent.
#[derive(Debug, Clone)]
struct Got {
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

/// How a stand-in answers.
#[derive(Debug, Clone)]
enum Answer {
    Json(StatusCode, Value),
    Later(StatusCode, &'static str),
    Redirect(String),
    Long,
    Hang,
}

#[derive(Clone)]
struct StandIn {
    answer: Answer,
    got: Arc<Mutex<Vec<Got>>>,
}

/// A server that answers always the same.
async fn stand_in(answer: Answer) -> (Url, Arc<Mutex<Vec<Got>>>) {
    let got = Arc::default();
    let state = StandIn {
        answer,
        got: Arc::clone(&got),
    };
    let router = Router::new().fallback(answer_to).with_state(state);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("an address");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let url = Url::parse(&format!("http://{address}/robot/send"));
    (url.expect("an address"), got)
}

async fn answer_to(
    State(state): State<StandIn>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = query.unwrap_or_default();
    state.got.lock().expect("no panic").push(Got {
        query,
        headers,
        body,
    });
    match state.answer {
        Answer::Json(status, body) => (status, axum::Json(body)).into_response(),
        Answer::Later(status, after) => (status, [(header::RETRY_AFTER, after)]).into_response(),
        Answer::Redirect(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Answer::Long => Body::from(vec![b' '; 1 << 20]).into_response(),
        Answer::Hang => std::future::pending().await,
    }
}

fn client(patience: Duration) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .redirect(redirect::Policy::none())
        .timeout(patience);
    client.build().expect("a client")
}

const PATIENT: Duration = Duration::from_secs(60);

fn notice(rule: &str) -> Notice {
    let notice = json!({
        "change": "fired", "rule": rule, "severity": "critical",
        "condition": "3 runs in a row of flow poem over 5 s", "project": "default",
        "flow": "poem", "version": null, "node": null,
        "unit": "seconds", "value": 6.2, "worst": 6.2, "threshold": 5.0,
        "told": {"value": "6.2 s", "worst": "6.2 s", "threshold": "5 s"},
        "since": "2030-01-31T12:00:00Z", "at": "2030-01-31T12:00:00Z", "muted": 0,
        "runs": ["0198c9a2-7b1e-7cc0-a1f6-2f6f3f0d7a55"],
        "links": {"runs": "https://flows.example.com/api/v1/runs?flow=poem", "logs": null}
    });
    serde_json::from_value(notice).expect("a notice")
}

fn moment() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_123)
}

/// HMAC-SHA256, computed as the other side does.
fn hmac(secret: &str, text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn robot(url: Url, patience: Duration) -> DingTalk {
    let at = At {
        mobiles: vec!["13800000000".to_owned()],
        all: false,
    };
    DingTalk::new(
        client(patience),
        url,
        "token+/".into(),
        Some("SEC hush".into()),
        at,
    )
}

fn ok() -> Answer {
    Answer::Json(StatusCode::OK, json!({"errcode": 0, "errmsg": "ok"}))
}

#[tokio::test]
async fn dingtalk_is_sent_markdown_that_is_signed() {
    let (url, got) = stand_in(ok()).await;
    let robot = robot(url, PATIENT);
    robot
        .send(&[notice("slow")], 0, moment())
        .await
        .expect("taken");
    let got = got.lock().expect("no panic")[0].clone();
    let query = Url::parse(&format!("http://x/?{}", got.query)).expect("a query");
    let query: BTreeMap<_, _> = query.query_pairs().into_owned().collect();
    assert_eq!(query["access_token"], "token+/");
    assert_eq!(query["timestamp"], "1800000000123");
    let signed = STANDARD.encode(hmac("SEC hush", b"1800000000123\nSEC hush"));
    assert_eq!(query["sign"], signed);
    assert!(!got.query.contains(['+', ' ']), "{}", got.query);
    let body: Value = serde_json::from_slice(&got.body).expect("JSON");
    assert_eq!(body["msgtype"], "markdown");
    assert_eq!(body["markdown"]["title"], "alert: slow");
    assert_eq!(
        body["at"],
        json!({"atMobiles": ["13800000000"], "isAtAll": false})
    );
    let text = body["markdown"]["text"].as_str().expect("text");
    for part in [
        "slow",
        "poem",
        "6.2 s",
        "5 s",
        "2030-01-31T12:00:00Z",
        "api/v1/runs?flow=poem",
        "@13800000000",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn dingtalk_says_in_the_body_whether_it_took_it() {
    let said = |code: i64, text: &str| {
        Answer::Json(StatusCode::OK, json!({"errcode": code, "errmsg": text}))
    };
    let refused = |text: &str| Err(SendError::Refused(text.to_owned()));
    for (answer, expected) in [
        (said(0, "ok"), Ok(())),
        (
            said(310_000, "sign not match\u{1b}[2J"),
            refused("310000: sign not match\\u{1b}[2J"),
        ),
        (
            said(130_101, "too fast"),
            Err(SendError::TooMany(Duration::from_secs(600))),
        ),
        (
            said(-1, "busy"),
            Err(SendError::Failed("-1: busy".to_owned())),
        ),
        (
            said(410_100, "send too fast"),
            Err(SendError::TooMany(Duration::from_secs(600))),
        ),
        (
            said(5, "发送速度太快而限流"),
            Err(SendError::TooMany(Duration::from_secs(600))),
        ),
        (said(400_102, "stopped"), refused("400102: stopped")),
        (
            said(77_777, "new"),
            Err(SendError::Failed("77777: new".to_owned())),
        ),
        (
            Answer::Json(
                StatusCode::OK,
                json!({"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "u"}),
            ),
            Err(SendError::TooMany(Duration::from_secs(5))),
        ),
        (
            Answer::Json(StatusCode::OK, json!({"ok": true})),
            Err(SendError::Failed(
                "the answer is none of a DingTalk robot".to_owned(),
            )),
        ),
        (
            Answer::Json(StatusCode::BAD_GATEWAY, json!({})),
            Err(SendError::Failed(
                "the server answers 502 Bad Gateway".to_owned(),
            )),
        ),
        (
            Answer::Json(StatusCode::NOT_FOUND, json!({})),
            refused("the server answers 404 Not Found"),
        ),
        (
            Answer::Long,
            refused("the answer has more than 65536 bytes"),
        ),
    ] {
        let (url, _) = stand_in(answer.clone()).await;
        let sent = robot(url, PATIENT)
            .send(&[notice("slow")], 0, moment())
            .await;
        assert_eq!(sent, expected, "{answer:?}");
    }
}

#[tokio::test]
async fn nobody_is_followed_or_waited_for_and_no_error_tells_the_token() {
    let (other, got) = stand_in(ok()).await;
    let (url, _) = stand_in(Answer::Redirect(other.to_string())).await;
    let sent = robot(url, PATIENT)
        .send(&[notice("slow")], 0, moment())
        .await;
    assert_eq!(
        sent,
        Err(SendError::Refused(
            "the server answers 302 Found".to_owned()
        ))
    );
    assert!(got.lock().expect("no panic").is_empty());

    let (url, _) = stand_in(Answer::Hang).await;
    let sent = robot(url, Duration::from_millis(100))
        .send(&[notice("slow")], 0, moment())
        .await;
    let Err(SendError::Failed(said)) = sent else {
        unreachable!("{sent:?}");
    };
    assert!(
        said.contains("timed out") && !said.contains("token"),
        "{said}"
    );

    let nobody = Url::parse("http://127.0.0.1:1/robot/send").expect("an address");
    let sent = robot(nobody, PATIENT)
        .send(&[notice("slow")], 0, moment())
        .await;
    let Err(SendError::Failed(said)) = sent else {
        unreachable!("{sent:?}");
    };
    assert!(!said.contains("token") && !said.contains("sign"), "{said}");
}

#[tokio::test]
async fn a_webhook_is_sent_json_that_is_signed() {
    let (url, got) = stand_in(Answer::Json(StatusCode::ACCEPTED, json!(null))).await;
    let hook = Webhook::new(client(PATIENT), url, Some("hush".into()));
    let notices = [notice("slow"), notice("\"},{\u{1b}")];
    hook.send(&notices, 2, moment()).await.expect("taken");
    let got = got.lock().expect("no panic")[0].clone();
    assert_eq!(got.headers[header::CONTENT_TYPE], "application/json");
    let signature = got.headers[SIGNATURE].to_str().expect("text");
    let mac = hmac("hush", &[b"1800000000.", got.body.as_ref()].concat());
    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(signature, format!("t=1800000000,v1={hex}"));
    let body: Value = serde_json::from_slice(&got.body).expect("JSON");
    let expected = json!({
        "version": 1, "host": "lockgate", "lost": 2, "alerts": [notice("slow"), notice("\"},{\u{1b}")],
    });
    assert_eq!(body, expected);
    assert_eq!(body["alerts"][0]["severity"], "critical");

    let (url, got) = stand_in(Answer::Json(StatusCode::OK, json!(null))).await;
    let unsigned = Webhook::new(client(PATIENT), url, None);
    unsigned.send(&notices, 0, moment()).await.expect("taken");
    assert!(
        !got.lock().expect("no panic")[0]
            .headers
            .contains_key(SIGNATURE)
    );
}

#[tokio::test]
async fn a_webhook_that_is_at_fault_is_tried_again_and_one_that_says_no_is_not() {
    for (status, again) in [
        (500, true),
        (503, true),
        (429, true),
        (408, true),
        (400, false),
        (410, false),
        (302, false),
    ] {
        let status = StatusCode::from_u16(status).expect("a status");
        let (url, _) = stand_in(Answer::Json(status, json!(null))).await;
        let hook = Webhook::new(client(PATIENT), url, None);
        let sent = hook.send(&[notice("slow")], 0, moment()).await;
        let is_again = matches!(sent, Err(SendError::Failed(_)));
        let is_no = matches!(sent, Err(SendError::Refused(_)));
        assert_eq!((is_again, is_no), (again, !again), "{status}");
    }
}

#[tokio::test]
async fn a_webhook_that_says_when_is_tried_again_then() {
    for (status, after, wait) in [
        (429, "30", Some(30)),
        (503, "0", Some(1)),
        (503, "999999999", Some(600)),
        (429, "Wed, 21 Oct 2015 07:28:00 GMT", None),
        (500, "30", None),
    ] {
        let code = StatusCode::from_u16(status).expect("a status");
        let (url, _) = stand_in(Answer::Later(code, after)).await;
        let hook = Webhook::new(client(PATIENT), url, None);
        let sent = hook.send(&[notice("slow")], 0, moment()).await;
        let is_right = match wait {
            Some(wait) => sent == Err(SendError::TooMany(Duration::from_secs(wait))),
            None => matches!(sent, Err(SendError::Failed(_))),
        };
        assert!(is_right, "{status} {after}: {sent:?}");
    }
}

#[test]
fn the_signature_is_the_documented_one() {
    let secret = Secret::from("key");
    let body = b"The quick brown fox jumps over the lazy dog";
    let signed = lockgate_telemetry::alerts::receivers::signature(&secret, 1, body);
    let mac = hmac("key", b"1.The quick brown fox jumps over the lazy dog");
    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(signed, format!("t=1,v1={hex}"));
}
