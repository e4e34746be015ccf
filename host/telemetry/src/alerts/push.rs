//! Rules as alarm rules of CMS, which go on where this host cannot say anything.
//!
//! CMS compares one statistic of one series, over a minute or five, with a number. What is more than that stays here, and
//! [`Pushed::left`] says why.

use std::collections::BTreeMap;
use std::fmt;

use super::condition::{Condition, Measure, QueueMeasure, Statistic, Subject, Summed};
use super::config::CmsConfig;
use super::quantity::Comparison;
use super::rule::{Rule, Severity};

/// How metrics are called in CMS, and what tells this host's series from others'.
pub struct CmsNames<'a> {
    /// The name of an instrument such as `lockgate.node.duration`: by default `custom_lockgate_node_duration`.
    pub metric: &'a dyn Fn(&str) -> String,
    /// Dimensions that all series of this host have, such as `instance`.
    pub dimensions: BTreeMap<String, String>,
    /// What rules' ids begin with, so that two hosts' rules do not become one: by default `lockgate`.
    pub prefix: String,
    /// Whether CMS is sent single calls, which are series that no rule can name.
    pub is_raw: bool,
}

/// An alarm rule of CMS, as PutCustomMetricRule takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct CmsRule {
    /// The same for the same rule, so that pushing again changes it.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// The metric.
    pub metric: String,
    /// The one series that it is about.
    pub dimensions: BTreeMap<String, String>,
    /// `P99`, `Average`, `Maximum`, `Sum` or `SampleCount`.
    pub statistics: String,
    /// How values are compared.
    pub comparison: Comparison,
    /// With what: in the metric's unit, which is seconds where it is time.
    pub threshold: f64,
    /// How many periods in a row.
    pub evaluation_count: u32,
    /// Seconds: 60 or 300.
    pub period: u32,
    /// How bad it is.
    pub level: Severity,
    /// Who is told.
    pub contact_groups: Vec<String>,
    /// What is called, too.
    pub webhook: Option<String>,
    /// Seconds in which it is not told again.
    pub silence_time: u64,
}

/// What became of rules.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pushed {
    /// Those that CMS can have.
    pub rules: Vec<CmsRule>,
    /// What is not quite the same there: a rule's name, and a sentence.
    pub notes: Vec<(String, String)>,
    /// Those that stay here: a rule's name, and why.
    pub left: Vec<(String, String)>,
}

/// The percentiles that CMS is given, in thousandths.
const PERCENTILES: [u16; 4] = [500, 900, 950, 990];

/// What CMS may be silent for: from five minutes to a day.
const SILENCE: std::ops::RangeInclusive<u64> = 300..=86_400;

/// Makes rules of CMS of rules.
pub fn push(rules: &[Rule], names: &CmsNames<'_>, config: &CmsConfig) -> Pushed {
    let mut pushed = Pushed::default();
    for rule in rules {
        let name = rule.name.to_string();
        // What CMS cannot have it cannot have whoever is told.
        let made =
            of(rule, names, config).and_then(|made| match config.contact_groups.is_empty() {
                true => Err(NOBODY.to_owned()),
                false => Ok(made),
            });
        match made {
            Ok((made, notes)) => {
                pushed.rules.push(made);
                pushed
                    .notes
                    .extend(notes.into_iter().map(|note| (name.clone(), note)));
            }
            Err(why) => pushed.left.push((name, why)),
        }
    }
    pushed
}

/// Why a rule stays here that CMS could have.
const NOBODY: &str =
    "CMS wants somebody to tell: give `contact_groups` under `[cms]` in the file of rules";

/// What of a condition CMS is told.
struct Told<'r> {
    instrument: &'static str,
    statistics: String,
    subject: Option<&'r Subject>,
    /// Whether a longer window can be a row of shorter ones.
    may_split: bool,
}

