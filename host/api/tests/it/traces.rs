//! Traces through HTTP: taken up on each route that starts runs, told with the run, and said in spans.

use lockgate_telemetry::trace::{
    AttributeValue, Span, SpanId, SpanKind, SpanStatus, TraceConfig, TraceId,
};
use serde_json::{Value, json};

use crate::client::{Ask, Told, ask};
use crate::host::{Host, SHOUT, until};

const PARENT: &str = "00f067aa0ba902b7";

fn all() -> TraceConfig {
    TraceConfig {
        sample: 1.0,
        ..TraceConfig::default()
    }
}

fn failed_only() -> TraceConfig {
    TraceConfig {
        sample: 0.0,
        ..TraceConfig::default()
    }
}

/// The name of one of the traces of a test.
fn trace(number: usize) -> String {
    format!("4bf92f3577b34da6a3ce929d0e0e47{number:02x}")
}

fn within(ask: Ask, number: usize) -> Ask {
    let parent = format!("00-{}-{PARENT}-01", trace(number));
    ask.header("traceparent", &parent)
        .header("tracestate", "congo=t61rcWkgMzE")
}

fn shout() -> Value {
    json!({ "input": { "text": "a" } })
}

fn text<'s>(span: &'s Span, name: &str) -> Option<&'s str> {
    let named = span.attributes.iter().find(|(known, _)| known == name);
    match &named?.1 {
        AttributeValue::Text(text) => Some(text),
        _ => None,
    }
}

fn status(span: &Span) -> Option<i64> {
    let name = "http.response.status_code";
    let named = span.attributes.iter().find(|(known, _)| known == name);
    match named?.1 {
        AttributeValue::Int(status) => Some(status),
        _ => None,
    }
}

/// The spans of a trace.
fn of(spans: &[Span], trace: &str) -> Vec<Span> {
    let id = TraceId::read(trace).expect("a name");
    let spans = spans.iter().filter(|span| span.trace == id);
    spans.cloned().collect()
}

/// Whether a trace has a request, and a run whose span is there.
fn is_whole(spans: &[Span], trace: &str) -> bool {
    let spans = of(spans, trace);
    let has = |kind: &str| spans.iter().any(|span| span.name.starts_with(kind));
    has("POST ") && has("run")
}

/// A run that a request with `Prefer: respond-async`, or the like, started.
async fn run_of(host: &Host, told: &Told) -> Value {
    let path = told.header("location").expect("a place").to_owned();
    host.settled(&path).await.json()
}

/// A run of the list that this started.
async fn run_by(host: &Host, trigger: &str) -> Value {
    until("a run", async || {
        let list = ask(&format!("GET /api/v1/runs?trigger={trigger}"));
        let list = host.tell(list).await.json();
        let run = &list["items"][0];
        (run["state"] == "finished").then(|| run.clone())
    })
    .await
}

/// The run of the flow `wait` that goes on.
async fn waiting(host: &Host) -> String {
    until("a run that waits", async || {
        let list = host.tell(ask("GET /api/v1/runs?flow=wait")).await.json();
        list["items"][0]["run"].as_str().map(str::to_owned)
    })
    .await
}

