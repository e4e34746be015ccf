//! Alerts through HTTP: where rules stand, and rules tried on the past.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::ready;
use lockgate_api::Alerting;
use lockgate_flow::HostClock;
use lockgate_model::Kebab;
use lockgate_service::Scope;
use lockgate_telemetry::alerts::config::AlertsConfig;
use lockgate_telemetry::alerts::{
    Alerts, Answer, Ended, FileState, KnownSince, Minute, Minutes, Moment, Past, RunEnded, Series,
};
use lockgate_telemetry::{Gauges, Outcome, Own};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::ask;
use crate::host::Host;

const RULES: &str = r#"
[[rules]]
name = "shouts-fail"
when = "2 runs in a row of flow shout not ok"

[[rules]]
name = "all-fail"
when = "1 runs in a row of all flows not ok"

[[rules]]
name = "elsewhere"
project = "elsewhere"
when = "queue depth over 1 for 1 min"
"#;

/// The first minute of 2026.
const DAY: Minute = Minute(1_767_225_600 / 60);

/// Three runs of `shout` that fail, a minute after the other.
struct Kept;

impl Past for Kept {
    fn minutes<'a>(&'a self, _: &'a Series, _: Range<Minute>) -> Answer<'a, Minutes> {
        ready(Ok(Minutes::new())).boxed()
    }

    fn gauges(&self, _: Range<Minute>) -> Answer<'_, BTreeMap<Minute, Gauges>> {
        ready(Ok(BTreeMap::new())).boxed()
    }

    fn runs<'a>(
        &'a self,
        _: &'a Kebab,
        _: Option<&'a Kebab>,
        span: Range<Moment>,
        _: usize,
    ) -> Answer<'a, Ended> {
        let runs = (0..3).map(|number| failed(number, Minute(DAY.0 + number).start()));
        let ended = Ended {
            runs: runs.filter(|run| span.contains(&run.at)).collect(),
            is_all: span.start < DAY.start(),
        };
        ready(Ok(ended)).boxed()
    }

    fn known_since(&self) -> Answer<'_, KnownSince> {
        let known = KnownSince {
            minutes: Some(Minute(DAY.0 + 30)),
            runs: Some(DAY.before(1_000).start()),
        };
        ready(Ok(known)).boxed()
    }
}

fn failed(number: u64, at: Moment) -> RunEnded {
    RunEnded {
        run: Uuid::from_u128(number.into()),
        project: "default".into(),
        flow: "shout".into(),
        version: 1,
        outcome: Outcome::Failed,
        took: Duration::from_secs(1),
        at,
        failed_node: None,
    }
}

async fn host() -> (Host, Arc<Alerts>, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let config = AlertsConfig::parse("alerts.toml", RULES).expect("no faults");
    let state = Arc::new(FileState::new(folder.path().join("alerts.json")));
    let clock = Arc::new(HostClock::start());
    let rules = config.rules.clone();
    let alerts = Alerts::new(rules, Vec::new(), state, clock, Own::default());
    let alerts = Arc::new(alerts);
    let alerting = Alerting::new(Arc::new(Kept)).with_rules(Arc::clone(&alerts), config.rules);
    let host = Host::wired(|_| {}, |server| server.alerting(alerting)).await;
    (host, alerts, folder)
}

fn names(rules: &Value) -> Vec<&str> {
    let rules = rules.as_array().expect("rules").iter();
    rules.filter_map(|rule| rule["rule"].as_str()).collect()
}

#[tokio::test]
async fn a_key_sees_where_the_rules_of_its_project_stand() {
    let (host, alerts, _folder) = host().await;
    let told = host.tell(ask("GET /api/v1/alerts")).await;
    assert_eq!(names(&told.json()["rules"]), ["shouts-fail", "all-fail"]);
    assert_eq!(told.json()["rules"][0]["state"], "quiet");
    for number in 0..2 {
        alerts.run_ended(failed(number, DAY.start()));
    }
    alerts.evaluate();
    let told = host.tell(ask("GET /api/v1/alerts")).await.json();
    let expected = json!({
        "rule": "shouts-fail", "condition": "2 runs in a row of flow shout not ok", "severity": "warning",
        "tell": ["log"], "state": "firing", "since": "2026-01-01T00:00:00.000Z", "value": "2", "told": true,
    });
    assert_eq!(told["rules"][0], expected);
    let of_shout = host.key("shout", Scope::Read, Some(&["shout"])).await;
    let told = ask("GET /api/v1/alerts")
        .key(&of_shout)
        .send(host.address)
        .await;
    assert_eq!(names(&told.json()["rules"]), ["shouts-fail"]);
    let of_strict = host.key("strict", Scope::Read, Some(&["strict"])).await;
    let told = ask("GET /api/v1/alerts")
        .key(&of_strict)
        .send(host.address)
        .await;
    assert!(names(&told.json()["rules"]).is_empty());
    let run = host.key("run", Scope::Run, None).await;
    for line in ["GET /api/v1/alerts", "POST /api/v1/alerts/check"] {
        let told = ask(line)
            .key(&run)
            .json(&json!({}))
            .send(host.address)
            .await;
        assert_eq!(told.status, 403, "{line}");
    }
}

