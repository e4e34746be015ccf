//! The HTTP client, with a service that the test plays.

use lockgate_sdk::{FailureKind, prelude::*, testing};
use serde_json::json;
use testing::Answer;

/// Asks a service.
#[node(adapter, output(answer = "What it said."))]
fn ask(
    /// What to ask.
    question: String,
) -> Result<Json<serde_json::Value>> {
    http::Request::post("https://api.example.com/ask")
        .header("accept", "application/json")
        .secret_header("authorization", "Bearer ", "api-key")
        .json(&json!({ "question": question }))?
        .send()?
        .success()?
        .json(100)
        .map(Json)
}

lockgate_sdk::plugin! { name: "example", nodes: [ask] }

fn asked(answer: Answer) -> testing::Outcome {
    testing::call(&PLUGIN, "ask")
        .input("question", "Why?")
        .service(move |_| Ok(answer.clone()))
        .run()
}

#[test]
fn a_request_arrives_without_its_secret() {
    let outcome = testing::call(&PLUGIN, "ask")
        .input("question", "Why?")
        .service(|request| {
            assert_eq!(
                (request.method(), request.url()),
                ("POST", "https://api.example.com/ask")
            );
            assert_eq!(
                request.header_text("Content-Type").as_deref(),
                Some("application/json")
            );
            assert_eq!(
                request.header_text("authorization").as_deref(),
                Some("Bearer {api-key}")
            );
            assert_eq!(request.body_bytes(), br#"{"question":"Why?"}"#);
            Ok(Answer::new(200, r#"{"because": true}"#))
        })
        .run();
    assert_eq!(
        outcome.output("answer"),
        Some(&json!({ "because": true }).into())
    );
}

#[test]
fn what_a_service_answers_becomes_the_right_failure() {
    let long = format!("{:?}", "x".repeat(200));
    for (answer, kind, fragment) in [
        (
            Answer::new(500, "boom"),
            FailureKind::Upstream,
            "status 500: boom",
        ),
        (Answer::new(404, "?"), FailureKind::Upstream, "status 404"),
        (
            Answer::new(429, "slower"),
            FailureKind::RateLimited,
            "status 429: slower",
        ),
        (
            Answer::new(200, "<html>"),
            FailureKind::Upstream,
            "not what was expected",
        ),
        (
            Answer::new(200, long),
            FailureKind::Upstream,
            "longer than 100 bytes",
        ),
    ] {
        let failure = asked(answer).result.expect_err("no answer");
        assert_eq!(failure.kind, kind, "{failure:?}");
        assert!(failure.message.contains(fragment), "{failure:?}");
    }
    let limited = asked(Answer::new(429, "").header("Retry-After", "3"))
        .result
        .expect_err("too fast");
    assert_eq!(limited.retry_after_ms, Some(3000));
    let page = asked(Answer::new(502, "x".repeat(100_000)))
        .result
        .expect_err("a page");
    assert!(
        page.message.len() < 1000,
        "a failure quotes, it does not copy"
    );
}

#[test]
fn without_a_grant_it_is_denied() {
    let outcome = testing::call(&PLUGIN, "ask")
        .input("question", "Why?")
        .run();
    assert_eq!(
        outcome.result.expect_err("no grant").kind,
        FailureKind::Denied
    );
}
