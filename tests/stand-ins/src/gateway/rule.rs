//! Alarm rules.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::http::{Reply, said};

const REQUIRED: [&str; 9] = [
    "RuleId",
    "MetricName",
    "Resources",
    "Statistics",
    "ComparisonOperator",
    "Threshold",
    "EvaluationCount",
    "Level",
    "ContactGroups",
];

const OPTIONAL: [&str; 7] = [
    "RuleName",
    "GroupId",
    "Webhook",
    "Period",
    "SilenceTime",
    "EffectiveInterval",
    "EmailSubject",
];

/// A rule that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCall {
    /// Its id.
    pub id: String,
    /// All that it says, by the parameters' names.
    pub parameters: BTreeMap<String, String>,
}

pub(super) fn read(parameters: BTreeMap<String, String>) -> Result<RuleCall, Reply> {
    for name in REQUIRED {
        if parameters.get(name).is_none_or(String::is_empty) {
            return Err(said(400, &format!("Missing{name}"), "it is mandatory"));
        }
    }
    let is_known =
        |name: &&String| REQUIRED.contains(&name.as_str()) || OPTIONAL.contains(&name.as_str());
    if !parameters.keys().all(|name| is_known(&name)) {
        return Err(bad("a parameter is not known"));
    }
    if !is_about_series(&parameters["Resources"]) {
        return Err(bad(
            "Resources is not [{groupId, dimension}] with sorted keys",
        ));
    }
    let operators = [">=", ">", "<=", "<", "=", "!="];
    if !operators.contains(&parameters["ComparisonOperator"].as_str()) {
        return Err(bad("ComparisonOperator is not known"));
    }
    if !["CRITICAL", "WARN", "INFO"].contains(&parameters["Level"].as_str()) {
        return Err(bad("Level is not known"));
    }
    let threshold: Result<f64, _> = parameters["Threshold"].parse();
    let count: Result<u32, _> = parameters["EvaluationCount"].parse();
    let period = parameters.get("Period").map(|period| period.parse::<u32>());
    let is_period =
        |period: &Result<u32, _>| period.as_ref().is_ok_and(|seconds| seconds % 60 == 0);
    if threshold.is_err() || count.is_err() || !period.as_ref().is_none_or(is_period) {
        return Err(bad(
            "Threshold, EvaluationCount or Period is no such number",
        ));
    }
    let id = parameters["RuleId"].clone();
    Ok(RuleCall { id, parameters })
}

fn is_about_series(resources: &str) -> bool {
    let parsed: Option<Vec<BTreeMap<String, Value>>> = serde_json::from_str(resources).ok();
    parsed.is_some_and(|resources| {
        resources.len() == 1
            && resources.iter().all(|resource| {
                let group = resource.get("groupId").is_some_and(Value::is_u64);
                let dimension = resource.get("dimension").and_then(Value::as_str);
                resource.len() == 2 && group && dimension.is_some_and(is_sorted)
            })
    })
}

fn is_sorted(dimension: &str) -> bool {
    let pairs = dimension.split('&').filter(|pair| !pair.is_empty());
    let keys: Option<Vec<_>> = pairs
        .map(|pair| pair.split_once('=').map(|pair| pair.0))
        .collect();
    keys.is_some_and(|keys| keys.is_sorted())
}

fn bad(message: &str) -> Reply {
    said(200, "400", message)
}
