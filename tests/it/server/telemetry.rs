//! What a server tells of its runs: to Alibaba Cloud Monitor, by a gateway that checks all of it, and to nobody from somebody's desk.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use lockgate_stand_ins::otlp::{Mood, Protocol, Receiver};
use lockgate_stand_ins::{Entry, Fault, Gateway};
use serde_json::json;

use super::client::Client;
use super::host::{Site, run, save, upload};
use super::marker;
use crate::support::host;

const MARKED: &str = "
flow: marked
nodes:
  a: { use: test:marker/mark, in: { value: input.value } }
  b: { use: test:marker/mark, in: { value: a.text } }
output: { b: b.text }
";

/// Runs of the flow.
const RUNS: usize = 7;

/// A gateway in a runtime of its own.
struct Cms {
    gateway: Gateway,
    _runtime: tokio::runtime::Runtime,
}

impl Cms {
    fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let gateway = runtime.block_on(Gateway::start())?;
        Ok(Self {
            gateway,
            _runtime: runtime,
        })
    }

    /// A server that tells it.
    fn site(&self) -> Result<Site> {
        Ok(Site::new()?
            .set("LOCKGATE_CMS_ENDPOINT", self.gateway.url())
            .set("ALIBABA_CLOUD_ACCESS_KEY_ID", "testid")
            .set("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "testsecret"))
    }

    /// `lockgate cms check`.
    fn check(&self, arguments: &[&str]) -> Result<(bool, String, String)> {
        let folder = tempfile::tempdir()?;
        let output = Command::new(host::lockgate()?)
            .args(["cms", "check"])
            .args(arguments)
            .current_dir(folder.path())
            .env("LOCKGATE_CMS_ENDPOINT", self.gateway.url())
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "testid")
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "testsecret")
            .output()?;
        let text = |bytes| String::from_utf8(bytes);
        let (said, complained) = (text(output.stdout)?, text(output.stderr)?);
        ensure!(!said.contains("testsecret") && !complained.contains("testsecret"));
        Ok((output.status.success(), said, complained))
    }
}

/// A collector of OpenTelemetry's, in a runtime of its own.
struct Otlp {
    receiver: Receiver,
    protocol: Protocol,
    _runtime: tokio::runtime::Runtime,
}

impl Otlp {
    fn start(protocol: Protocol, moods: &[Mood]) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        Ok(Self {
            receiver: runtime.block_on(Receiver::start(protocol, moods)),
            protocol,
            _runtime: runtime,
        })
    }

    /// A server that tells it, of all runs.
    fn site(&self) -> Result<Site> {
        let protocol = match self.protocol {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http",
        };
        Ok(Site::new()?
            .set("LOCKGATE_OTLP_ENDPOINT", &self.receiver.endpoint)
            .set("LOCKGATE_OTLP_PROTOCOL", protocol)
            .set("LOCKGATE_TRACES_SAMPLE", "1.0"))
    }
}

fn run_some(client: &Client) -> Result<()> {
    upload(client, &marker::version(0)?)?;
    save(client, "marked", MARKED)?;
    for value in 0..RUNS {
        client.expect(200, run("marked", &json!({ "value": value })))?;
    }
    Ok(())
}

/// The sum of a metric of the series that outlive versions, over all minutes.
fn sum(entries: &[Entry], name: &str, dimensions: usize) -> f64 {
    let minutes = entries.iter().filter(|entry| {
        let lasts = !entry.dimensions.contains_key("version");
        entry.name == name
            && entry.period == Some(60)
            && lasts
            && entry.dimensions.len() == dimensions
    });
    minutes.map(|minute| minute.values["Sum"]).sum()
}

#[test]
fn what_ran_is_told_before_a_server_ends() -> Result<()> {
    let cms = Cms::start()?;
    let site = cms.site()?;
    let key = site.key(&["deploy"])?;
    let host = site.start()?;
    run_some(&host.client(&key))?;
    host.terminate()?;
    let (status, said) = host.ended()?;
    ensure!(status.success(), "{status}: {said}");
    ensure!(!said.contains("testsecret"), "{said}");
    let entries = cms.gateway.entries();
    let answers = cms.gateway.answers();
    ensure!(answers.keys().all(|code| code == "200"), "{answers:?}");
    // Project, flow, instance; and a node.
    let told = (
        sum(&entries, "custom_lockgate_flow_ok", 3),
        sum(&entries, "custom_lockgate_node_ok", 4),
    );
    ensure!(told == (RUNS as f64, 2.0 * RUNS as f64), "{told:?}");
    let of_flow = entries
        .iter()
        .find(|entry| entry.name == "custom_lockgate_flow_duration");
    let of_flow = of_flow.context("no duration")?;
    ensure!(of_flow.dimensions["flow"] == "marked", "{of_flow:?}");
    Ok(())
}

#[test]
fn what_could_not_be_told_is_told_by_the_next_server() -> Result<()> {
    let cms = Cms::start()?;
    let site = cms.site()?.set("LOCKGATE_TELEMETRY_FLUSH_TIME", "200ms");
    let key = site.key(&["deploy"])?;
    cms.gateway.listen(false);
    let host = site.start()?;
    run_some(&host.client(&key))?;
    host.terminate()?;
    ensure!(host.ended()?.0.success());
    ensure!(cms.gateway.entries().is_empty());
    cms.gateway.listen(true);
    let mut host = site.start()?;
    host.wait_for("the spool is told", |_| {
        let told = sum(&cms.gateway.entries(), "custom_lockgate_flow_ok", 3);
        Ok(told >= RUNS as f64)
    })
}