#[tokio::test]
async fn each_route_that_starts_runs_takes_up_the_trace_of_its_request() {
    let (host, spans) = Host::traced(all()).await;
    let webhook = ask("POST /api/v1/flows/shout/webhooks").json(&json!({}));
    let webhook = host.tell(webhook).await.json();
    let token = webhook["token"].as_str().expect("a token").to_owned();
    let document = json!({ "document": SHOUT, "input": { "text": "a" } });
    let chat = json!({ "model": "parrot", "messages": [{ "role": "user", "content": "hi" }] });
    let runs = "POST /api/v1/flows/shout/runs";
    let queued = ask(runs).header("prefer", "respond-async").json(&shout());
    let batch = ask("POST /api/v1/flows/shout/batches");
    let batch = batch.body(
        "application/x-ndjson",
        "{\"text\":\"a\"}\n{\"text\":\"b\"}\n",
    );
    let hook = ask(&format!("POST /webhooks/shout/{token}")).json(&json!({ "text": "a" }));
    let first = host.tell(ask(runs).json(&shout())).await.json();
    let first = first["run"].as_str().expect("a run").to_owned();
    let rerun = ask(&format!("POST /api/v1/runs/{first}/rerun")).json(&json!({}));
    let followed = "POST /api/v1/flows/shout/runs/stream";
    let asks = [
        ("api", ask(runs).json(&shout())),
        ("stream", ask(followed).json(&shout())),
        ("api", ask("POST /api/v1/runs").json(&document)),
        ("stream", ask("POST /api/v1/runs/stream").json(&document)),
        ("rerun", rerun),
        ("batch", batch),
        ("webhook", hook),
        ("chat", ask("POST /v1/chat/completions").json(&chat)),
        ("queue", queued),
    ];
    for (number, (trigger, asked)) in asks.into_iter().enumerate() {
        let told = host.tell(within(asked, number)).await;
        assert!(told.status < 300, "{trigger}: {}", told.text());
        let run = match trigger {
            "queue" | "webhook" => run_of(&host, &told).await,
            trigger => run_by(&host, trigger).await,
        };
        assert_eq!(run["trace_id"], trace(number), "{trigger} {run}");
        let path = format!("GET /api/v1/runs/{}", run["run"].as_str().expect("a run"));
        let view = host.tell(ask(&path)).await.json();
        assert_eq!(view["trace_id"], trace(number), "{trigger} {view}");
        let events = host.tell(ask(&format!("{path}/events"))).await.text();
        let begun = format!("\"trace_id\":\"{}\"", trace(number));
        let first = events.lines().find(|line| line.starts_with("data: "));
        assert!(first.is_some_and(|line| line.contains(&begun)), "{events}");

        let there = spans.once(|spans| is_whole(spans, &trace(number))).await;
        let there = of(&there, &trace(number));
        let request = there.iter().find(|span| span.name.starts_with("POST "));
        let request = request.expect("a span");
        let parent = request.parent.map(|id: SpanId| id.to_string());
        assert_eq!(parent.as_deref(), Some(PARENT), "{trigger}");
        assert_eq!(request.kind, SpanKind::Server);
        assert_eq!(status(request), Some(told.status.into()), "{trigger}");
        let run = there.iter().find(|span| span.name.starts_with("run"));
        let run = run.expect("a span");
        assert_eq!(run.parent, Some(request.id), "{trigger}");
        for span in &there {
            assert_eq!(
                span.state.as_deref(),
                Some("congo=t61rcWkgMzE"),
                "{trigger}"
            );
            assert_eq!(span.flags, 1, "{trigger}");
        }
        assert_eq!(request.has_remote_parent, Some(true), "{trigger}");
        let is_queued = ["queue", "webhook", "batch"].contains(&trigger);
        assert_eq!(run.has_remote_parent.is_none(), is_queued, "{trigger}");
        assert_eq!(run.kind == SpanKind::Consumer, is_queued, "{trigger}");
        assert_eq!(text(run, "lockgate.trigger"), Some(trigger));
    }
    let spans = format!("{:?}", spans.all());
    assert!(spans.contains("POST /webhooks/{flow}/{token}"));
    assert!(!spans.contains(&token), "a webhook's token is a secret");
}