fn of(
    rule: &Rule,
    names: &CmsNames<'_>,
    config: &CmsConfig,
) -> Result<(CmsRule, Vec<String>), String> {
    let told = told(&rule.when, names.is_raw)?;
    let mut notes = Vec::new();
    let (period, evaluation_count) = periods(rule, told.may_split, &mut notes)?;
    let is_queue = matches!(rule.when, Condition::Queue { .. });
    if is_queue {
        notes.push("in CMS it is the mean of each minute, here what is at its end".to_owned());
    } else if rule.when.comparison() == Comparison::Below {
        notes.push("CMS is told nothing of minutes in which nothing ran".to_owned());
    }
    if rule.at_least > 1 {
        notes.push(format!(
            "CMS does not ask for at least {} runs or calls",
            rule.at_least
        ));
    }
    let silence = rule.silence.as_secs();
    let silence_time = silence.clamp(*SILENCE.start(), *SILENCE.end());
    if silence != silence_time {
        notes.push(format!("CMS is silent for {silence_time} s"));
    }
    let mut dimensions = names.dimensions.clone();
    if let Some(subject) = told.subject {
        let version = subject.version().map(|version| version.to_string());
        let parts = [
            ("flow", subject.flow().map(ToString::to_string)),
            ("node", subject.node().map(ToString::to_string)),
            ("version", version),
        ];
        for (name, value) in parts {
            dimensions.extend(value.map(|value| (name.to_owned(), value)));
        }
        dimensions.insert("project".to_owned(), rule.project.to_string());
    }
    let made = CmsRule {
        // Names have no dots, so these are nobody else's.
        id: format!("{}.{}.{}", names.prefix, rule.project, rule.name),
        name: format!("{}: {}", rule.name, rule.when),
        metric: (names.metric)(told.instrument),
        dimensions,
        statistics: told.statistics,
        comparison: rule.when.comparison(),
        threshold: rule.bound(),
        evaluation_count,
        period,
        level: rule.severity,
        contact_groups: config.contact_groups.clone(),
        webhook: config.webhook.clone(),
        silence_time,
    };
    Ok((made, notes))
}

fn told(when: &Condition, is_raw: bool) -> Result<Told<'_>, String> {
    let no = |why: &str| Err(why.to_owned());
    if let Condition::Measured {
        measure,
        comparison,
        ..
    } = when
    {
        let is_sampled = matches!(
            measure,
            Measure::Time(_) | Measure::Fuel(_) | Measure::Sum(Summed::Runs | Summed::Fuel)
        );
        if *measure == Measure::Sum(Summed::Runs) && *comparison == Comparison::Below {
            return no(
                "CMS is told nothing of what does not run: only here is seen that it stopped",
            );
        }
        if is_raw && is_sampled {
            return no(
                "with `cms.mode = \"raw\"`, CMS has single calls of it, and no series that a rule can name",
            );
        }
    }
    match when {
        Condition::InARow { .. } => no("CMS knows minutes, not single runs"),
        Condition::TokensOfDay { .. } => {
            no("CMS looks at a minute or five, and does not add up a day")
        }
        Condition::Queue { measure, .. } => Ok(Told {
            instrument: match measure {
                QueueMeasure::Depth => "lockgate.queue.depth",
                QueueMeasure::Age => "lockgate.queue.age",
            },
            statistics: "Average".to_owned(),
            subject: None,
            may_split: true,
        }),
        Condition::Measured { measure, of, .. } => {
            let node = of.node().is_some();
            if node && of.version().is_some() {
                return no(
                    "in CMS, the series of a version of a node names its plugin: leave the version out",
                );
            }
            if *of == Subject::All {
                return no("CMS compares one series, and each flow has its own");
            }
            let (instrument, statistics) = match measure {
                Measure::Time(statistic) if node => {
                    ("lockgate.node.duration", self::statistic(*statistic)?)
                }
                Measure::Time(statistic) => {
                    ("lockgate.flow.duration", self::statistic(*statistic)?)
                }
                Measure::Fuel(statistic) => ("lockgate.node.fuel", self::statistic(*statistic)?),
                Measure::ErrorRate | Measure::TrapRate | Measure::RetryRate => {
                    return no("CMS compares one series, and a rate is made of two");
                }
                Measure::Sum(Summed::Errors) if node => ("lockgate.node.errors", "Sum".to_owned()),
                Measure::Sum(Summed::Errors) => ("lockgate.flow.errors", "Sum".to_owned()),
                Measure::Sum(Summed::Tokens) => {
                    return no("in CMS, tokens are counted by model, not by flow");
                }
                Measure::Sum(_) if !node && *measure != Measure::Sum(Summed::Runs) => {
                    return no("in CMS, it is counted of each node: write a rule for the node");
                }
                Measure::Sum(Summed::Runs) if node => {
                    ("lockgate.node.duration", "SampleCount".to_owned())
                }
                Measure::Sum(Summed::Runs) => ("lockgate.flow.duration", "SampleCount".to_owned()),
                Measure::Sum(Summed::Traps) => ("lockgate.node.trapped", "Sum".to_owned()),
                Measure::Sum(Summed::Retries) => ("lockgate.node.retries", "Sum".to_owned()),
                Measure::Sum(Summed::Fuel) => ("lockgate.node.fuel", "Sum".to_owned()),
            };
            Ok(Told {
                instrument,
                statistics,
                subject: Some(of),
                may_split: !matches!(measure, Measure::Sum(_)),
            })
        }
    }
}

