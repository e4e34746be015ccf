//! What Alibaba Cloud Monitor is told, by a gateway that checks all of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lockgate_cms::{
    Client, CredentialChain, Credentials, Endpoint, Sender, SenderConfig, SystemClock,
};
use lockgate_model::{Failure, FailureKind};
use lockgate_stand_ins::{Entry, Fault, Gateway};
use lockgate_telemetry::cms::{CmsConfig, CmsExporter, MetricNames, Mode, NAME_PATTERN, RawCalls};
use lockgate_telemetry::{Bounds, Collector, Counts, DROPPED, Exporter as _, Own};
use tempfile::TempDir;

use crate::runs::Flow;

/// How long what is sent may take to arrive: no measure of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host that tells a gateway.
struct Host {
    gateway: Gateway,
    counts: Arc<Counts>,
    exporter: Arc<CmsExporter>,
    collector: Collector,
    own: Own,
    start: SystemTime,
    spool: TempDir,
}

impl Host {
    async fn new(mode: Mode) -> Self {
        let gateway = Gateway::start().await.expect("a gateway");
        let chain = CredentialChain::fixed(Credentials::new("testid", "testsecret"));
        let endpoint = Endpoint::at(&gateway.url()).expect("an address");
        let client = Client::new(endpoint, Arc::new(chain), Arc::new(SystemClock));
        let spool = tempfile::tempdir().expect("a folder");
        let mut config = SenderConfig::new(spool.path().join("spool"));
        config.linger = Duration::from_millis(1);
        config.requests_per_second = Some(10_000);
        let sender = Sender::start(client.expect("a client"), config).await;
        let raw = match mode {
            Mode::Raw { sample } => Some(Arc::new(RawCalls::new(sample))),
            Mode::Aggregated => None,
        };
        let own = Own::default();
        let exporter = Arc::new(CmsExporter::new(
            CmsConfig {
                mode,
                group_id: 7,
                instance: "here-7878".to_owned(),
            },
            MetricNames::new(NAME_PATTERN).expect("names"),
            raw.clone(),
            own.clone(),
            sender.expect("a sender"),
        ));
        // A bound of minutes and of five minutes.
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_763_730_000);
        let counts = Arc::new(Counts::new(Bounds::default(), own.clone()).with_raw(raw));
        let collector = Collector::new(
            Arc::clone(&counts),
            own.clone(),
            vec![Arc::clone(&exporter) as _],
            start,
        );
        Self {
            gateway,
            counts,
            exporter,
            collector,
            own,
            start,
            spool,
        }
    }

    fn collect(&self, seconds: u64) {
        self.collector
            .collect(self.start + Duration::from_secs(seconds), None);
    }

    /// Runs so many flows once, each of one node.
    fn runs(&self, flows: usize) {
        for index in 0..flows {
            let flow = Flow::new(&self.counts, "default", &format!("f{index}"), 1, "a");
            flow.run(Duration::from_millis(5));
        }
    }

    /// What telemetry says that it dropped.
    fn dropped(&self) -> u64 {
        let all = self.own.all().into_iter();
        let dropped = all.filter(|count| count.name == DROPPED);
        dropped.map(|count| count.total).sum()
    }

    /// A sender on the same spool, after the host ended.
    async fn next(&self) -> Sender {
        let chain = CredentialChain::fixed(Credentials::new("testid", "testsecret"));
        let endpoint = Endpoint::at(&self.gateway.url()).expect("an address");
        let client = Client::new(endpoint, Arc::new(chain), Arc::new(SystemClock));
        let config = SenderConfig::new(self.spool.path().join("spool"));
        let sender = Sender::start(client.expect("a client"), config).await;
        sender.expect("a sender")
    }

    /// Everything that the gateway took, after the host ended.
    async fn end(&self) -> Vec<Entry> {
        self.exporter.close(PATIENCE).await;
        let answers = self.gateway.answers();
        assert!(answers.keys().all(|code| code == "200"), "{answers:?}");
        self.gateway.entries()
    }
}

fn of<'e>(
    entries: &'e [Entry],
    name: &str,
    period: Option<u64>,
    labels: &[(&str, &str)],
) -> Vec<&'e Entry> {
    let fits = |entry: &&Entry| {
        let mut dimensions = entry.dimensions.iter();
        entry.name == name
            && entry.period == period
            && entry.dimensions.len() == labels.len() + 1
            && dimensions.all(|(key, value)| {
                key == "instance" || labels.contains(&(key.as_str(), value.as_str()))
            })
    };
    entries.iter().filter(fits).collect()
}

