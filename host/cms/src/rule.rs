//! An alarm rule about a custom metric.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::json;

use crate::{Dimensions, MetricName, Period, Statistic};

/// The longest id, name, contact group and webhook, in bytes. CMS's own bounds are not published.
const MAX_BYTES: usize = 1024;

/// When CMS tells whom. Make one with [`Rule::new`] and set the fields that are to differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    id: String,
    metric: MetricName,
    statistic: Statistic,
    comparison: Comparison,
    threshold: f64,
    contact_groups: Vec<String>,
    /// A name for people. None at first.
    pub name: Option<String>,
    /// The application group of the data. 0, none, at first.
    pub group: u64,
    /// The one series that it is about. Without dimensions at first.
    pub dimensions: Dimensions,
    /// How many periods in a row have to be so. 1 at first.
    pub evaluations: u32,
    /// How bad it is. A warning at first.
    pub level: Level,
    /// Which data are looked at. Those of a minute at first.
    pub period: Period,
    /// For how many seconds it is not told again. A day at first.
    pub silence_seconds: u32,
    /// What is called, too. None at first.
    pub webhook: Option<String>,
}

/// How a value is compared with the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    AtLeast,
    Above,
    AtMost,
    Below,
    Equal,
    NotEqual,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are CMS's, and say it")]
pub enum Level {
    Critical,
    Warn,
    Info,
}

impl Rule {
    /// A rule, known by its id: a statistic of a metric, compared with a threshold, and the contact groups that are told.
    ///
    /// # Errors
    ///
    /// The id is empty or too long, there is no contact group, one has a comma in it, or the threshold is no finite number.
    pub fn new(
        id: impl Into<String>,
        metric: MetricName,
        statistic: Statistic,
        comparison: Comparison,
        threshold: f64,
        contact_groups: Vec<String>,
    ) -> Result<Self, RuleError> {
        let id = id.into();
        if !is_text(&id) {
            return Err(RuleError::Text("its id"));
        }
        let named = |group: &String| is_text(group) && !group.contains(',');
        if contact_groups.is_empty() || !contact_groups.iter().all(named) {
            return Err(RuleError::Text("each of its contact groups"));
        }
        if !threshold.is_finite() {
            return Err(RuleError::Threshold);
        }
        Ok(Self {
            id,
            metric,
            statistic,
            comparison,
            threshold,
            contact_groups,
            name: None,
            group: 0,
            dimensions: Dimensions::new(),
            evaluations: 1,
            level: Level::Warn,
            period: Period::Minute,
            silence_seconds: 86_400,
            webhook: None,
        })
    }

    pub(crate) fn parameters(&self) -> BTreeMap<String, String> {
        let resources = json!([{ "groupId": self.group, "dimension": self.dimensions.joined() }]);
        let optional = [("RuleName", &self.name), ("Webhook", &self.webhook)];
        let optional = optional
            .into_iter()
            .filter_map(|(name, value)| value.clone().map(|value| (name, value)));
        [
            ("RuleId", self.id.clone()),
            ("GroupId", self.group.to_string()),
            ("MetricName", self.metric.to_string()),
            ("Resources", resources.to_string()),
            ("Statistics", self.statistic.name().to_owned()),
            ("ComparisonOperator", self.comparison.to_string()),
            ("Threshold", self.threshold.to_string()),
            ("EvaluationCount", self.evaluations.to_string()),
            ("Level", self.level.to_string()),
            ("ContactGroups", self.contact_groups.join(",")),
            ("Period", self.period.seconds().to_string()),
            ("SilenceTime", self.silence_seconds.to_string()),
        ]
        .into_iter()
        .chain(optional)
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtLeast => ">=",
            Self::Above => ">",
            Self::AtMost => "<=",
            Self::Below => "<",
            Self::Equal => "=",
            Self::NotEqual => "!=",
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Critical => "CRITICAL",
            Self::Warn => "WARN",
            Self::Info => "INFO",
        })
    }
}

fn is_text(text: &str) -> bool {
    (1..=MAX_BYTES).contains(&text.len()) && !text.contains(char::is_control)
}

/// Why something is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// A text is missing, too long, or has characters that it may not have.
    #[error(
        "{0} has to have 1 to {MAX_BYTES} bytes, without control characters or, in a group, commas"
    )]
    Text(&'static str),
    /// No finite threshold.
    #[error("a threshold has to be a finite number")]
    Threshold,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &str, threshold: f64, groups: &[&str]) -> Result<Rule, RuleError> {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        let metric = MetricName::mangled("latency");
        let above = Comparison::AtLeast;
        Rule::new(id, metric, Statistic::Average, above, threshold, groups)
    }

    #[test]
    fn the_series_is_named_with_sorted_keys() {
        let mut rule = rule("slow", 5.0, &["ops", "运维"]).expect("a rule");
        rule.dimensions = Dimensions::new()
            .with("node", "n")
            .and_then(|dimensions| dimensions.with("flow", "f"))
            .expect("kept");
        let parameters = rule.parameters();
        assert_eq!(
            parameters["Resources"],
            r#"[{"dimension":"flow=f&node=n","groupId":0}]"#
        );
        assert_eq!(parameters["ContactGroups"], "ops,运维");
        assert_eq!(parameters["ComparisonOperator"], ">=");
        assert_eq!(parameters["Threshold"], "5");
        assert!(!parameters.contains_key("Webhook"));
    }

    #[test]
    fn what_could_not_be_read_is_no_rule() {
        assert!(rule("", 5.0, &["ops"]).is_err());
        assert!(rule("id", f64::NAN, &["ops"]).is_err());
        assert!(rule("id", 5.0, &[]).is_err());
        assert!(rule("id", 5.0, &["a,b"]).is_err());
        assert!(rule(&"a".repeat(2_000), 5.0, &["ops"]).is_err());
    }
}
