//! A file, read with all of its faults at once.

use std::collections::BTreeMap;
use std::time::Duration;

use lockgate_model::{Kebab, escaped};
use reqwest::Url;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::{
    AlertsConfig, CmsConfig, LogConfig, MAX_BYTES, MAX_RECEIVERS, MAX_RULES, ReceiverConfig,
    RuleConfig,
};
use crate::alerts::condition::{Condition, Measure};
use crate::alerts::grammar::NoCondition;
use crate::alerts::message::Logstore;
use crate::alerts::quantity::Unit;
use crate::alerts::rule::Rule;

/// How many faults are told.
const MOST_FAULTS: usize = 100;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);

/// The longest silence.
const LONGEST_SILENCE: Duration = Duration::from_secs(30 * 24 * 3600);

const KEYS: &str = "`utc_offset`, `public_url`, `logstore`, `receivers`, `cms` and `rules`";

pub(super) fn parse(file: &str, text: &str) -> Result<AlertsConfig, Vec<String>> {
    if text.len() > MAX_BYTES {
        return Err(vec![format!("{file}: it has more than {MAX_BYTES} bytes")]);
    }
    let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
    let mut reading = Reading {
        file,
        ends: ends.map(|(at, _)| at).collect(),
        faults: Vec::new(),
        more: 0,
    };
    let config = match DeTable::parse(text) {
        Ok(table) => reading.document(table.get_ref()),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            reading.fault(at, error.message());
            AlertsConfig::default()
        }
    };
    if reading.faults.is_empty() {
        return Ok(config);
    }
    reading.faults.sort_by_key(|(at, _)| *at);
    let more = (reading.more > 0).then(|| format!("{file}: and {} faults more", reading.more));
    let faults = reading.faults.into_iter().map(|(_, fault)| fault);
    Err(faults.chain(more).collect())
}

struct Reading<'t> {
    file: &'t str,
    /// Where its lines end.
    ends: Vec<usize>,
    /// Each with its place.
    faults: Vec<(usize, String)>,
    /// How many there are besides, which nobody reads.
    more: usize,
}

type Value<'t> = Spanned<DeValue<'t>>;

