//! Metrics, held against what was counted.

use std::time::Duration;

use lockgate_stand_ins::otlp::Receiver;
use lockgate_telemetry::otlp::Resource;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, Metric, NumberDataPoint,
};
use prost::Message as _;

use super::{BOTH, LONG, config, dropped, spoken, started};
use crate::counted::{Call, START, durations, exact};

const CALL: Call = Call {
    took: Duration::from_millis(3),
    fuel: 1_000,
    memory_bytes: 65_536,
};

/// All metrics of this name, in the order of requests.
fn metrics<'r>(requests: &'r [ExportMetricsServiceRequest], name: &str) -> Vec<&'r Metric> {
    let metrics = requests
        .iter()
        .flat_map(|request| &request.resource_metrics)
        .flat_map(|resource| &resource.scope_metrics)
        .flat_map(|scope| &scope.metrics);
    metrics.filter(|metric| metric.name == name).collect()
}

fn histogram(metric: &Metric) -> &[ExponentialHistogramDataPoint] {
    match &metric.data {
        Some(Data::ExponentialHistogram(histogram)) => {
            assert_eq!(histogram.aggregation_temporality, 2, "cumulative");
            &histogram.data_points
        }
        _ => &[],
    }
}

fn numbers(metric: &Metric) -> &[NumberDataPoint] {
    match &metric.data {
        Some(Data::Sum(sum)) => {
            assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
            &sum.data_points
        }
        Some(Data::Gauge(gauge)) => &gauge.data_points,
        _ => &[],
    }
}

/// `name=value`, in their order.
fn shown(attributes: &[KeyValue]) -> String {
    let shown: Vec<_> = attributes
        .iter()
        .map(|attribute| {
            let value = attribute.value.as_ref().and_then(|any| any.value.as_ref());
            match value {
                Some(Value::StringValue(text)) => format!("{}={text}", attribute.key),
                Some(Value::IntValue(number)) => format!("{}={number}", attribute.key),
                other => format!("{}={other:?}", attribute.key),
            }
        })
        .collect();
    shown.join(" ")
}

/// A percentile from the buckets, as the data model defines them: the bucket at `offset + i` has the values in
/// `(base^(offset + i), base^(offset + i + 1)]`, with `base = 2^(2^-scale)`. Its middle, by ratio.
fn percentile(point: &ExponentialHistogramDataPoint, q: f64) -> f64 {
    let base = 2_f64.powf(2_f64.powi(-point.scale));
    let rank = (q * point.count as f64).ceil();
    let mut seen = point.zero_count as f64;
    let positive = point.positive.as_ref().expect("buckets");
    for (at, count) in positive.bucket_counts.iter().enumerate() {
        seen += *count as f64;
        if seen >= rank {
            let lower = base.powi(positive.offset + i32::try_from(at).expect("few"));
            return (lower * lower * base).sqrt();
        }
    }
    f64::NAN
}

