//! One entry of a report: a metric, its dimensions, a moment, and what was measured.
//!
//! Belongs here: everything that CMS asks of an entry. It is checked when a datum is made, so that none is refused for its form.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::is_metric_name;
use crate::signature::encode;
use crate::{Dimensions, MetricName, NameError, Period, Statistic};

/// The moments that have 13 digits in milliseconds, which is what CMS reads: from 2001 to 2286.
const TIMES_MS: std::ops::RangeInclusive<u64> = 1_000_000_000_000..=9_999_999_999_999;

/// The longest query of a single entry of this crate's making is far below; what is read from a file is held against it.
pub(crate) const MAX_DATUM_BYTES: usize = 12 * 1024;

/// One entry of a report. Its time is a part of it: however often it is sent, it is about the same moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Datum {
    group: u64,
    name: String,
    /// JSON, and so are the values: what was rendered once is sent as it is, also after it lay on disk.
    dimensions: String,
    values: String,
    period: Option<Period>,
    time_ms: u64,
}

impl Datum {
    /// What was aggregated over a period that is over at `time_ms`, in milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// There is no statistic, one comes twice or is no finite number, or the time has not 13 digits.
    pub fn aggregated(
        name: MetricName,
        dimensions: Dimensions,
        period: Period,
        statistics: impl IntoIterator<Item = (Statistic, f64)>,
        time_ms: u64,
    ) -> Result<Self, DatumError> {
        let mut values = BTreeMap::new();
        for (statistic, value) in statistics {
            if values.insert(statistic.name(), finite(value)?).is_some() {
                return Err(DatumError::StatisticTwice(statistic));
            }
        }
        if values.is_empty() {
            return Err(DatumError::NoStatistic);
        }
        let values = serde_json::json!(values).to_string();
        Self::of(&name, &dimensions, values, Some(period), time_ms)
    }

    /// A single value as it is. CMS charges for these.
    ///
    /// # Errors
    ///
    /// The value is no finite number, or the time has not 13 digits.
    pub fn raw(
        name: MetricName,
        dimensions: Dimensions,
        value: f64,
        time_ms: u64,
    ) -> Result<Self, DatumError> {
        let values = serde_json::json!({ "value": finite(value)? }).to_string();
        Self::of(&name, &dimensions, values, None, time_ms)
    }

    fn of(
        name: &MetricName,
        dimensions: &Dimensions,
        values: String,
        period: Option<Period>,
        time_ms: u64,
    ) -> Result<Self, DatumError> {
        if !TIMES_MS.contains(&time_ms) {
            return Err(DatumError::Time(time_ms));
        }
        Ok(Self {
            group: 0,
            name: name.as_str().to_owned(),
            dimensions: dimensions.json(),
            values,
            period,
            time_ms,
        })
    }

    /// The same in an application group. Without one, the group is 0: none.
    #[must_use]
    pub fn in_group(mut self, group: u64) -> Self {
        self.group = group;
        self
    }

    /// The moment that it is about, in milliseconds since 1970.
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// Its parameters as number `index` of a request, from 1.
    pub fn parameters(&self, index: usize) -> impl Iterator<Item = (String, String)> {
        let kind = if self.period.is_some() { "1" } else { "0" };
        let period = self
            .period
            .map(|period| ("Period", period.seconds().to_string()));
        [
            ("GroupId", self.group.to_string()),
            ("MetricName", self.name.clone()),
            ("Dimensions", self.dimensions.clone()),
            ("Type", kind.to_owned()),
            ("Values", self.values.clone()),
            ("Time", self.time_ms.to_string()),
        ]
        .into_iter()
        .chain(period)
        .map(move |(field, value)| (format!("MetricList.{index}.{field}"), value))
    }

    /// How much of a query it takes at most.
    pub(crate) fn query_bytes(&self) -> usize {
        // No index of a batch is longer than that.
        let parameters = self.parameters(99);
        parameters
            .map(|(name, value)| name.len() + encode(&value).len() + 2)
            .sum()
    }

    /// Whether it may be one of this crate's making. What is on disk was checked when it was made, and is checked once more.
    pub(crate) fn is_sound(&self) -> bool {
        let texts: Result<BTreeMap<String, String>, _> = serde_json::from_str(&self.dimensions);
        let values: Result<BTreeMap<String, f64>, _> = serde_json::from_str(&self.values);
        is_metric_name(&self.name)
            && TIMES_MS.contains(&self.time_ms)
            && texts.is_ok()
            && values.is_ok_and(|values| !values.is_empty())
            && self.query_bytes() <= MAX_DATUM_BYTES
    }
}

/// Its name and its dimensions: which series it is of.
impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.dimensions)
    }
}

fn finite(value: f64) -> Result<f64, DatumError> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(DatumError::NotFinite)
    }
}

