//! What Alibaba Cloud Monitor is told, by a gateway that checks all of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lockgate_cms::{
    Client, CredentialChain, Credentials, Endpoint, Sender, SenderConfig, SystemClock,
};
use lockgate_model::{Failure, FailureKind};
use lockgate_stand_ins::{Entry, Gateway};
use lockgate_telemetry::cms::{CmsConfig, CmsExporter, MetricNames, Mode, NAME_PATTERN, RawCalls};
use lockgate_telemetry::{Bounds, Collector, Counts, Exporter as _, Own};
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
    _spool: TempDir,
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
            _spool: spool,
        }
    }

    fn collect(&self, seconds: u64) {
        self.collector
            .collect(self.start + Duration::from_secs(seconds), None);
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
        50 * 4,
        "a run, and a call's time, fuel and memory"
    );
    assert!(raw.iter().all(|entry| entry.dimensions["sample"] == "1"));
    assert!(raw.iter().all(|entry| entry.dimensions["outcome"] == "ok"));
    let durations = raw
        .iter()
        .filter(|entry| entry.name == "custom_lockgate_node_duration");
    let durations: Vec<_> = durations.map(|entry| entry.values["value"]).collect();
    assert!(
        durations.iter().all(|value| (value - 0.25).abs() < 1e-6),
        "{durations:?}"
    );
    // Counts cost nothing, and are told whole.
    let node = [("project", "default"), ("flow", "poem"), ("node", "a")];
    let ok = of(&entries, "custom_lockgate_node_ok", Some(60), &node);
    assert_eq!(ok[0].values["Sum"], 50.0);
    assert!(of(&entries, "custom_lockgate_node_duration", Some(60), &node).is_empty());
}

#[tokio::test]
async fn names_that_cms_does_not_keep_stay_apart() {
    let host = Host::new(Mode::Aggregated).await;
    let flow = Flow::new(&host.counts, "default", "poem", 1, "a");
    // Both are made of characters that are not kept, and are as long.
    flow.model(Duration::from_secs(1), "p", "春天-model");
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
    assert_eq!(models.len(), 3, "{models:?}");
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
    let chain = CredentialChain::fixed(Credentials::new("testid", "testsecret"));
    let endpoint = Endpoint::at(&host.gateway.url()).expect("an address");
    let client = Client::new(endpoint, Arc::new(chain), Arc::new(SystemClock)).expect("a client");
    let config = SenderConfig::new(host._spool.path().join("spool"));
    let sender = Sender::start(client, config).await.expect("a sender");
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