#[tokio::test]
async fn what_was_counted_arrives() {
    for (protocol, gzip) in BOTH.into_iter().flat_map(|one| [(one, false), (one, true)]) {
        let receiver = Receiver::start(spoken(protocol), &[]).await;
        let mut config = config(&receiver.endpoint, protocol);
        config.gzip = gzip;
        config.headers = vec![("authorization".into(), "Bearer hunter2".into())];
        config.resource = Resource {
            version: "9.9".into(),
            instance: "host-1".into(),
            environment: "test".into(),
            attributes: vec![("team".into(), "poets".into())],
        };
        let (counted, otlp) = started(config);
        assert!(!format!("{otlp:?}").contains("hunter2"));
        let flow = counted.flow("default", "poem");
        let durations = durations(11);
        durations
            .iter()
            .for_each(|&took| flow.call(Call { took, ..CALL }));
        counted.collect(10);
        counted.flow("default", "poem").chat(CALL, 17, 5);
        flow.trap(CALL);
        counted.collect(20);
        // Snapshots cause no requests.
        assert!(receiver.state().headers.is_empty());
        counted.close(LONG).await;

        let state = receiver.state();
        let headers = state.headers.first().expect("a request");
        assert_eq!(headers["authorization"], "Bearer hunter2");
        let encoding = ["content-encoding", "grpc-encoding"];
        let packed = encoding.iter().any(|name| headers.contains_key(*name));
        assert_eq!(packed, gzip, "{headers:?}");
        let resource = state.metrics[0].resource_metrics[0].resource.as_ref();
        assert_eq!(
            shown(&resource.expect("a resource").attributes),
            "service.name=lockgate service.version=9.9 service.instance.id=host-1 \
             deployment.environment.name=test team=poets",
        );
        let scope = &state.metrics[0].resource_metrics[0].scope_metrics[0].scope;
        assert_eq!(scope.as_ref().expect("a scope").name, "lockgate");

        let found = metrics(&state.metrics, "lockgate.node.duration");
        assert_eq!((found.len(), &*found[0].unit), (1, "s"));
        let points = histogram(found[0]);
        let node =
            "project=default flow=poem flow_version=3 node=a plugin=test:p plugin_version=1.2.3";
        assert_eq!(shown(&points[0].attributes), format!("{node} outcome=ok"));
        assert_eq!(
            shown(&points[1].attributes),
            format!("{node} outcome=trapped")
        );
        let ok = &points[0];
        let sum = durations.iter().sum::<Duration>() + CALL.took;
        assert_eq!((ok.count, ok.scale), (1_001, 3));
        assert!((ok.sum.expect("a sum") - sum.as_secs_f64()).abs() < 1e-5);
        let buckets = ok.positive.as_ref().expect("buckets");
        assert_eq!(
            buckets.bucket_counts.iter().sum::<u64>() + ok.zero_count,
            ok.count
        );
        let mut all = durations.clone();
        all.push(CALL.took);
        for q in [0.5, 0.95, 0.99] {
            let (found, exact) = (percentile(ok, q), exact(&all, q));
            assert!(
                (found - exact).abs() <= 0.05 * exact,
                "{q}: {found} for {exact}"
            );
        }
        let (least, most) = (exact(&all, 1e-9), exact(&all, 1.0));
        assert!((ok.min.expect("a minimum") - least).abs() < 1e-8);
        assert!((ok.max.expect("a maximum") - most).abs() < 1e-8);
        let start = START.as_nanos() as u64;
        assert_eq!(
            (ok.start_time_unix_nano, ok.time_unix_nano),
            (start, start + 20_000_000_000)
        );
        // It was first written to after ten seconds, and what began then says so.
        assert_eq!(
            histogram(metrics(&state.metrics, "gen_ai.client.operation.duration")[0])[0]
                .start_time_unix_nano,
            start + 10_000_000_000
        );

        let one = |name: &str| *metrics(&state.metrics, name).first().expect("the metric");
        let fuel = &histogram(one("lockgate.node.fuel"))[0];
        assert_eq!((fuel.count, fuel.sum), (1_002, Some(1_002_000.0)));
        assert!((percentile(fuel, 0.95) - 1_000.0).abs() < 50.0);
        assert_eq!(shown(&fuel.attributes), node);
        let memory = one("lockgate.node.memory");
        assert_eq!(
            (&*memory.unit, histogram(memory)[0].max),
            ("By", Some(65_536.0))
        );
        assert_eq!(
            numbers(one("lockgate.node.retries"))[0].value,
            Some(number_data_point::Value::AsInt(1)),
        );
        let traps = &numbers(one("lockgate.node.traps"))[0];
        assert_eq!(
            shown(&traps.attributes),
            format!("{node} reason=out-of-fuel")
        );
        assert_eq!(histogram(one("lockgate.flow.duration"))[0].count, 1_000);
        assert_eq!(numbers(one("lockgate.queue.depth")).len(), 1);

        let model = "project=default gen_ai.provider.name=acme gen_ai.request.model=m-1 gen_ai.operation.name=chat";
        assert_eq!(
            shown(&histogram(one("gen_ai.client.operation.duration"))[0].attributes),
            model
        );
        let tokens = one("gen_ai.client.token.usage");
        assert_eq!(tokens.unit, "{token}");
        let told: Vec<_> = histogram(tokens)
            .iter()
            .map(|point| (shown(&point.attributes), point.sum))
            .collect();
        assert_eq!(
            told,
            [
                (format!("{model} gen_ai.token.type=input"), Some(17.0)),
                (format!("{model} gen_ai.token.type=output"), Some(5.0)),
            ],
        );
        assert_eq!(dropped(&counted.own, ""), 0);
    }
}

