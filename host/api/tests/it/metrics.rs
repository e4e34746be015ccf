//! What is counted, through HTTP; and what Prometheus itself says of it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::SystemTime;

use lockgate_service::Scope;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::client::{Ask, ask};
use crate::host::Host;

/// What Prometheus asks with.
const ACCEPT: &str =
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";

/// A host whose flows ran, and that was asked this and that.
async fn host() -> Host {
    let host = Host::stocked().await;
    let input = serde_json::json!({ "input": { "text": "a" } });
    for flow in ["shout", "strict", "shout"] {
        let run = ask(&format!("POST /api/v1/flows/{flow}/runs"));
        host.tell(run.json(&input)).await;
    }
    host.tell(ask("GET /api/v1/queue")).await;
    host.tell(ask("GET /nowhere")).await;
    host.collector.collect(SystemTime::now(), None);
    host
}

fn open_metrics() -> Ask {
    ask("GET /metrics").header("accept", ACCEPT)
}

/// What a scrape says, without what takes another time each time.
fn steady(told: &str) -> String {
    let lines = told.lines().filter(|line| {
        let is_time =
            line.contains("_duration_seconds_bucket{") || line.contains("_duration_seconds_sum{");
        !is_time
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// Prometheus' own tool: what it says of an input, and whether it is content.
async fn promtool(arguments: &[&str], input: &str) -> Result<(), String> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/toolchain/promtool/promtool");
    let is_there = path.exists();
    assert!(
        is_there,
        "there is no {}: type `make promtool`, and try again",
        path.display()
    );
    let mut command = Command::new(&path);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).await.expect("it reads");
    drop(stdin);
    let ended = child.wait_with_output().await.expect("it ends");
    if ended.status.success() {
        return Ok(());
    }
    let said = [ended.stdout, ended.stderr].concat();
    Err(String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn text() {
    let host = host().await;
    insta::assert_snapshot!(steady(&host.shown(ask("GET /metrics")).await));
}

#[tokio::test]
async fn open_metrics_where_it_is_accepted() {
    let host = host().await;
    insta::assert_snapshot!(steady(&host.shown(open_metrics()).await));
}

#[tokio::test]
async fn promtool_accepts_the_text() {
    let host = host().await;
    let told = host.tell(ask("GET /metrics")).await;
    let told = told.text();
    assert_eq!(
        promtool(&["check", "metrics"], &told).await,
        Ok(()),
        "{told}"
    );
    // It does not accept everything.
    let broken = told.replace(
        "# TYPE lockgate_runs_total counter",
        "# TYPE lockgate_runs_total gauge",
    );
    assert_ne!(promtool(&["check", "metrics"], &broken).await, Ok(()));
}

#[tokio::test]
async fn promtool_reads_the_open_metrics() {
    let host = host().await;
    let told = host.tell(open_metrics()).await.text();
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (file, blocks) = (path("metrics"), path("blocks"));
    let read = |text: String| {
        std::fs::write(&file, text).expect("it is written");
        let arguments = ["tsdb", "create-blocks-from", "openmetrics", &file, &blocks];
        let arguments: Vec<_> = arguments.iter().map(|&one| one.to_owned()).collect();
        async move {
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            promtool(&arguments, "").await
        }
    };
    // It makes blocks of what happened at some time, so each sample needs one.
    let timed: String = told
        .lines()
        .map(|line| {
            let time = if line.starts_with('#') {
                ""
            } else {
                " 1800000000"
            };
            format!("{line}{time}\n")
        })
        .collect();
    assert_eq!(read(timed.clone()).await, Ok(()), "{told}");
    let unended = timed.replace("# EOF\n", "");
    assert_ne!(read(unended).await, Ok(()));
}

#[tokio::test]
async fn a_key_sees_its_own_project_and_its_own_flows() {
    let host = host().await;
    let metrics = async |key: String| {
        ask("GET /metrics")
            .key(&key)
            .send(host.address)
            .await
            .text()
    };
    let stranger = host
        .key_of("elsewhere", "stranger", Scope::Admin, None)
        .await;
    let told = metrics(stranger).await;
    assert!(!told.contains("shout"), "{told}");
    assert!(
        told.contains("\nlockgate_runs_total{outcome=\"ok\"} 0\n"),
        "{told}"
    );
    let limited = host.key("limited", Scope::Read, Some(&["strict"])).await;
    let told = metrics(limited).await;
    assert!(
        told.contains("flow=\"strict\"") && !told.contains("shout"),
        "{told}"
    );
}