fn firing_more(told: &Value) -> Value {
    told["rules"][0]["firings"][0]["more_messages"].clone()
}

#[tokio::test]
async fn rules_are_tried_on_the_past() {
    let (host, _alerts, _folder) = host().await;
    let span = |rules: Value| {
        let mut body = json!({ "since": "2026-01-01T00:00:00Z", "until": "2026-01-01T01:00:00Z" });
        body["rules"] = rules;
        body
    };
    let check = |body: Value| host.tell(ask("POST /api/v1/alerts/check").json(&body));
    let told = check(span(Value::Null)).await;
    assert_eq!(told.status, 200, "{}", told.text());
    let told = told.json();
    assert_eq!(names(&told["rules"]), ["shouts-fail", "all-fail"]);
    // There is another project's rule in force, of which nobody says a word.
    assert!(!told.to_string().contains("elsewhere"), "{told}");
    assert_eq!(told["left_out"], json!([]));
    assert_eq!(told["rules"][0]["cut"], true);
    assert_eq!(
        (&told["rules"][0]["more"], &firing_more(&told)),
        (&json!(0), &json!(0))
    );
    assert_eq!(told["from"], "2026-01-01T00:00:00.000Z");
    let firing = &told["rules"][0]["firings"][0];
    assert_eq!(firing["fired"], "2026-01-01T00:01:00.000Z");
    assert_eq!(firing["until"], Value::Null);
    let message = json!({
        "at": "2026-01-01T00:01:00.000Z", "change": "fired", "value": "2",
        "runs": [Uuid::from_u128(1), Uuid::from_u128(0)],
    });
    assert_eq!(firing["messages"], json!([message]));
    let mut before = span(Value::Null);
    before["until"] = "2026-01-01T00:00:00Z".into();
    before["since"] = "2025-12-31T00:00:00Z".into();
    let before = check(before).await.json();
    assert_eq!(before["rules"][0]["firings"], json!([]));
    let queue = |project: &str| {
        format!(
            "[[rules]]\nname = \"own\"\nproject = \"{project}\"\nwhen = \"queue depth over 0 for 1 min\"\n"
        )
    };
    let told = check(span(queue("elsewhere").into())).await.json();
    assert_eq!(
        (names(&told["rules"]).len(), &told["left_out"]),
        (0, &json!(["own"]))
    );
    // Minutes are known from half past on.
    let told = check(span(queue("default").into())).await.json();
    assert_eq!(told["rules"][0]["from"], "2026-01-01T00:30:00.000Z");
    let read = host.key("read", Scope::Read, None).await;
    let ask = ask("POST /api/v1/alerts/check").key(&read);
    let told = ask
        .json(&span(queue("default").into()))
        .send(host.address)
        .await
        .json();
    assert_eq!(
        (names(&told["rules"]).len(), &told["left_out"]),
        (0, &json!(["own"]))
    );
    let told = check(span("[[rules]]\nname = \"x\"\nwhen = \"often\"\n".into())).await;
    assert_eq!(told.status, 422);
    let fault = &told.json()["faults"][0]["message"];
    assert!(
        fault
            .as_str()
            .expect("text")
            .starts_with("rules:3: rule `x`: `when`"),
        "{fault}"
    );
    let told =
        check(json!({ "since": "2026-01-01T00:00:00Z", "until": "2025-01-01T00:00:00Z" })).await;
    assert_eq!(told.status, 422);
    let told = check(json!({ "since": "yesterday" })).await;
    assert_eq!(told.status, 400);
    let told = check(json!({ "rule": "" })).await;
    assert_eq!(told.status, 400);
}

#[tokio::test]
async fn a_host_without_rules_says_so() {
    let host = Host::start().await;
    let told = host.tell(ask("GET /api/v1/alerts")).await;
    assert_eq!(told.json(), json!({ "rules": [] }));
    let told = host
        .tell(ask("POST /api/v1/alerts/check").json(&json!({})))
        .await;
    assert_eq!(told.status, 404);
}

#[tokio::test]
async fn rules_of_a_request_need_none_in_force() {
    let alerting = Alerting::new(Arc::new(Kept));
    let host = Host::wired(|_| {}, |server| server.alerting(alerting)).await;
    let check = |body: Value| host.tell(ask("POST /api/v1/alerts/check").json(&body));
    let told = check(json!({})).await;
    assert_eq!(told.status, 404);
    assert!(told.text().contains("alerts.file"), "{}", told.text());
    let span = json!({
        "since": "2026-01-01T00:00:00Z", "until": "2026-01-01T01:00:00Z",
        "rules": "[[rules]]\nname = \"own\"\nwhen = \"2 runs in a row of flow shout not ok\"\n",
    });
    let told = check(span).await;
    assert_eq!(told.status, 200, "{}", told.text());
    let told = told.json();
    assert_eq!(names(&told["rules"]), ["own"]);
    assert_eq!(
        told["rules"][0]["firings"].as_array().map(Vec::len),
        Some(1)
    );
}
