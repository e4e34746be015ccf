//! The entries of a report, `MetricList.1.` and on, each held against the documentation.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::http::{Reply, said};

/// The API's page says 21, the one about limits 100.
const MAX_ENTRIES: usize = 21;

const STATISTICS: [&str; 21] = [
    "Average",
    "Maximum",
    "Minimum",
    "Sum",
    "LastValue",
    "SampleCount",
    "SumPerSecond",
    "CountPerSecond",
    "P10",
    "P20",
    "P30",
    "P40",
    "P50",
    "P60",
    "P70",
    "P75",
    "P80",
    "P90",
    "P95",
    "P98",
    "P99",
];

const FIELDS: [&str; 7] = [
    "GroupId",
    "MetricName",
    "Dimensions",
    "Type",
    "Values",
    "Period",
    "Time",
];

/// One entry of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The application group. 0 is none.
    pub group: u64,
    /// The metric.
    pub name: String,
    /// Its dimensions.
    pub dimensions: BTreeMap<String, String>,
    /// What was measured.
    pub values: BTreeMap<String, f64>,
    /// Of aggregated ones: 60 or 300.
    pub period: Option<u64>,
    /// The moment, in milliseconds since 1970.
    pub time_ms: u64,
}

/// The entries among a report's own parameters.
pub(super) fn read(parameters: BTreeMap<String, String>) -> Result<Vec<Entry>, Reply> {
    let mut numbered: BTreeMap<usize, BTreeMap<String, String>> = BTreeMap::new();
    for (name, value) in parameters {
        let (number, field) = numbered_field(&name)
            .ok_or_else(|| said(400, "InvalidParameter", &format!("{name} is not known")))?;
        numbered
            .entry(number)
            .or_default()
            .insert(field.to_owned(), value);
    }
    if numbered.is_empty() {
        return Err(said(400, "MissingMetricList", "it is mandatory"));
    }
    if !numbered.keys().copied().eq(1..=numbered.len()) {
        return Err(bad("MetricList is not numbered from 1 without gaps"));
    }
    if numbered.len() > MAX_ENTRIES {
        return Err(bad("more than 21 entries"));
    }
    numbered.into_values().map(entry).collect()
}

/// `MetricList.N.Field`. A number has one form only: `01` would be a second name for the first.
fn numbered_field(name: &str) -> Option<(usize, &str)> {
    let (number, field) = name.strip_prefix("MetricList.")?.split_once('.')?;
    let parsed: usize = number.parse().ok()?;
    (parsed.to_string() == number && FIELDS.contains(&field)).then_some((parsed, field))
}

fn entry(fields: BTreeMap<String, String>) -> Result<Entry, Reply> {
    let need = |name: &str| {
        let field = fields.get(name).filter(|value| !value.is_empty());
        field.ok_or_else(|| bad(&format!("{name} is mandatory")))
    };
    let group = need("GroupId")?.parse();
    let name = need("MetricName")?;
    if !is_metric_name(name) {
        return Err(bad(
            "a metric's name is not [A-Za-z][A-Za-z0-9_]* of 64 bytes",
        ));
    }
    let period = fields.get("Period").map(String::as_str);
    let (period, known): (_, &[&str]) = match (need("Type")?.as_str(), period) {
        ("0", None) => (None, &["value"]),
        ("1", Some("60")) => (Some(60), &STATISTICS),
        ("1", Some("300")) => (Some(300), &STATISTICS),
        ("0" | "1", _) => return Err(bad("period is invalid")),
        _ => return Err(said(200, "206", "type is invalid")),
    };
    Ok(Entry {
        group: group.map_err(|_| bad("GroupId is no number"))?,
        name: name.clone(),
        dimensions: dimensions(need("Dimensions")?)?,
        values: values(need("Values")?, known)?,
        period,
        time_ms: time_ms(need("Time")?)?,
    })
}

fn dimensions(text: &str) -> Result<BTreeMap<String, String>, Reply> {
    let mut dimensions = BTreeMap::new();
    for (key, value) in object(text)? {
        let Value::String(value) = value else {
            return Err(bad("a dimension is no string"));
        };
        if !is_text(&key) || !is_text(&value) {
            return Err(bad("a dimension would be changed"));
        }
        dimensions.insert(key, value);
    }
    if dimensions.len() > 10 {
        return Err(bad("more than 10 dimensions"));
    }
    Ok(dimensions)
}

fn values(text: &str, known: &[&str]) -> Result<BTreeMap<String, f64>, Reply> {
    let mut values = BTreeMap::new();
    for (name, value) in object(text)? {
        let number = value.as_f64().filter(|number| number.is_finite());
        match number {
            Some(number) if known.contains(&name.as_str()) => values.insert(name, number),
            _ => return Err(bad("a value is not known, or no number")),
        };
    }
    if values.is_empty() {
        return Err(bad("there is no value"));
    }
    Ok(values)
}

/// A JSON object. Serde takes the last of two of one name, so their number is compared with that of the colons that can be one.
fn object(text: &str) -> Result<Map<String, Value>, Reply> {
    let object: Map<String, Value> =
        serde_json::from_str(text).map_err(|_| bad("it is no JSON object"))?;
    // Nothing that is taken has a quote, a colon or a brace in it.
    if text.matches(':').count() != object.len() {
        return Err(bad("a name comes twice"));
    }
    Ok(object)
}

fn time_ms(text: &str) -> Result<u64, Reply> {
    let digits = text.len() == 13 && text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = digits.then(|| text.parse().ok()).flatten();
    parsed.ok_or_else(|| bad("the time has not 13 digits"))
}

fn is_metric_name(name: &str) -> bool {
    let rest = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let first = name.chars().next();
    name.len() <= 64
        && first.is_some_and(|first| first.is_ascii_alphabetic())
        && name.chars().all(rest)
}

fn is_text(text: &str) -> bool {
    let kept =
        |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-' | '/' | '\\');
    (1..=64).contains(&text.chars().count()) && text.chars().all(kept)
}

/// As CMS refuses what it read: HTTP says 200.
fn bad(message: &str) -> Reply {
    said(200, "400", message)
}
