//! The official SDKs: they sign as this crate does, and the stand-in takes what they send.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};

use lockgate_cms::{Datum, Dimensions, MetricName, Period, Statistic, sign, string_to_sign};
use lockgate_stand_ins::Gateway;
use serde::Deserialize;

use crate::support::client;

/// As many as the script makes.
const REQUESTS: usize = 200;

/// What the script prints for a request.
#[derive(Deserialize)]
struct Signed {
    secret: String,
    /// By `aliyun-python-sdk-core`.
    old: BTreeMap<String, String>,
    old_signed: String,
    /// By `alibabacloud_cms20190101`.
    new: BTreeMap<String, String>,
}

/// Runs the script with the SDKs that `scripts/need-clients.sh` installs.
fn sdk(arguments: &[&str]) -> Output {
    let test = std::env::current_exe().expect("a test is a file");
    let target = test.ancestors().nth(3).expect("in the target folder");
    let python = target.join("toolchain/alibaba-cloud/bin/python");
    assert!(
        python.exists(),
        "{} is not there: `make clients` installs it",
        python.display()
    );
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/sdk/sdk.py");
    let output = Command::new(python)
        .arg(script)
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .output()
        .expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    output
}

#[test]
fn both_sdks_sign_as_we_do() {
    let output = sdk(&["sign"]);
    let lines = String::from_utf8(output.stdout).expect("JSON");
    let (mut requests, mut tokens, mut foreign) = (0, 0, 0);
    for line in lines.lines() {
        let signed: Signed = serde_json::from_str(line).expect("as the script has it");
        assert_eq!(string_to_sign("POST", &signed.old), signed.old_signed);
        for parameters in [&signed.old, &signed.new] {
            assert_eq!(
                sign("POST", parameters, &signed.secret),
                parameters["Signature"],
                "{line}"
            );
            let is_entry = |name: &&String| name.starts_with("MetricList.");
            assert!(parameters.keys().any(|name| is_entry(&name)), "{line}");
        }
        requests += 1;
        tokens += usize::from(signed.new.contains_key("SecurityToken"));
        foreign += usize::from(!signed.new.values().all(|value| value.is_ascii()));
    }
    assert_eq!(requests, REQUESTS);
    assert!(tokens > 50 && foreign > 50, "{tokens} {foreign}");
}

#[tokio::test]
async fn the_stand_in_takes_what_the_sdks_send_and_reads_it_as_ours() {
    let gateway = Gateway::start().await.expect("a gateway");
    let address = gateway.address().to_string();
    tokio::task::spawn_blocking(move || sdk(&["report", &address]))
        .await
        .expect("it reports");
    let dimensions = Dimensions::new()
        .with("flow", "poem")
        .and_then(|dimensions| dimensions.with("node", "n"))
        .expect("kept");
    let statistics = [(Statistic::Sum, 1.5), (Statistic::P99, 2.0)];
    let name = MetricName::new("latency").expect("a name");
    let datum = Datum::aggregated(
        name,
        dimensions,
        Period::Minute,
        statistics,
        1_763_730_000_000,
    )
    .expect("a datum")
    .in_group(7);
    let ours = client(&gateway).put_custom_metric(&[datum]).await;
    ours.expect("taken");
    let entries = gateway.entries();
    assert_eq!(entries.len(), 3);
    assert!(
        entries.iter().all(|entry| *entry == entries[0]),
        "{entries:?}"
    );
    assert_eq!(gateway.answers()["SignatureDoesNotMatch"], 1);
}
