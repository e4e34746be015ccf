//! Rules about what runs do, as a server of a team has them: they fire once, over a restart too, and say the same of the past.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use lockgate_stand_ins::Gateway;
use serde_json::{Value, json};

use super::client::{Client, Request};
use super::host::{Site, run, save, upload};
use super::marker;
use crate::support::host;

const MARKED: &str = "
flow: marked
nodes:
  a: { use: test:marker/mark, in: { value: input.value } }
output: { a: a.text }
";

/// One that fires by the runs of the test, one that does not, and one that CMS can have.
const RULES: &str = r#"
[receivers.journal]
kind = "log"

[[rules]]
name = "quick"
when = "3 runs in a row of flow marked below 60 s"
severity = "critical"
tell = ["journal"]

[[rules]]
name = "slow"
when = "3 runs in a row of flow marked over 60 s"
tell = ["journal"]

[[rules]]
name = "tail"
when = "P99 of node marked/a over 2 s for 5 min"
tell = ["journal"]

[cms]
contact_groups = ["ops"]
"#;

fn fires(client: &Client, rule: &str) -> Result<bool> {
    let alerts = client.expect(200, Request::get("/api/v1/alerts"))?;
    let rules = alerts["rules"].as_array().context("no list")?;
    let found = rules.iter().find(|one| one["rule"] == rule);
    Ok(found.with_context(|| format!("no rule {rule}: {alerts}"))?["state"] == "firing")
}

/// `lockgate alerts …`, as somebody types it.
fn alerts(arguments: &[&str], variables: &[(&str, &str)]) -> Result<String> {
    let output = Command::new(host::lockgate()?)
        .arg("alerts")
        .args(arguments)
        .envs(variables.iter().copied())
        .output()?;
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{arguments:?}: {complained}");
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn a_rule_fires_once_and_says_the_same_of_the_past() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("alerts.toml");
    std::fs::write(&file, RULES)?;
    let site = Site::new()?.set("LOCKGATE_ALERTS_FILE", file.display());
    let key = site.key(&["deploy"])?;
    let mut host = site.start()?;
    let client = host.client(&key);
    upload(&client, &marker::version(0)?)?;
    save(&client, "marked", MARKED)?;
    for value in 0..3 {
        ensure!(!fires(&client, "quick")?, "after {value} runs");
        client.expect(200, run("marked", &json!({ "value": value })))?;
    }
    host.wait_for("the rule fires", |_| fires(&client, "quick"))?;
    ensure!(!fires(&client, "slow")?);
    host.wait_for("it is told", |host| Ok(host.said()?.contains("quick")))?;

    let server = format!("http://{}", host.address);
    let variables = [("LOCKGATE_SERVER", server.as_str()), ("LOCKGATE_KEY", &key)];
    let checked = alerts(&["check", "--json"], &variables)?;
    let checked: Value = serde_json::from_str(&checked)?;
    let rules = checked["rules"].as_array().context("no rules")?;
    let firings = |rule: &str| {
        let found = rules.iter().find(|one| one["rule"] == rule);
        found.and_then(|one| one["firings"].as_array().map(Vec::len))
    };
    ensure!(firings("quick") == Some(1), "{checked:#}");
    ensure!(firings("slow") == Some(0), "{checked:#}");
    // As docs/alerts.md has it: rules of a file, and what people read.
    let path = file.display().to_string();
    let told = alerts(&["check", "--rules", &path, "--since", "7d"], &variables)?;
    ensure!(told.contains("quick"), "{told}");

    // Where rules stand is known to the next process, and nobody is told again.
    host.terminate()?;
    ensure!(host.ended()?.0.success());
    let host = site.start()?;
    let client = host.client(&key);
    ensure!(fires(&client, "quick")?);
    client.expect(200, run("marked", &json!({ "value": 3 })))?;
    host.terminate()?;
    let (status, said) = host.ended()?;
    ensure!(status.success() && !said.contains("quick"), "{said}");
    Ok(())
}

#[test]
fn rules_that_cms_can_have_are_pushed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("alerts.toml");
    std::fs::write(&file, RULES)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let gateway = runtime.block_on(Gateway::start())?;
    let file = file.display().to_string();
    let (url, file) = (gateway.url(), file.as_str());
    let variables = [
        ("LOCKGATE_CMS_ENDPOINT", url.as_str()),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "testid"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "testsecret"),
    ];
    let said = alerts(&["push", "--dry-run", "--rules", file], &variables)?;
    ensure!(said.contains("custom_lockgate_node_duration"), "{said}");
    ensure!(gateway.requests() == 0);
    for _ in 0..2 {
        alerts(&["push", "--rules", file], &variables)?;
    }
    let rules = gateway.rules();
    ensure!(rules.len() == 2, "{rules:#?}");
    ensure!(
        rules[0] == rules[1],
        "the same rule is changed, not added: {rules:#?}"
    );
    let rule = format!("{:?}", rules[0]);
    for part in [
        "custom_lockgate_node_duration",
        "P99",
        "node",
        "marked",
        "ops",
    ] {
        ensure!(rule.contains(part), "{part}: {rule}");
    }
    Ok(())
}

#[test]
fn what_is_wrong_with_rules_is_told_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("alerts.toml");
    let text = RULES.replace(
        "3 runs in a row of flow marked over 60 s",
        "3 runs of marked over",
    );
    std::fs::write(&file, text.replace("\"journal\"]", "\"nobody\"]"))?;
    let site = Site::new()?.set("LOCKGATE_ALERTS_FILE", file.display());
    let said = site.refused(&["--listen", "127.0.0.1:0"])?;
    ensure!(
        said.contains("alerts.toml:") && said.contains("nobody"),
        "{said}"
    );
    ensure!(said.contains("slow"), "{said}");
    Ok(())
}