#[tokio::test]
async fn a_minute_comes_to_what_its_calls_took() {
    let host = Host::new(Mode::Aggregated).await;
    let flow = Flow::new(&host.counts, "default", "poem", 3, "summarize");
    // From 1 ms to 1 s, as many in each millisecond, told in six intervals.
    for interval in 0..6 {
        for ms in (1..=1_000).filter(|ms| ms % 6 == interval) {
            flow.run(Duration::from_millis(ms));
        }
        host.collect((interval + 1) * 10);
    }
    // One that belongs to the next minute, which ends with the host.
    let failure = Failure::new(FailureKind::Upstream, "no".to_owned());
    flow.fail(Duration::from_millis(5), failure.into());
    host.collect(70);
    let entries = host.end().await;

    let node = [
        ("project", "default"),
        ("flow", "poem"),
        ("node", "summarize"),
    ];
    let minutes = of(&entries, "custom_lockgate_node_duration", Some(60), &node);
    assert_eq!(minutes.len(), 2, "{minutes:#?}");
    let minute = minutes[0];
    assert_eq!((minute.group, minute.time_ms), (7, 1_763_730_060_000));
    assert_eq!(minute.dimensions["instance"], "here-7878");
    let near = |statistic: &str, exact: f64, share: f64| {
        let found = minute.values[statistic];
        assert!(
            (found / exact - 1.0).abs() <= share,
            "{statistic}: {found} for {exact}"
        );
    };
    near("SampleCount", 1_000.0, 0.0);
    near("Sum", 500.5, 1e-6);
    near("Average", 0.5005, 1e-6);
    near("Minimum", 0.001, 1e-6);
    near("Maximum", 1.0, 1e-6);
    for (statistic, exact) in [("P50", 0.5), ("P90", 0.9), ("P95", 0.95), ("P99", 0.99)] {
        near(statistic, exact, 0.05);
    }
    assert_eq!(minutes[1].values["SampleCount"], 1.0);

    // The same with a version, by five minutes, and of the flow.
    let named = entries
        .iter()
        .find(|entry| entry.dimensions.contains_key("plugin"));
    let plugin = &named.expect("a version").dimensions["plugin"];
    assert!(
        plugin.starts_with("test_p_"),
        "{plugin}: `:` is not kept, and a digest is added"
    );
    let version = [
        ("version", "3"),
        ("plugin", plugin.as_str()),
        ("plugin_version", "1.0.0"),
    ];
    let versioned = [&node[..], &version].concat();
    assert_eq!(
        of(
            &entries,
            "custom_lockgate_node_duration",
            Some(60),
            &versioned
        )
        .len(),
        2
    );
    let five = of(&entries, "custom_lockgate_node_duration", Some(300), &node);
    assert_eq!(five.len(), 1);
    assert_eq!(five[0].values["SampleCount"], 1_001.0);
    let flow = [("project", "default"), ("flow", "poem")];
    let count = |name: &str| {
        let minutes = of(&entries, name, Some(60), &flow);
        minutes
            .iter()
            .map(|minute| minute.values["Sum"])
            .collect::<Vec<_>>()
    };
    assert_eq!(count("custom_lockgate_flow_ok"), [1_000.0]);
    assert_eq!(count("custom_lockgate_flow_failed"), [1.0]);
    assert_eq!(
        count("custom_lockgate_flow_errors"),
        [0.0, 1.0],
        "also where there are none"
    );
    assert_eq!(count("custom_lockgate_flow_trapped"), [0.0, 0.0]);
    for name in [
        "custom_lockgate_node_trapped",
        "custom_lockgate_node_retries",
    ] {
        let minutes = of(&entries, name, Some(60), &node);
        let sums: Vec<_> = minutes.iter().map(|minute| minute.values["Sum"]).collect();
        assert_eq!(sums, [0.0, 0.0], "{name}: an alarm ends by that");
    }

    // What telemetry counts of itself knows what was taken.
    let sent = host
        .own
        .all()
        .into_iter()
        .find(|count| count.name == lockgate_telemetry::CMS_SENT);
    assert_eq!(sent.map(|sent| sent.total), Some(entries.len() as u64));
}

