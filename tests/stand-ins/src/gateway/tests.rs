//! What the gateway holds against a request, one change to a good one at a time.

use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::*;
use crate::rpc::{encode, string_to_sign};

const NOW: &str = "2026-11-21T12:00:00Z";

type Parameters = BTreeMap<String, String>;

fn gate() -> Gate {
    let now = humantime::parse_rfc3339(NOW).expect("a time");
    let mut config = GatewayConfig::new(Key::new("testid", "testsecret"));
    config
        .keys
        .push(Key::new("lent", "testsecret").with_token("a/token"));
    config.now = Arc::new(move || now);
    Gate {
        time: None,
        config: Mutex::new(config),
        faults: Faults::default(),
        state: Mutex::default(),
    }
}

fn good(entries: usize) -> Parameters {
    let mut parameters = Parameters::new();
    for (name, value) in [
        ("Format", "JSON"),
        ("Version", "2019-01-01"),
        ("AccessKeyId", "testid"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("SignatureNonce", "once"),
        ("Timestamp", NOW),
        ("Action", "PutCustomMetric"),
    ] {
        set(&mut parameters, name, value);
    }
    for number in 1..=entries {
        for (field, value) in [
            ("GroupId", "0"),
            ("MetricName", "latency"),
            ("Dimensions", r#"{"flow":"poem"}"#),
            ("Type", "1"),
            ("Values", r#"{"Sum":1.5,"P99":2}"#),
            ("Period", "60"),
            ("Time", "1763730000000"),
        ] {
            set(
                &mut parameters,
                &format!("MetricList.{number}.{field}"),
                value,
            );
        }
    }
    parameters
}

fn set(parameters: &mut Parameters, name: &str, value: &str) {
    parameters.insert(name.to_owned(), value.to_owned());
}

fn query(parameters: &Parameters) -> String {
    let signed = string_to_sign("POST", parameters);
    let mut mac = Hmac::<Sha1>::new_from_slice(b"testsecret&").expect("a key");
    mac.update(signed.as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    let mut query = format!("Signature={}", encode(&signature));
    for (name, value) in parameters {
        query.push_str(&format!("&{}={}", encode(name), encode(value)));
    }
    query
}

fn ask(gate: &Gate, query: String) -> String {
    let request = Request {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query,
        headers: Vec::new(),
        body: Vec::new(),
    };
    let reply = gate.answer(&request);
    let body: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
    format!(
        "{} {}",
        reply.status,
        body["Code"].as_str().expect("a code")
    )
}

/// What a gateway says to a good report in which one parameter is another, or is not there.
fn changed(name: &str, value: Option<&str>) -> String {
    let mut parameters = good(2);
    match value {
        Some(value) => set(&mut parameters, name, value),
        None => assert!(parameters.remove(name).is_some(), "{name} is there"),
    }
    ask(&gate(), query(&parameters))
}

#[test]
fn a_good_report_is_taken_once() {
    let gate = gate();
    let query = query(&good(21));
    assert_eq!(ask(&gate, query.clone()), "200 200");
    assert_eq!(ask(&gate, query), "400 SignatureNonceUsed");
    let taken = &gate.state().taken;
    assert_eq!((taken.len(), taken[0].entries.len()), (1, 21));
    assert!(taken[0].at > UNIX_EPOCH);
}

#[test]
fn what_is_missing_is_named() {
    for name in [
        "Format",
        "Version",
        "AccessKeyId",
        "SignatureMethod",
        "SignatureNonce",
        "Timestamp",
        "Action",
    ] {
        assert_eq!(changed(name, None), format!("400 Missing{name}"));
    }
    for field in [
        "GroupId",
        "MetricName",
        "Dimensions",
        "Values",
        "Time",
        "Period",
    ] {
        assert_eq!(
            changed(&format!("MetricList.2.{field}"), None),
            "200 400",
            "{field}"
        );
    }
    let unsigned = query(&good(1)).split_once('&').expect("parts").1.to_owned();
    assert_eq!(ask(&gate(), unsigned), "400 MissingSignature");
    assert_eq!(ask(&gate(), query(&good(0))), "400 MissingMetricList");
}

#[test]
fn who_signed_and_when_is_checked() {
    for (name, value, said) in [
        ("Version", "2018-03-08", "400 InvalidVersion"),
        (
            "SignatureMethod",
            "HMAC-SHA256",
            "400 InvalidSignatureMethod",
        ),
        ("AccessKeyId", "nobody", "404 InvalidAccessKeyId.NotFound"),
        ("AccessKeyId", "lent", "400 MissingSecurityToken"),
        (
            "SecurityToken",
            "a/token",
            "400 InvalidSecurityToken.Malformed",
        ),
        ("Timestamp", "2026-11-21T11:45:00Z", "200 200"),
        (
            "Timestamp",
            "2026-11-21T11:44:59Z",
            "400 InvalidTimeStamp.Expired",
        ),
        (
            "Timestamp",
            "2026-11-21T12:15:01Z",
            "400 InvalidTimeStamp.Expired",
        ),
        (
            "Timestamp",
            "2026-11-21 12:00:00",
            "400 InvalidTimeStamp.Format",
        ),
        ("Action", "PutMetric", "404 InvalidAction.NotFound"),
        ("Namespace", "acs", "400 InvalidParameter"),
    ] {
        assert_eq!(changed(name, Some(value)), said, "{name} {value}");
    }
    let twice = query(&good(1)) + "&Format=JSON";
    assert_eq!(ask(&gate(), twice), "400 InvalidParameter");
    let other = query(&good(1)).replace("latency", "latencY");
    assert_eq!(ask(&gate(), other), "400 SignatureDoesNotMatch");
}

#[test]
fn each_entry_is_held_against_the_documentation() {
    let long = format!(r#"{{"k":"{}"}}"#, "a".repeat(65));
    let eleven: Vec<_> = (0..11).map(|index| format!(r#""k{index}":"v""#)).collect();
    let eleven = format!("{{{}}}", eleven.join(","));
    for (field, value, said) in [
        ("GroupId", "x", "200 400"),
        ("MetricName", "9a", "200 400"),
        ("MetricName", "a.b", "200 400"),
        ("MetricName", &"a".repeat(65), "200 400"),
        ("Dimensions", "{}", "200 200"),
        ("Dimensions", r#"{"k":"a.b_c-d/e\\f"}"#, "200 200"),
        ("Dimensions", r#"{"k":"a b"}"#, "200 400"),
        ("Dimensions", r#"{"k":"春"}"#, "200 400"),
        ("Dimensions", r#"{"k":""}"#, "200 400"),
        ("Dimensions", r#"{"k":1}"#, "200 400"),
        ("Dimensions", r#"{"k":"a","k":"b"}"#, "200 400"),
        ("Dimensions", "k=v", "200 400"),
        ("Dimensions", &long, "200 400"),
        ("Dimensions", &eleven, "200 400"),
        ("Type", "2", "200 206"),
        ("Type", "0", "200 400"),
        ("Values", r#"{"value":1}"#, "200 400"),
        ("Values", r#"{"P85":1}"#, "200 400"),
        ("Values", r#"{"Sum":"1"}"#, "200 400"),
        ("Values", "{}", "200 400"),
        ("Period", "15", "200 400"),
        ("Time", "1763730000", "200 400"),
        ("Time", "+763730000000", "200 400"),
    ] {
        assert_eq!(
            changed(&format!("MetricList.1.{field}"), Some(value)),
            said,
            "{field} {value}"
        );
    }
    for (name, said) in [
        ("MetricList.4.GroupId", "200 400"),
        ("MetricList.01.GroupId", "400 InvalidParameter"),
        ("MetricList.1.Unit", "400 InvalidParameter"),
    ] {
        assert_eq!(changed(name, Some("1")), said, "{name}");
    }
    assert_eq!(ask(&gate(), query(&good(22))), "200 400");
}

#[test]
fn the_account_has_bounds() {
    let bounded = gate();
    lock(&bounded.config).max_series = Some(0);
    assert_eq!(ask(&bounded, query(&good(1))), "200 206");
    let throttled = gate();
    lock(&throttled.config).requests_per_second = Some(0);
    assert_eq!(ask(&throttled, query(&good(1))), "400 Throttling.User");
    let unpaid = gate();
    lock(&unpaid.config).raw = false;
    let mut raw = good(1);
    set(&mut raw, "MetricList.1.Type", "0");
    set(&mut raw, "MetricList.1.Values", r#"{"value":1}"#);
    raw.remove("MetricList.1.Period");
    assert_eq!(ask(&gate(), query(&raw)), "200 200");
    assert_eq!(ask(&unpaid, query(&raw)), "200 206");
    let long = query(&good(1)) + &"&".repeat(MAX_QUERY_BYTES);
    assert_eq!(ask(&gate(), long), "413 RequestTooLarge");
}
