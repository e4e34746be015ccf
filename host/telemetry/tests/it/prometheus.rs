//! What a scrape says of what was counted.

use std::sync::Arc;
use std::time::Duration;

use lockgate_telemetry::prometheus::{Form, Scrape, View};
use lockgate_telemetry::{DROPPED, Own};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::counted::{Call, Counted, durations, exact};

const CALL: Call = Call {
    took: Duration::from_millis(3),
    fuel: 1_000,
    memory_bytes: 65_536,
};

fn scrape(counted: &Counted, flows: Option<&[&str]>, form: Form) -> String {
    let view = View {
        project: "default".into(),
        flows: flows.map(|flows| flows.iter().map(|&flow| flow.into()).collect()),
    };
    let mut registry = Registry::default();
    let scrape = Scrape::new(Arc::clone(&counted.collector), view, form);
    registry.register_collector(Box::new(scrape));
    let mut text = String::new();
    encode(&mut text, &registry).expect("it is told");
    text
}

/// The value of a sample: its name with its labels.
fn value(text: &str, sample: &str) -> Option<f64> {
    text.lines()
        .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))
        .map(|value| value.parse().expect("a number"))
}

/// `histogram_quantile` as PromQL has it: the bucket that the rank falls into, and within it a straight line. With the bounds
/// of that bucket.
fn histogram_quantile(text: &str, name: &str, q: f64) -> (f64, [f64; 2]) {
    let buckets: Vec<(f64, f64)> = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix("_bucket{le=\""))
        .map(|rest| {
            let (bound, rest) = rest.split_once('"').expect("a bound");
            let (_, count) = rest.rsplit_once(' ').expect("a count");
            let bound = bound.replace("+Inf", "inf");
            (
                bound.parse().expect("a number"),
                count.parse().expect("a number"),
            )
        })
        .collect();
    let total = buckets.last().expect("buckets").1;
    let rank = q * total;
    let at = buckets.partition_point(|(_, count)| *count < rank);
    let (low, below) = at.checked_sub(1).map_or((0.0, 0.0), |at| buckets[at]);
    let (high, count) = buckets[at];
    let within = (rank - below) / (count - below);
    (low + (high - low) * within, [low, high])
}

#[test]
fn percentiles_of_buckets_are_within_a_bucket_of_the_truth() {
    for seed in 0..20 {
        let counted = Counted::new(Own::default(), Vec::new());
        let flow = counted.flow("default", "poem");
        let durations = durations(seed);
        durations
            .iter()
            .for_each(|&took| flow.call(Call { took, ..CALL }));
        counted.collect(10);
        let text = scrape(&counted, None, Form::OpenMetrics);
        for q in [0.5, 0.95, 0.99] {
            let name = "lockgate_node_duration_seconds";
            let (found, [low, high]) = histogram_quantile(&text, name, q);
            let exact = exact(&durations, q);
            assert!(
                low < exact && exact <= high,
                "{seed} {q}: {exact} in {low}..{high}"
            );
            assert!(
                low <= found && found <= high && high == 2.0 * low,
                "{found}"
            );
        }
        let labels = "{project=\"default\",flow=\"poem\",flow_version=\"3\",node=\"a\",plugin=\"test:p\",plugin_version=\"1.2.3\",outcome=\"ok\"}";
        let sum = format!("lockgate_node_duration_seconds_sum{labels}");
        let count = format!("lockgate_node_duration_seconds_count{labels}");
        let exact = durations.iter().sum::<Duration>().as_secs_f64();
        let sum = value(&text, &sum).expect("a sum");
        // A tick is a nanosecond, and each value was rounded down to one.
        assert!((sum - exact).abs() < 1e-6, "{sum} {exact}");
        assert_eq!(value(&text, &count), Some(1_000.0));
    }
}

#[test]
fn a_scrape_has_what_was_counted() {
    let own = Own::default();
    let counted = Counted::new(own.clone(), Vec::new());
    let flow = counted.flow("default", "poem");
    flow.call(CALL);
    flow.trap(Call {
        took: Duration::from_secs(100),
        ..CALL
    });
    flow.chat(CALL, 17, 5);
    own.add(DROPPED, "a \"reason\"\n", 7);
    counted.collect(10);
    insta::assert_snapshot!("open_metrics", scrape(&counted, None, Form::OpenMetrics));
    let text = scrape(&counted, None, Form::Text);
    assert!(
        text.contains("\n# TYPE lockgate_node_retries_total counter\nlockgate_node_retries_total{")
    );
    assert!(
        text.contains("\nlockgate_runs_total{outcome=\"ok\"} 1\n"),
        "{text}"
    );
}

#[test]
fn a_reader_sees_what_is_theirs_and_what_names_nobody() {
    let counted = Counted::new(Own::default(), Vec::new());
    for (project, flow) in [
        (Some("default"), "poem"),
        (Some("default"), "prose"),
        (Some("stranger"), "secret"),
        (None, "draft"),
    ] {
        let flow = counted.flow_of(project, flow);
        flow.call(CALL);
        flow.chat(CALL, 1, 1);
    }
    counted.collect(10);
    let text = scrape(&counted, None, Form::OpenMetrics);
    assert!(
        !text.contains("stranger") && !text.contains("secret"),
        "{text}"
    );
    for seen in ["poem", "prose", "_other"] {
        assert!(text.contains(&format!("flow=\"{seen}\"")), "{seen}: {text}");
    }
    assert!(text.contains("gen_ai_request_model=\"m-1\""));
    assert_eq!(
        value(&text, "lockgate_runs_total{outcome=\"ok\"}"),
        Some(3.0)
    );
    let text = scrape(&counted, Some(&["prose"]), Form::OpenMetrics);
    assert!(
        text.contains("flow=\"prose\"") && !text.contains("poem"),
        "{text}"
    );
    assert!(!text.contains("project=\"default\",gen_ai"), "{text}");
}

#[test]
fn sums_of_runs_never_shrink_and_pages_leave_nothing_out() {
    let counted = Counted::new(Own::default(), Vec::new());
    for number in 0..450 {
        counted
            .flow("default", &format!("flow-{number}"))
            .call(CALL);
    }
    counted.collect(10);
    let text = scrape(&counted, None, Form::OpenMetrics);
    let counts = text
        .lines()
        .filter(|line| line.starts_with("lockgate_node_fuel_count{"));
    assert_eq!(counts.count(), 450);
    // Hours later nobody runs them any more.
    counted.collect(20_000);
    let text = scrape(&counted, None, Form::OpenMetrics);
    assert!(!text.contains("flow-"), "{text}");
    assert_eq!(
        value(&text, "lockgate_runs_total{outcome=\"ok\"}"),
        Some(450.0)
    );
}