fn statistic(statistic: Statistic) -> Result<String, String> {
    match statistic {
        Statistic::Percentile(thousandths) if !PERCENTILES.contains(&thousandths) => Err(format!(
            "CMS is given P50, P90, P95 and P99, and not {statistic}"
        )),
        Statistic::Percentile(_) => Ok(statistic.to_string()),
        Statistic::Average => Ok("Average".to_owned()),
        Statistic::Maximum => Ok("Maximum".to_owned()),
    }
}

/// A window as periods of CMS: how long, and how many.
fn periods(rule: &Rule, may_split: bool, notes: &mut Vec<String>) -> Result<(u32, u32), String> {
    let minutes = u32::from(rule.when.window().minutes());
    let holds_for = u32::try_from(rule.holds_for.as_secs()).unwrap_or(u32::MAX);
    if let Condition::Queue { .. } = rule.when {
        // Each of its minutes has to be so, here and there.
        return Ok((60, minutes.saturating_add(holds_for.div_ceil(60))));
    }
    let (period, windows) = match minutes {
        1 => (60, 1),
        5 => (300, 1),
        _ if !may_split => {
            return Err(format!(
                "CMS adds up a minute or five, and not {}",
                rule.when.window()
            ));
        }
        many if many % 5 == 0 => (300, many / 5),
        many => (60, many),
    };
    if windows > 1 {
        notes.push(format!(
            "in CMS each of {windows} periods of {period} s has to be so, here the whole window is one"
        ));
    }
    Ok((period, windows + holds_for.div_ceil(period)))
}

impl CmsRule {
    /// The series as PutCustomMetricRule's `Resources` has it: `k1=v1&k2=v2`, sorted.
    pub fn dimension(&self) -> String {
        let pairs = self
            .dimensions
            .iter()
            .map(|(key, value)| format!("{key}={value}"));
        let pairs: Vec<_> = pairs.collect();
        pairs.join("&")
    }
}

/// A line that says all of it, for a trial.
impl fmt::Display for CmsRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comparison = match self.comparison {
            Comparison::Over => ">",
            Comparison::Below => "<",
        };
        write!(
            f,
            "{}: {} of {} {{{}}} {comparison} {}, {} times in {} s, {}, tells {}",
            self.id,
            self.statistics,
            self.metric,
            self.dimension(),
            self.threshold,
            self.evaluation_count,
            self.period,
            self.level.word(),
            self.contact_groups.join(", "),
        )
    }
}

#[cfg(test)]
mod tests;