#[tokio::test]
async fn headers_that_cannot_be_read_begin_a_new_trace_and_refuse_nothing() {
    let (host, _) = Host::traced(failed_only()).await;
    let run = || ask("POST /api/v1/flows/shout/runs").json(&shout());
    let good = format!("00-{}-{PARENT}-01", trace(1));
    let mut traces = std::collections::HashSet::new();
    for (parents, state, is_taken) in [
        (&[][..], "a=1", false),
        (&["nonsense"], "a=1", false),
        (&[&*good.to_uppercase()], "a=1", false),
        (&[&good, &good], "a=1", false),
        (&[&good.replace("00-", "ff-")], "a=1", false),
        (
            &["00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
            "",
            false,
        ),
        (&[&good], "what is this", true),
        (&[&good.replace("00-", "cc-")], "", true),
    ] {
        let mut ask = run().header("tracestate", state);
        for parent in parents {
            ask = ask.header("traceparent", parent);
        }
        let told = host.tell(ask).await;
        assert_eq!(told.status, 200, "{parents:?}: {}", told.text());
        let view = told.json();
        let id = view["trace_id"].as_str().expect("a trace");
        assert!(TraceId::read(id).is_some(), "{id}");
        assert_eq!(id == trace(1), is_taken, "{parents:?}");
        assert!(is_taken || traces.insert(id.to_owned()), "{id} is new");
    }
}

#[tokio::test]
async fn requests_that_are_refused_are_traced_but_not_of_strangers() {
    let (host, spans) = Host::traced(all()).await;
    let runs = "POST /api/v1/flows/shout/runs";
    let wrong = ask(runs).json(&json!({ "input": { "text": 1 } }));
    assert_eq!(host.tell(within(wrong, 1)).await.status, 422);
    let stranger = within(ask(runs).json(&shout()), 2).send(host.address).await;
    assert_eq!(stranger.status, 401);
    let hook = ask("POST /webhooks/shout/guessed").json(&json!({ "text": "a" }));
    assert_eq!(within(hook, 3).send(host.address).await.status, 404);
    let read = within(ask("GET /api/v1/runs"), 4);
    assert_eq!(host.tell(read).await.status, 200);
    // The last one, so that those before it were there.
    host.tell(within(ask(runs).json(&shout()), 5)).await;
    let there = spans.once(|spans| is_whole(spans, &trace(5))).await;
    let refused = of(&there, &trace(1));
    assert_eq!(refused.len(), 1);
    assert_eq!(status(&refused[0]), Some(422));
    assert_eq!(refused[0].status, SpanStatus::Unset);
    for number in 2..5 {
        assert!(of(&there, &trace(number)).is_empty(), "{number}");
    }
}

#[tokio::test]
async fn of_runs_that_are_not_recorded_those_that_fail_are_with_their_request() {
    let (host, spans) = Host::traced(failed_only()).await;
    let runs = |flow: &str| ask(&format!("POST /api/v1/flows/{flow}/runs")).json(&shout());
    let followed = ask("POST /api/v1/flows/strict/runs/stream").json(&shout());
    assert_eq!(host.tell(runs("shout")).await.status, 200);
    for ask in [runs("strict"), followed] {
        assert_eq!(host.tell(ask).await.status, 200);
    }
    // A stream ends with its last event, and the run is stored a moment later.
    let failed = until("what failed", async || {
        let list = host.tell(ask("GET /api/v1/runs?outcome=rejected")).await;
        let list = list.json();
        let runs = list["items"].as_array().expect("runs").iter();
        let runs = runs.map(|run| run["trace_id"].as_str().expect("a trace").to_owned());
        Some(runs.collect::<Vec<_>>()).filter(|failed| failed.len() == 2)
    });
    let failed = failed.await;
    for trace in failed {
        let there = spans.once(|spans| is_whole(spans, &trace)).await;
        let there = of(&there, &trace);
        let request = there.iter().find(|span| span.name.starts_with("POST "));
        let run = there.iter().find(|span| span.name == "run strict");
        let (request, run) = (request.expect("a span"), run.expect("a span"));
        assert_eq!((request.parent, run.parent), (None, Some(request.id)));
        assert_eq!(run.status, SpanStatus::Error("rejected".into()));
    }
    let spans = spans.all();
    assert!(!spans.iter().any(|span| span.name == "run shout"));
    assert_eq!(
        spans
            .iter()
            .filter(|span| span.kind == SpanKind::Server)
            .count(),
        2
    );
}

#[tokio::test]
async fn a_stream_is_over_when_its_run_is_or_its_client_goes() {
    let (host, spans) = Host::traced(all()).await;
    let wait = ask("POST /api/v1/flows/wait/runs/stream").json(&json!({}));
    let key = host
        .key("follows", lockgate_service::Scope::Run, None)
        .await;
    let mut client = tokio::net::TcpStream::connect(host.address)
        .await
        .expect("it listens");
    let bytes = within(wait, 1).key(&key).bytes();
    tokio::io::AsyncWriteExt::write_all(&mut client, &bytes)
        .await
        .expect("sent");
    let run = waiting(&host).await;
    assert!(of(&spans.all(), &trace(1)).is_empty(), "nothing is over");
    let cancel = ask(&format!("DELETE /api/v1/runs/{run}"));
    assert!(host.tell(cancel).await.status < 300);
    let mut rest = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut client, &mut rest)
        .await
        .expect("read");
    let there = spans.once(|spans| is_whole(spans, &trace(1))).await;
    let there = of(&there, &trace(1));
    let span = |name: &str| {
        let found = there.iter().find(|span| span.name.starts_with(name));
        found.expect("a span").clone()
    };
    let (request, run) = (span("POST "), span("run "));
    assert_eq!(
        (status(&request), run.parent),
        (Some(200), Some(request.id))
    );
    assert_eq!(text(&run, "lockgate.outcome"), Some("cancelled"));
}

#[tokio::test]
async fn a_client_that_goes_before_it_has_its_answer_leaves_a_span() {
    let (host, spans) = Host::traced(all()).await;
    let wait = ask("POST /api/v1/flows/wait/runs").json(&json!({}));
    let key = host.key("waits", lockgate_service::Scope::Run, None).await;
    let client = tokio::net::TcpStream::connect(host.address).await;
    let mut client = client.expect("it listens");
    let bytes = within(wait, 1)
        .header("tracestate", "app=user@example.com")
        .key(&key)
        .bytes();
    let sent = tokio::io::AsyncWriteExt::write_all(&mut client, &bytes);
    sent.await.expect("sent");
    let run = waiting(&host).await;
    drop(client);
    let is_there = |spans: &[Span]| !of(spans, &trace(1)).is_empty();
    let there = of(&spans.once(is_there).await, &trace(1));
    let [request] = &*there else {
        unreachable!("the run goes on: {there:?}");
    };
    assert_eq!(status(request), None);
    assert_eq!(text(request, "error.type"), Some("disconnected"));
    assert_eq!(request.status, SpanStatus::Error("disconnected".into()));
    // What its client wants to be told again is passed on, but for what is masked.
    assert_eq!(request.state.as_deref(), Some("congo=t61rcWkgMzE"));
    let cancel = ask(&format!("DELETE /api/v1/runs/{run}"));
    assert!(host.tell(cancel).await.status < 300);
    let there = spans.once(|spans| is_whole(spans, &trace(1))).await;
    let there = of(&there, &trace(1));
    let run = there.iter().find(|span| span.name.starts_with("run "));
    assert_eq!(run.expect("a span").parent, Some(request.id));
}