#[tokio::test]
async fn single_calls_say_which_share_they_are() {
    let host = Host::new(Mode::Raw { sample: 1.0 }).await;
    let flow = Flow::new(&host.counts, "default", "poem", 3, "a");
    (0..50).for_each(|_| flow.run(Duration::from_millis(250)));
    host.collect(10);
    let entries = host.end().await;
    let raw: Vec<_> = entries
        .iter()
        .filter(|entry| entry.period.is_none())
        .collect();
    assert_eq!(
        raw.len(),
        50 * 4 * 2,
        "a run, and a call's time, fuel and memory; with a version and without"
    );
    assert!(raw.iter().all(|entry| entry.dimensions["sample"] == "1"));
    assert!(
        raw.iter()
            .all(|entry| !entry.dimensions.contains_key("outcome"))
    );
    // A dashboard's series outlives a deployment, and each version has its own.
    let node = [("project", "default"), ("flow", "poem"), ("node", "a")];
    let lasting = [&node[..], &[("sample", "1")]].concat();
    for name in ["duration", "fuel", "memory"] {
        let name = format!("custom_lockgate_node_{name}");
        let all: Vec<_> = raw.iter().filter(|entry| entry.name == name).collect();
        let is_of = |entry: &&&&Entry| entry.dimensions.get("version").is_some_and(|of| of == "3");
        let versioned = all.iter().filter(is_of);
        assert_eq!(of(&entries, &name, None, &lasting).len(), 50, "{name}");
        assert_eq!((all.len(), versioned.count()), (100, 50), "{name}");
    }
    let durations = of(&entries, "custom_lockgate_node_duration", None, &lasting);
    let durations: Vec<_> = durations
        .iter()
        .map(|entry| entry.values["value"])
        .collect();
    assert!(
        durations.iter().all(|value| (value - 0.25).abs() < 1e-6),
        "{durations:?}"
    );
    // Counts cost nothing, and are told whole.
    let ok = of(&entries, "custom_lockgate_node_ok", Some(60), &node);
    assert_eq!(ok[0].values["Sum"], 50.0);
    assert!(of(&entries, "custom_lockgate_node_duration", Some(60), &node).is_empty());
}

#[tokio::test]
async fn names_that_cms_does_not_keep_stay_apart() {
    let host = Host::new(Mode::Aggregated).await;
    let flow = Flow::new(&host.counts, "default", "poem", 1, "a");
    // What is not kept of both becomes the same.
    flow.model(Duration::from_secs(1), "p", "qwen:plus");
    flow.model(Duration::from_secs(1), "p", "qwen@plus");
    flow.model(Duration::from_secs(1), "p", "qwen-plus");
    // The same model in another project is another series.
    let other = Flow::new(&host.counts, "other", "poem", 1, "a");
    other.model(Duration::from_secs(1), "p", "qwen-plus");
    host.collect(10);
    let entries = host.end().await;
    let models: Vec<_> = entries
        .iter()
        .filter(|entry| {
            entry.name == "custom_lockgate_model_input_tokens" && entry.period == Some(60)
        })
        .map(|entry| {
            let of = |name: &str| entry.dimensions[name].clone();
            (of("project"), of("model"), entry.values["Sum"])
        })
        .collect();
    assert_eq!(models.len(), 4, "{models:?}");
    let mangled = models.iter().map(|(_, model, _)| model);
    let mangled: BTreeSet<_> = mangled
        .filter(|model| model.starts_with("qwen_plus_"))
        .collect();
    assert_eq!(mangled.len(), 2, "{models:?}");
    for project in ["default", "other"] {
        let qwen = (project.to_owned(), "qwen-plus".to_owned(), 100.0);
        assert!(models.contains(&qwen), "{models:?}");
    }
}