impl Reading<'_> {
    fn document(&mut self, table: &DeTable<'_>) -> AlertsConfig {
        let mut config = AlertsConfig::default();
        let mut rules = None;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "utc_offset" => config.rules.utc_offset = self.utc_offset(value),
                "public_url" => config.rules.links.public_url = self.public_url(value),
                "logstore" => {
                    config.rules.links.logstore = self.logstore(value);
                }
                "receivers" => config.receivers = self.receivers(value),
                "cms" => config.cms = self.read::<CmsConfig>(value).unwrap_or_default(),
                "rules" => rules = Some(value),
                other => {
                    let fault = format!("there is no key `{}`: there are {KEYS}", escaped(other));
                    self.fault(key.span().start, &fault);
                }
            }
        }
        if config.receivers.is_empty()
            && let Ok(name) = "log".parse()
        {
            let log = ReceiverConfig::Log(LogConfig::default());
            config.receivers.insert(name, log);
        }
        if let Some(rules) = rules {
            config.rules.rules = self.rules(rules, &config.receivers);
        }
        config
    }

    fn utc_offset(&mut self, value: &Value<'_>) -> i32 {
        let text = self.read::<String>(value).unwrap_or_default();
        let offset = offset(&text);
        if offset.is_none() {
            self.fault(value.span().start, "`utc_offset` is written as `+08:00`");
        }
        offset.unwrap_or_default()
    }

    fn public_url(&mut self, value: &Value<'_>) -> Option<Url> {
        let text = self.read::<String>(value)?;
        let url = Url::parse(&text).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        if url.is_none() {
            let fault =
                "`public_url` is how this host is reached, such as `https://flows.example.com`";
            self.fault(value.span().start, fault);
        }
        url
    }

    fn logstore(&mut self, value: &Value<'_>) -> Option<Logstore> {
        let logstore = self.read::<Logstore>(value)?;
        if logstore.project.is_empty() || logstore.logstore.is_empty() {
            self.fault(
                value.span().start,
                "`logstore` needs `project` and `logstore`",
            );
        }
        Some(logstore)
    }

    fn receivers(&mut self, value: &Value<'_>) -> BTreeMap<Kebab, ReceiverConfig> {
        let mut receivers = BTreeMap::new();
        let DeValue::Table(table) = value.get_ref() else {
            self.fault(
                value.span().start,
                "write a table for each receiver: `[receivers.NAME]`",
            );
            return receivers;
        };
        if table.len() > MAX_RECEIVERS {
            let fault = format!("there are more than {MAX_RECEIVERS} receivers");
            self.fault(value.span().start, &fault);
            return receivers;
        }
        for (name, value) in table {
            let at = name.span().start;
            match name.get_ref().parse::<Kebab>() {
                Ok(name) => {
                    let read =
                        self.read_in::<ReceiverConfig>(value, at, &format!("receiver `{name}`: "));
                    receivers.extend(read.map(|read| (name, read)));
                }
                Err(error) => self.fault(at, &format!("a receiver's name: {error}")),
            }
        }
        receivers
    }

    fn rules(
        &mut self,
        value: &Value<'_>,
        receivers: &BTreeMap<Kebab, ReceiverConfig>,
    ) -> Vec<Rule> {
        let DeValue::Array(tables) = value.get_ref() else {
            self.fault(
                value.span().start,
                "write a table for each rule: `[[rules]]`",
            );
            return Vec::new();
        };
        if tables.len() > MAX_RULES {
            let fault = format!("there are more than {MAX_RULES} rules");
            self.fault(value.span().start, &fault);
            return Vec::new();
        }
        let mut rules: Vec<Rule> = Vec::new();
        for table in tables.iter() {
            let Some(rule) = self.rule(table, receivers) else {
                continue;
            };
            if rules.iter().any(|other| other.name == rule.name) {
                let at = place(table, "name");
                let fault = format!("rule `{}`: there is another rule of that name", rule.name);
                self.fault(at, &fault);
            }
            rules.push(rule);
        }
        rules
    }

    /// A rule, if nothing is wrong with it.
    fn rule(
        &mut self,
        table: &Value<'_>,
        receivers: &BTreeMap<Kebab, ReceiverConfig>,
    ) -> Option<Rule> {
        let called = called(table);
        let config = self.read_in::<RuleConfig>(table, table.span().start, &called)?;
        let before = self.count();
        let mut fault = |key: &str, what: String| {
            let at = place(table, key);
            self.fault(at, &format!("{called}`{key}`: {what}"));
        };
        let name = config.name.parse::<Kebab>();
        let name = name.map_err(|error| fault("name", error.to_string())).ok();
        let project = config
            .project
            .as_deref()
            .unwrap_or("default")
            .parse::<Kebab>();
        let project = project
            .map_err(|error| fault("project", error.to_string()))
            .ok();
        let when = config.when.parse::<Condition>();
        let when = when
            .map_err(|NoCondition { column, message }| {
                fault("when", format!("at its column {column}: {message}"));
            })
            .ok();
        let mut time = |key: &str, text: &Option<String>, default, least, most| {
            let Some(text) = text else {
                return default;
            };
            let read = humantime::parse_duration(text).ok();
            read.filter(|time| (least..=most).contains(time))
                .unwrap_or_else(|| {
                    let [least, most] = [least, most].map(humantime::format_duration);
                    fault(
                        key,
                        format!("a time from {least} to {most}, such as `30 min`"),
                    );
                    default
                })
        };
        let holds_for = time(
            "holds_for",
            &config.holds_for,
            Duration::ZERO,
            Duration::ZERO,
            DAY,
        );
        let silence = time("silence", &config.silence, HOUR, MINUTE, LONGEST_SILENCE);
        if let Some(when) = &when {
            check(when, &config, &mut fault);
        }
        let mut tell = Vec::new();
        match &config.tell {
            None => tell.extend(receivers.keys().cloned()),
            Some(names) => {
                for name in names {
                    match receivers.get_key_value(name.as_str()) {
                        Some((name, _)) if tell.contains(name) => {}
                        Some((name, _)) => tell.push(name.clone()),
                        None => {
                            let known: Vec<_> = receivers.keys().map(Kebab::as_str).collect();
                            let (name, known) = (escaped(name), known.join("`, `"));
                            fault(
                                "tell",
                                format!("there is no receiver `{name}`: there are `{known}`"),
                            );
                        }
                    }
                }
            }
        }
        if tell.is_empty() && self.count() == before {
            let at = place(table, "tell");
            self.fault(
                at,
                &format!("{called}`tell`: name a receiver, or leave it out to tell all"),
            );
        }
        if self.count() > before {
            return None;
        }
        Some(Rule {
            name: name?,
            project: project?,
            when: when?,
            holds_for,
            at_least: config.at_least.unwrap_or(1),
            budget: config.budget,
            severity: config.severity,
            tell,
            silence,
        })
    }

    fn read<'de, T: Deserialize<'de>>(&mut self, value: &Value<'de>) -> Option<T> {
        self.read_in(value, value.span().start, "")
    }

    /// Reads a value. Where a fault has no place of its own, it is at `at`.
    fn read_in<'de, T: Deserialize<'de>>(
        &mut self,
        value: &Value<'de>,
        at: usize,
        of: &str,
    ) -> Option<T> {
        let read = T::deserialize(ValueDeserializer::from(value.clone()));
        let fault = |error: toml::de::Error| {
            let at = error.span().map_or(at, |span| span.start);
            self.fault(at, &format!("{of}{}", error.message().trim()));
        };
        read.map_err(fault).ok()
    }

    fn count(&self) -> usize {
        self.faults.len() + self.more
    }

    fn fault(&mut self, at: usize, message: &str) {
        if self.faults.len() >= MOST_FAULTS {
            self.more += 1;
            return;
        }
        let line = self.ends.partition_point(|end| *end < at) + 1;
        let fault = format!("{}:{line}: {message}", self.file);
        self.faults.push((at, fault));
    }
}