#[tokio::test]
async fn operations_of_models_that_fail_say_why() {
    let protocol = BOTH[0];
    let receiver = Receiver::start(spoken(protocol), &[]).await;
    let (counted, _otlp) = started(config(&receiver.endpoint, protocol));
    let flow = counted.flow("default", "poem");
    flow.chat(CALL, 17, 5);
    flow.trap(CALL);
    counted.collect(10);
    counted.close(LONG).await;
    let state = receiver.state();
    let found = metrics(&state.metrics, "gen_ai.client.operation.duration");
    let told: Vec<_> = histogram(found[0])
        .iter()
        .map(|point| (shown(&point.attributes), point.count))
        .collect();
    let model = "project=default gen_ai.provider.name=acme gen_ai.request.model=m-1 \
                 gen_ai.operation.name=chat";
    assert_eq!(
        told,
        [
            (model.to_owned(), 1),
            (format!("{model} error.type=out-of-fuel"), 1)
        ]
    );
}

#[tokio::test]
async fn an_interval_brings_sums_that_grow() {
    for protocol in BOTH {
        let receiver = Receiver::start(spoken(protocol), &[]).await;
        let mut config = config(&receiver.endpoint, protocol);
        config.interval = Duration::from_millis(5);
        let (counted, _otlp) = started(config);
        let flow = counted.flow("default", "poem");
        let name = "lockgate.node.fuel";
        for calls in 1..4 {
            flow.call(CALL);
            counted.collect(calls);
            let counts = |requests: &[ExportMetricsServiceRequest]| {
                let metrics = metrics(requests, name).into_iter();
                metrics
                    .map(|metric| histogram(metric)[0].count)
                    .collect::<Vec<_>>()
            };
            receiver
                .until(|state| counts(&state.metrics).last() == Some(&calls))
                .await;
            assert!(counts(&receiver.state().metrics).is_sorted());
        }
        let state = receiver.state();
        let starts = metrics(&state.metrics, name).into_iter();
        let mut starts = starts.map(|metric| histogram(metric)[0].start_time_unix_nano);
        assert!(starts.all(|start| u128::from(start) == START.as_nanos()));
    }
}

#[tokio::test]
async fn many_series_come_in_requests_that_receivers_read() {
    let protocol = BOTH[0];
    let receiver = Receiver::start(spoken(protocol), &[]).await;
    let (counted, _otlp) = started(config(&receiver.endpoint, protocol));
    for number in 0..450 {
        let flow = counted.flow("default", &format!("flow-{number}"));
        // Every octave there is.
        for exponent in 0..60 {
            flow.call(Call {
                took: Duration::from_nanos(1 << exponent),
                fuel: 1 << exponent,
                memory_bytes: 1 << exponent,
            });
        }
    }
    counted.collect(10);
    counted.close(LONG).await;
    let state = receiver.state();
    let largest = state
        .metrics
        .iter()
        .map(|request| request.encoded_len())
        .max();
    assert!(largest.expect("requests") < 4 << 20, "{largest:?}");
    let found = metrics(&state.metrics, "lockgate.node.fuel");
    assert_eq!(found.len(), 3);
    let mut names: Vec<_> = found
        .into_iter()
        .flat_map(histogram)
        .map(|point| shown(&point.attributes))
        .collect();
    names.dedup();
    assert_eq!(names.len(), 450);
}