#[tokio::test]
async fn a_host_that_ends_twice_and_a_gateway_that_is_away_lose_nothing() {
    let host = Host::new(Mode::Aggregated).await;
    host.gateway.listen(false);
    let flow = Flow::new(&host.counts, "default", "poem", 1, "a");
    flow.run(Duration::from_millis(1));
    host.collect(10);
    host.exporter.close(Duration::from_millis(50)).await;
    host.exporter.close(Duration::from_millis(50)).await;
    host.collect(20);
    assert!(host.gateway.entries().is_empty());
    // The next one on the same spool sends it.
    host.gateway.listen(true);
    let sender = host.next().await;
    let begun = std::time::Instant::now();
    while sender.status().sent < sender.status().found {
        assert!(begun.elapsed() < PATIENCE, "{:?}", sender.status());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(sender.status().found > 0);
    let node = [("project", "default"), ("flow", "poem"), ("node", "a")];
    let entries = host.gateway.entries();
    assert_eq!(
        of(&entries, "custom_lockgate_node_duration", Some(60), &node).len(),
        1
    );
}

#[tokio::test]
async fn a_busy_host_loses_nothing_where_two_periods_end_at_once() {
    const FLOWS: usize = 500;
    let host = Host::new(Mode::Aggregated).await;
    host.runs(FLOWS);
    host.collect(290);
    host.runs(1);
    host.collect(310);
    let entries = host.end().await;
    // More than may wait at once for being sent.
    assert!(entries.len() > 20_000, "{}", entries.len());
    assert_eq!(host.dropped(), 0);
    let is_of = |period: u64| {
        let name = "custom_lockgate_node_duration";
        let all = entries.iter().filter(|entry| entry.name == name);
        let lasting = all.filter(|entry| !entry.dimensions.contains_key("version"));
        let times = lasting.filter(|entry| entry.period == Some(period));
        times.map(|entry| entry.time_ms).collect::<Vec<_>>()
    };
    let ended = |time: u64| move |at: &&u64| **at == 1_763_730_000_000 + time * 1_000;
    assert_eq!(is_of(60).iter().filter(ended(300)).count(), FLOWS);
    assert_eq!(is_of(300).iter().filter(ended(300)).count(), FLOWS);
    // What dashboards and alarms are about comes first.
    let first = entries
        .iter()
        .position(|entry| entry.dimensions.contains_key("version"));
    let lasting = FLOWS * (4 + 7) + 4;
    assert_eq!(first, Some(lasting));
}

#[tokio::test]
async fn a_gateway_that_hangs_costs_nothing_at_the_end() {
    let host = Host::new(Mode::Aggregated).await;
    host.gateway.faults().run(|| Some(Fault::Hang));
    host.runs(300);
    host.collect(10);
    host.exporter.close(Duration::ZERO).await;
    assert_eq!(host.dropped(), 0);
    // Both periods, with versions and without.
    let found = host.next().await.status().found;
    assert_eq!(found, (300 * (4 + 7) * 2 + 4) * 2);
}

#[tokio::test]
async fn a_clock_that_is_set_back_ends_the_periods_that_are_ahead() {
    let host = Host::new(Mode::Aggregated).await;
    let flow = Flow::new(&host.counts, "default", "poem", 1, "a");
    flow.run(Duration::from_millis(1));
    host.collect(30);
    // As the collector tells of it: from then on all is of the new time.
    let hour = Duration::from_secs(3_600);
    let at = |seconds: u64| host.start - hour + Duration::from_secs(seconds);
    flow.run(Duration::from_millis(1));
    let after = Collector::new(
        Arc::clone(&host.counts),
        host.own.clone(),
        vec![Arc::clone(&host.exporter) as _],
        at(30),
    );
    after.collect(at(30), None);
    for minute in [1, 2] {
        flow.run(Duration::from_millis(1));
        after.collect(at(60 * minute + 30), None);
    }
    let entries = host.end().await;
    let node = [("project", "default"), ("flow", "poem"), ("node", "a")];
    let times = |period: u64| {
        let found = of(&entries, "custom_lockgate_node_ok", Some(period), &node);
        let of = |entry: &&Entry| (entry.time_ms, entry.values["Sum"]);
        found.iter().map(of).collect::<Vec<_>>()
    };
    let ms = |seconds: u64| 1_763_726_400_000 + seconds * 1_000;
    // What was counted under the wrong time is told as of when that was noticed: CMS takes nothing that is to come.
    let minutes = [(ms(30), 1.0), (ms(60), 1.0 + 1.0), (ms(120), 1.0)];
    assert_eq!(times(60), minutes);
    assert_eq!(times(300)[0], (ms(30), 1.0));
    assert_eq!(times(300)[1].1, 3.0);
}