/// What else a condition asks of its rule, and what makes no sense beside it.
fn check(when: &Condition, config: &RuleConfig, fault: &mut impl FnMut(&str, String)) {
    let of_budget =
        matches!(when, Condition::TokensOfDay { bound, .. } if bound.unit == Unit::Share);
    match config.budget {
        None if of_budget => fault(
            "when",
            "it speaks of a budget: give `budget`, in tokens a day".to_owned(),
        ),
        Some(_) if !of_budget => fault(
            "budget",
            "the condition does not speak of it: leave it out".to_owned(),
        ),
        Some(0) => fault("budget", "tokens a day, from 1".to_owned()),
        _ => {}
    }
    if when.is_of_runs() && config.holds_for.is_some() {
        let what = "runs in a row are told as the last of them ends: ask for more runs instead";
        fault("holds_for", what.to_owned());
    }
    let is_of_many = matches!(
        when,
        Condition::Measured { measure, .. } if !matches!(measure, Measure::Sum(_))
    );
    match config.at_least {
        Some(0) => fault("at_least", "how many runs or calls, from 1".to_owned()),
        Some(_) if !is_of_many => {
            fault(
                "at_least",
                "it is for rates and statistics: leave it out".to_owned(),
            );
        }
        _ => {}
    }
}

/// How faults call a rule.
fn called(table: &Value<'_>) -> String {
    let name = match table.get_ref() {
        DeValue::Table(table) => table.get("name").map(Spanned::get_ref),
        _ => None,
    };
    match name {
        Some(DeValue::String(name)) => {
            let short: String = name.chars().take(64).collect();
            format!("rule `{}`: ", escaped(&short))
        }
        _ => "a rule without a name: ".to_owned(),
    }
}

/// Where a key of a table stands; or the table, if it is not there.
fn place(table: &Value<'_>, key: &str) -> usize {
    let of_key = match table.get_ref() {
        DeValue::Table(inner) => inner
            .iter()
            .find(|(name, _)| name.get_ref().as_ref() == key),
        _ => None,
    };
    of_key.map_or(table.span().start, |(name, _)| name.span().start)
}

/// `+08:00` in minutes.
fn offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str, most: i32| {
        let is_two = text.len() == 2 && text.bytes().all(|c| c.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|&number: &i32| is_two && number <= most)
    };
    Some(sign * (number(hours, 14)? * 60 + number(minutes, 59)?))
}
