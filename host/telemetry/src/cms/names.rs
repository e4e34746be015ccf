//! The names of metrics in CMS, made from the operator's pattern once, and all different.

use std::collections::BTreeMap;

use lockgate_cms::MetricName;

/// What the pattern is where the operator sets none: category, application, component, metric.
pub const NAME_PATTERN: &str = "custom/lockgate/{component}/{metric}";

/// Every metric that is reported, by component.
const METRICS: [(&str, &[&str]); 6] = [
    (
        "flow",
        &[
            "duration",
            "errors",
            "ok",
            "rejected",
            "failed",
            "trapped",
            "denied",
            "cancelled",
        ],
    ),
    (
        "node",
        &[
            "duration",
            "errors",
            "ok",
            "rejected",
            "failed",
            "trapped",
            "denied",
            "cancelled",
            "fuel",
            "memory",
            "retries",
            "cache_hits",
            "input_tokens",
            "output_tokens",
        ],
    ),
    ("model", &["duration", "input_tokens", "output_tokens"]),
    ("queue", &["depth", "age"]),
    ("sandbox", &["active"]),
    ("telemetry", &["dropped", "check"]),
];

/// The names of all metrics.
#[derive(Debug, Clone)]
pub struct MetricNames(BTreeMap<(&'static str, &'static str), MetricName>);

/// Why a pattern makes no names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It has a placeholder that means nothing.
    #[error("`{{{0}}}` is no placeholder: there are `{{component}}` and `{{metric}}`")]
    Placeholder(String),
    /// A brace opens and does not close, or the other way round.
    #[error("a brace is not closed, or not opened")]
    Brace,
    /// Two metrics would have one name.
    #[error("`{0}` and `{1}` would both be called `{2}`: use `{{component}}` and `{{metric}}`")]
    Same(String, String, String),
    /// CMS does not take a name that it makes.
    #[error("it makes `{0}`, and CMS takes a letter and then at most 63 letters, digits and `_`")]
    Name(String),
}

impl MetricNames {
    /// The names that a pattern makes. `/`, `.`, `-` and `:` become `_`.
    ///
    /// # Errors
    ///
    /// It has another placeholder, makes a name that CMS would change, or one name twice.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        let mut names = BTreeMap::new();
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        let all = METRICS.into_iter().flat_map(|(component, metrics)| {
            metrics.iter().map(move |metric| (component, *metric))
        });
        for (component, metric) in all {
            let text = filled(pattern, component, metric)?.replace(['/', '.', '-', ':'], "_");
            let shown = format!("{component}/{metric}");
            if let Some(other) = taken.insert(text.clone(), shown.clone()) {
                return Err(PatternError::Same(other, shown, text));
            }
            let name = MetricName::new(text.clone()).map_err(|_| PatternError::Name(text))?;
            names.insert((component, metric), name);
        }
        Ok(Self(names))
    }

    /// The name of one of the metrics.
    pub fn get(&self, component: &str, metric: &str) -> Option<&MetricName> {
        let found =
            |((of, name), _): &(&(&str, &str), &MetricName)| *of == component && *name == metric;
        self.0.iter().find(found).map(|(_, name)| name)
    }
}

fn filled(pattern: &str, component: &str, metric: &str) -> Result<String, PatternError> {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let (placeholder, behind) = after.split_once('}').ok_or(PatternError::Brace)?;
        text.push_str(before);
        text.push_str(match placeholder {
            "component" => component,
            "metric" => metric,
            other => return Err(PatternError::Placeholder(other.to_owned())),
        });
        rest = behind;
    }
    text.push_str(rest);
    if text.contains('}') {
        return Err(PatternError::Brace);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_that_is_there_makes_the_names_that_people_know() {
        let names = MetricNames::new(NAME_PATTERN).expect("names");
        let name = names.get("node", "duration").expect("a name");
        assert_eq!(name.as_str(), "custom_lockgate_node_duration");
        let names = MetricNames::new("ai.{component}-{metric}").expect("names");
        let name = names.get("queue", "age").expect("a name");
        assert_eq!(name.as_str(), "ai_queue_age");
    }

    #[test]
    fn patterns_that_lose_or_break_names_are_refused() {
        let refused = |pattern| MetricNames::new(pattern).expect_err("a fault").to_string();
        for (pattern, why) in [
            ("custom/{metric}", "both be called"),
            ("custom", "both be called"),
            (
                "custom_{component}_{metrics}",
                "`{metrics}` is no placeholder",
            ),
            ("custom_{component}_{metric", "a brace"),
            ("custom_{component}_{metric}}", "a brace"),
            ("1_{component}_{metric}", "CMS takes a letter"),
            ("春_{component}_{metric}", "CMS takes a letter"),
            (
                &format!("{}_{{component}}_{{metric}}", "x".repeat(60)),
                "CMS takes a letter",
            ),
        ] {
            let refused = refused(pattern);
            assert!(refused.contains(why), "{pattern}: {refused}");
        }
    }
}