#[test]
fn a_gateway_that_hangs_costs_nothing_at_the_end() -> Result<()> {
    for time in ["0 s", "200 ms"] {
        let cms = Cms::start()?;
        let site = cms.site()?.set("LOCKGATE_TELEMETRY_FLUSH_TIME", time);
        let key = site.key(&["deploy"])?;
        cms.gateway.faults().run(|| Some(Fault::Hang));
        let host = site.start()?;
        run_some(&host.client(&key))?;
        host.terminate()?;
        ensure!(host.ended()?.0.success());
        ensure!(cms.gateway.entries().is_empty());
        cms.gateway.faults().clear();
        let mut host = site.start()?;
        host.wait_for("the spool is told", |_| {
            let told = sum(&cms.gateway.entries(), "custom_lockgate_flow_ok", 3);
            Ok(told >= RUNS as f64)
        })?;
    }
    Ok(())
}

#[test]
fn what_ran_is_told_to_a_collector_before_a_server_ends() -> Result<()> {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let otlp = Otlp::start(protocol, &[])?;
        let site = otlp.site()?;
        let key = site.key(&["deploy"])?;
        let host = site.start()?;
        run_some(&host.client(&key))?;
        host.terminate()?;
        let (status, said) = host.ended()?;
        ensure!(status.success(), "{status}: {said}");
        let metrics = otlp.receiver.metric_names();
        for name in [
            "lockgate.flow.duration",
            "lockgate.node.duration",
            "lockgate.queue.depth",
        ] {
            ensure!(
                metrics.iter().any(|metric| metric == name),
                "{protocol:?} {metrics:?}"
            );
        }
        let spans = otlp.receiver.span_names();
        for name in [
            "run marked",
            "node a",
            "call b",
            "POST /api/v1/flows/{name}/runs",
        ] {
            let count = spans.iter().filter(|span| *span == name).count();
            ensure!(count == RUNS, "{protocol:?} {name}: {spans:?}");
        }
        let senders = otlp.receiver.senders();
        let instance = senders
            .iter()
            .find_map(|one| one.strip_prefix("service.instance.id="));
        ensure!(
            instance.is_some_and(|instance| !instance.is_empty()),
            "{senders:?}"
        );
        ensure!(senders.contains("service.name=lockgate"), "{senders:?}");
    }
    Ok(())
}

#[test]
fn a_collector_that_hangs_does_not_keep_a_server_from_ending() -> Result<()> {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let otlp = Otlp::start(protocol, &[Mood::Hang])?;
        let site = otlp.site()?;
        // Who waited for an answer would wait for longer than the test does.
        let site = site
            .set("LOCKGATE_OTLP_TIMEOUT", "600s")
            .set("LOCKGATE_TELEMETRY_FLUSH_TIME", "200ms");
        let key = site.key(&["deploy"])?;
        let host = site.start()?;
        run_some(&host.client(&key))?;
        host.terminate()?;
        let (status, said) = host.ended()?;
        ensure!(status.success(), "{status}: {said}");
        ensure!(otlp.receiver.span_names().is_empty());
    }
    Ok(())
}

#[test]
fn somebodys_desk_tells_nobody() -> Result<()> {
    let cms = Cms::start()?;
    let site = cms.site()?.option("--dev");
    let host = site.start()?;
    upload(&host.stranger(), &marker::version(0)?)?;
    host.terminate()?;
    ensure!(host.ended()?.0.success());
    ensure!(cms.gateway.requests() == 0, "{:?}", cms.gateway.entries());
    Ok(())
}

#[test]
fn cms_check_says_what_came_back_and_what_helps() -> Result<()> {
    let cms = Cms::start()?;
    let (worked, said, _) = cms.check(&["--dry-run"])?;
    ensure!(worked && said.contains("not sent"), "{said}");
    ensure!(
        said.contains("MetricList.1.MetricName: custom_lockgate_telemetry_check"),
        "{said}"
    );
    ensure!(said.contains("credentials: environment"), "{said}");
    ensure!(cms.gateway.requests() == 0);
    let (worked, said, _) = cms.check(&[])?;
    ensure!(worked && said.contains("CMS took it"), "{said}");
    ensure!(cms.gateway.entries().len() == 1);

    let refused = Fault::Refused {
        code: "206".to_owned(),
        message: "not allowed original value, please upgrade service".to_owned(),
    };
    cms.gateway.faults().push(refused);
    let (worked, _, complained) = cms.check(&[])?;
    ensure!(!worked && complained.contains("206"), "{complained}");
    ensure!(complained.contains("cms.mode"), "{complained}");
    cms.gateway.faults().push(Fault::Throttled);
    let (worked, _, complained) = cms.check(&[])?;
    ensure!(!worked && complained.contains("at once"), "{complained}");
    cms.gateway.listen(false);
    let (worked, _, complained) = cms.check(&[])?;
    ensure!(
        !worked && complained.contains("metrics-vpc"),
        "{complained}"
    );
    Ok(())
}