/// Why something is no datum.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DatumError {
    /// CMS would change a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Two dimensions of one key.
    #[error("there are two dimensions {0:?}")]
    DimensionTwice(String),
    /// Too many dimensions.
    #[error("a datum has at most {} dimensions", crate::MAX_DIMENSIONS)]
    TooManyDimensions,
    /// No statistic.
    #[error("an aggregated datum has at least one statistic")]
    NoStatistic,
    /// The same statistic twice.
    #[error("the statistic {} comes twice", .0.name())]
    StatisticTwice(Statistic),
    /// Not a number, or an infinite one.
    #[error("a value has to be a finite number")]
    NotFinite,
    /// A time that CMS would not read.
    #[error("the time {0} has not the 13 digits of milliseconds since 1970")]
    Time(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME_MS: u64 = 1_763_730_000_000;

    fn name() -> MetricName {
        MetricName::mangled("latency")
    }

    #[test]
    fn an_entry_is_what_cms_asks_for() {
        let dimensions = Dimensions::new().with("flow", "poem").expect("kept");
        let statistics = [(Statistic::Sum, 1.5), (Statistic::P99, 2.0)];
        let datum = Datum::aggregated(name(), dimensions, Period::Minute, statistics, TIME_MS)
            .expect("a datum")
            .in_group(7);
        let parameters: BTreeMap<_, _> = datum.parameters(3).collect();
        let expected = [
            ("MetricList.3.GroupId", "7"),
            ("MetricList.3.MetricName", "latency"),
            ("MetricList.3.Dimensions", r#"{"flow":"poem"}"#),
            ("MetricList.3.Type", "1"),
            ("MetricList.3.Values", r#"{"P99":2.0,"Sum":1.5}"#),
            ("MetricList.3.Period", "60"),
            ("MetricList.3.Time", "1763730000000"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parameters, expected.into());

        let raw = Datum::raw(name(), Dimensions::new(), 0.25, TIME_MS).expect("a datum");
        let parameters: BTreeMap<_, _> = raw.parameters(1).collect();
        assert_eq!(parameters["MetricList.1.Values"], r#"{"value":0.25}"#);
        assert_eq!(parameters["MetricList.1.Type"], "0");
        assert!(!parameters.contains_key("MetricList.1.Period"));
    }

    #[test]
    fn what_cms_would_refuse_is_no_datum() {
        let with = |statistics: &[(Statistic, f64)], time_ms| {
            let statistics = statistics.iter().copied();
            Datum::aggregated(
                name(),
                Dimensions::new(),
                Period::Minute,
                statistics,
                time_ms,
            )
            .expect_err("refused")
        };
        let sum = Statistic::Sum;
        assert_eq!(with(&[], TIME_MS), DatumError::NoStatistic);
        assert_eq!(with(&[(sum, f64::NAN)], TIME_MS), DatumError::NotFinite);
        assert_eq!(
            with(&[(sum, f64::INFINITY)], TIME_MS),
            DatumError::NotFinite
        );
        let twice = [(sum, 1.0), (sum, 1.0)];
        assert_eq!(with(&twice, TIME_MS), DatumError::StatisticTwice(sum));
        for time_ms in [0, 999_999_999_999, 10_000_000_000_000] {
            assert_eq!(with(&[(sum, 1.0)], time_ms), DatumError::Time(time_ms));
        }
    }

    #[test]
    fn dimensions_are_at_most_ten_that_cms_keeps() {
        let mut dimensions = Dimensions::new();
        for index in 0..10 {
            dimensions = dimensions.with(format!("k{index}"), "v").expect("room");
        }
        let eleventh = dimensions.clone().with("k10", "v");
        assert_eq!(eleventh, Err(DatumError::TooManyDimensions));
        let again = dimensions.with("k1", "v");
        assert_eq!(again, Err(DatumError::DimensionTwice("k1".to_owned())));
        for (key, value) in [("", "v"), ("k", ""), ("k=", "v"), ("k", "a&b"), ("k", "春")] {
            assert!(Dimensions::new().with(key, value).is_err(), "{key} {value}");
            assert!(Dimensions::new().with_mangled(key, value).is_ok());
        }
        let long = "a".repeat(65);
        assert!(Dimensions::new().with("k", long).is_err());
    }

    #[test]
    fn the_largest_datum_is_below_what_is_read() {
        let mut dimensions = Dimensions::new();
        for index in 0..10 {
            let key = format!("{}{index}", "\\".repeat(63));
            dimensions = dimensions.with(key, "\\".repeat(64)).expect("kept");
        }
        let statistics = Statistic::ALL.map(|statistic| (statistic, -1.797_693_134_862_315_7e308));
        let name = MetricName::mangled(&"a".repeat(64));
        let datum = Datum::aggregated(name, dimensions, Period::FiveMinutes, statistics, TIME_MS)
            .expect("a datum")
            .in_group(u64::MAX);
        assert!(datum.is_sound(), "{}", datum.query_bytes());
    }
}
