//! Sums and sketches as OTLP's data points.
//!
//! A [`Sketch`] has OpenTelemetry's own buckets, so none of its counts has to move. Durations are counted in ticks, `2^30` of them
//! a second: that is 240 buckets of scale 3, by which their indices are lower in seconds.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Metric,
    NumberDataPoint, Sum,
};

use crate::histogram::{SCALE, Sketch};
use crate::series::TICKS_LOG2;

const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

/// What a histogram's values are counted in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    /// Ticks, told as seconds.
    Seconds,
    /// Whole numbers, told as they are.
    Numbers(&'static str),
}

/// From when to when something was counted, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period {
    pub(super) from: u64,
    pub(super) to: u64,
}

/// A metric that is filled point by point.
#[derive(Debug)]
pub(super) struct Histograms(
    &'static str,
    &'static str,
    Unit,
    Vec<ExponentialHistogramDataPoint>,
);

/// A metric that is filled point by point.
#[derive(Debug)]
pub(super) struct Counters(
    &'static str,
    &'static str,
    &'static str,
    Vec<NumberDataPoint>,
);

impl Unit {
    /// The binary logarithm of how many of what is counted are one of what is told.
    fn log2(self) -> u32 {
        match self {
            Self::Seconds => TICKS_LOG2,
            Self::Numbers(_) => 0,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Numbers(name) => name,
        }
    }
}

impl Histograms {
    pub(super) fn new(name: &'static str, description: &'static str, unit: Unit) -> Self {
        Self(name, description, unit, Vec::new())
    }

    /// Adds a point, if anything was counted.
    pub(super) fn add(&mut self, attributes: Vec<KeyValue>, period: Period, sketch: &Sketch) {
        if sketch.is_empty() {
            return;
        }
        let log2 = self.2.log2();
        let told = |value: u64| Some(value as f64 / f64::from(log2).exp2());
        self.3.push(ExponentialHistogramDataPoint {
            attributes,
            start_time_unix_nano: period.from,
            time_unix_nano: period.to,
            count: sketch.count(),
            sum: told(sketch.sum()),
            scale: SCALE,
            zero_count: sketch.zeros(),
            positive: Some(buckets(sketch, log2.cast_signed() << SCALE)),
            // They are of all that was counted since the point's start, which is what cumulative means.
            min: told(sketch.min()),
            max: told(sketch.max()),
            ..ExponentialHistogramDataPoint::default()
        });
    }

    /// The metric, if it has points.
    pub(super) fn end(self) -> Option<(Metric, u64)> {
        let Self(name, description, unit, data_points) = self;
        let count = data_points.len() as u64;
        let data = Data::ExponentialHistogram(ExponentialHistogram {
            data_points,
            aggregation_temporality: CUMULATIVE,
        });
        (count > 0).then(|| (metric(name, description, unit.name(), data), count))
    }
}

/// Contiguous counts, from the first bucket that has values to the last one.
fn buckets(sketch: &Sketch, lower: i32) -> Buckets {
    let mut all = sketch.buckets().peekable();
    let first = all.peek().map_or(0, |one| one.0);
    let mut bucket_counts = Vec::new();
    for (index, count) in all {
        let before = usize::try_from(index - first).unwrap_or_default();
        bucket_counts.resize(before, 0);
        bucket_counts.push(count);
    }
    Buckets {
        offset: first - lower,
        bucket_counts,
    }
}

impl Counters {
    pub(super) fn new(name: &'static str, description: &'static str, unit: &'static str) -> Self {
        Self(name, description, unit, Vec::new())
    }

    /// Adds a point, if anything was counted.
    pub(super) fn add(&mut self, attributes: Vec<KeyValue>, period: Period, count: u64) {
        if count > 0 {
            let value = Value::AsInt(i64::try_from(count).unwrap_or(i64::MAX));
            self.3.push(point(attributes, period, value));
        }
    }

    /// The metric, if it has points.
    pub(super) fn end(self) -> Option<(Metric, u64)> {
        let Self(name, description, unit, data_points) = self;
        let count = data_points.len() as u64;
        let data = Data::Sum(Sum {
            data_points,
            aggregation_temporality: CUMULATIVE,
            is_monotonic: true,
        });
        (count > 0).then(|| (metric(name, description, unit, data), count))
    }
}

/// What is at this moment.
pub(super) fn gauge(
    name: &'static str,
    description: &'static str,
    unit: &'static str,
    period: Period,
    value: Value,
) -> (Metric, u64) {
    let data = Data::Gauge(Gauge {
        data_points: vec![point(Vec::new(), period, value)],
    });
    (metric(name, description, unit, data), 1)
}

fn point(attributes: Vec<KeyValue>, period: Period, value: Value) -> NumberDataPoint {
    NumberDataPoint {
        attributes,
        start_time_unix_nano: period.from,
        time_unix_nano: period.to,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn metric(name: &str, description: &str, unit: &str, data: Data) -> Metric {
    Metric {
        name: name.into(),
        description: description.into(),
        unit: unit.into(),
        data: Some(data),
        ..Metric::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::TICKS_PER_SECOND;

    proptest! {
        #[test]
        fn every_value_is_between_the_bounds_of_the_bucket_that_counts_it(
            ticks in prop::collection::vec(prop_oneof![Just(0), 1_u64..1 << 50], 1..50),
        ) {
            let mut sketch = Sketch::new();
            ticks.iter().for_each(|&ticks| sketch.record(ticks));
            let buckets = buckets(&sketch, 30 << SCALE);
            let zeros = ticks.iter().filter(|&&ticks| ticks == 0).count() as u64;
            prop_assert_eq!(buckets.bucket_counts.iter().sum::<u64>() + zeros, ticks.len() as u64);
            // As OTLP defines them: base^(offset + i) < value ≤ base^(offset + i + 1), base = 2^(2^-scale).
            for (at, &count) in buckets.bucket_counts.iter().enumerate() {
                let bound = |index: i32| (f64::from(index) / 8.0).exp2();
                let index = buckets.offset + i32::try_from(at).expect("few");
                let (low, high) = (bound(index) * (1.0 - 1e-9), bound(index + 1) * (1.0 + 1e-9));
                let within = ticks.iter().filter(|&&ticks| {
                    let seconds = ticks as f64 / TICKS_PER_SECOND as f64;
                    low < seconds && seconds <= high
                });
                prop_assert!(within.count() as u64 >= count, "{low} {high}");
            }
        }
    }

    #[test]
    fn a_second_is_the_last_of_the_bucket_below_it() {
        let mut sketch = Sketch::new();
        sketch.record(TICKS_PER_SECOND);
        sketch.record(2 * TICKS_PER_SECOND);
        let buckets = buckets(&sketch, 30 << SCALE);
        assert_eq!(buckets.offset, -1);
        assert_eq!(buckets.bucket_counts, [1, 0, 0, 0, 0, 0, 0, 0, 1]);
    }
}
