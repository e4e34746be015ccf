//! What is said of a rule that fires: what was measured where, what it was held against, when, and where to look.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::condition::{Condition, RunTest};
use super::evaluate::Event;
use super::machine::Change;
use super::moment::Moment;
use super::rule::{Rule, Severity};

/// One message, before a receiver gives it its form. As JSON, it is what webhooks are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// What happened: `fired`, `again`, `over`, `forgotten` or `withdrawn`.
    pub change: Change,
    /// The rule's name.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// The rule's condition, as a sentence.
    pub condition: String,
    /// The project.
    pub project: String,
    /// The flow, where the condition is about one.
    pub flow: Option<String>,
    /// The flow's version, where the condition is about one.
    pub version: Option<u32>,
    /// The node, where the condition is about one.
    pub node: Option<String>,
    /// What numbers are of: `seconds`, `share` or `count`.
    pub unit: String,
    /// The last value.
    pub value: f64,
    /// The value that was farthest beyond the threshold.
    pub worst: f64,
    /// What values are held against.
    pub threshold: f64,
    /// The same three, for people.
    pub told: ToldNumbers,
    /// From when on the condition held.
    pub since: Moment,
    /// When this happened.
    pub at: Moment,
    /// Times that the rule began to fire before, within its silence time, without anybody being told.
    pub muted: u32,
    /// The last runs behind it, the newest first; at most 5.
    pub runs: Vec<Uuid>,
    /// Where to look.
    pub links: NoticeLinks,
}

/// Numbers with their units, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldNumbers {
    /// The last value.
    pub value: String,
    /// The worst value.
    pub worst: String,
    /// The threshold.
    pub threshold: String,
}

/// Where to look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeLinks {
    /// The runs of that time, on this host.
    pub runs: Option<String>,
    /// The log of that time, in SLS.
    pub logs: Option<String>,
}

/// What links begin with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// How this host is reached.
    pub public_url: Option<Url>,
    /// The logstore that has its log.
    pub logstore: Option<Logstore>,
}

/// A logstore of SLS, in which `flow` and `node` are fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logstore {
    /// The project that it is in.
    pub project: String,
    /// Its name.
    pub logstore: String,
}

impl Notice {
    /// What is said of an event.
    pub fn new(event: &Event, links: &Links) -> Self {
        let (rule, told) = (&event.rule, &event.told);
        let subject = rule.when.subject();
        let text = |name: &dyn AsRef<str>| name.as_ref().to_owned();
        let unit = rule.unit();
        let threshold = threshold(rule);
        Self {
            change: told.change,
            rule: rule.name.to_string(),
            severity: rule.severity,
            condition: rule.when.to_string(),
            project: rule.project.to_string(),
            flow: subject.and_then(|one| one.flow()).map(|flow| text(flow)),
            version: subject.and_then(|one| one.version()),
            node: subject.and_then(|one| one.node()).map(|node| text(node)),
            unit: unit.word().to_owned(),
            value: told.value,
            worst: told.worst,
            threshold,
            told: ToldNumbers {
                value: unit.told(told.value),
                worst: unit.told(told.worst),
                threshold: unit.told(threshold),
            },
            since: told.since,
            at: event.at,
            muted: told.muted,
            runs: event.runs.clone(),
            links: links.of(event),
        }
    }

    /// It in one line, such as `poem-slow: 3 runs in a row of flow poem over 5 s: 6.2 s`.
    pub fn line(&self) -> String {
        let Self {
            rule, condition, ..
        } = self;
        let (value, worst) = (&self.told.value, &self.told.worst);
        match self.change {
            Change::Fired => format!("{rule}: {condition}: {value}"),
            Change::Again => format!(
                "{rule}: {condition}: still {value} (worst {worst}, since {})",
                self.since
            ),
            Change::Over => format!(
                "{rule}: over: {condition}: {value} now (worst {worst}, since {})",
                self.since
            ),
            Change::Withdrawn => format!(
                "{rule}: looked at no more: {condition}: the rule was changed or taken out (worst {worst}, since {})",
                self.since
            ),
            Change::Forgotten => format!(
                "{rule}: taken to be over: {condition}: nothing more was seen for a day (worst {worst}, since {})",
                self.since
            ),
        }
    }

    /// The addresses of the runs behind it, on this host.
    pub fn run_links(&self) -> impl Iterator<Item = String> {
        let list = self.links.runs.as_deref();
        let base = list
            .and_then(|list| list.split_once('?'))
            .map(|(base, _)| base);
        let links = |base| self.runs.iter().map(move |run| format!("{base}/{run}"));
        base.into_iter().flat_map(links)
    }
}

fn threshold(rule: &Rule) -> f64 {
    match rule.when {
        // As many runs as are needed, not more.
        Condition::InARow {
            count,
            test: RunTest::NotOk | RunTest::Ended(_),
            ..
        } => f64::from(count),
        _ => rule.bound(),
    }
}

impl Links {
    /// Links to what an event is about: from the beginning of what its first value was of.
    fn of(&self, event: &Event) -> NoticeLinks {
        let from = event.told.since.before(event.rule.when.window().time());
        let span = from..event.at;
        NoticeLinks {
            runs: self.runs(&event.rule, &span),
            logs: self.logs(&event.rule, &span),
        }
    }

    fn runs(&self, rule: &Rule, span: &Range<Moment>) -> Option<String> {
        let mut url = self.public_url.clone()?;
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .extend(["api", "v1", "runs"]);
        url.set_fragment(None);
        {
            let mut query = url.query_pairs_mut();
            query.clear();
            if let Some(flow) = rule.when.subject().and_then(|one| one.flow()) {
                query.append_pair("flow", flow.as_str());
            }
            query.append_pair("since", &span.start.to_string());
            query.append_pair("until", &Moment::of_ms(span.end.ms() + 1).to_string());
        }
        Some(url.into())
    }

    fn logs(&self, rule: &Rule, span: &Range<Moment>) -> Option<String> {
        let Logstore { project, logstore } = self.logstore.as_ref()?;
        let mut url = Url::parse("https://sls.console.aliyun.com/").ok()?;
        url.path_segments_mut().ok()?.pop_if_empty().extend([
            "lognext",
            "project",
            project,
            "logsearch",
            logstore,
        ]);
        let subject = rule.when.subject();
        let flow = subject.and_then(|one| one.flow());
        let node = subject.and_then(|one| one.node());
        let parts = flow.map(|flow| format!("flow: {flow}"));
        let parts = parts
            .into_iter()
            .chain(node.map(|node| format!("node: {node}")));
        let query: Vec<_> = parts.collect();
        let query = match query.as_slice() {
            [] => "*".to_owned(),
            parts => parts.join(" and "),
        };
        let (start, end) = (span.start.ms() / 1000, span.end.ms().div_ceil(1000));
        url.query_pairs_mut()
            .append_pair("encode", "base64")
            .append_pair("queryString", &STANDARD.encode(query))
            .append_pair("queryTimeType", "99")
            .append_pair("startTime", &start.to_string())
            .append_pair("endTime", &end.to_string());
        Some(url.into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::alerts::machine::Told;
    use crate::alerts::tests::rule;

    fn event(when: &str) -> Event {
        Event {
            rule: Arc::new(rule("slow", when)),
            at: Moment::of_ms(1_800_000_300_000),
            told: Told {
                change: Change::Fired,
                since: Moment::of_ms(1_800_000_000_000),
                value: 6.2,
                worst: 7.0,
                muted: 0,
            },
            runs: vec![Uuid::from_u128(7)],
        }
    }

    fn links() -> Links {
        Links {
            public_url: Url::parse("https://flows.example.com/base/").ok(),
            logstore: Some(Logstore {
                project: "my/p".to_owned(),
                logstore: "l?x".to_owned(),
            }),
        }
    }

    #[test]
    fn links_lead_to_the_same_span_of_time() {
        let event = event("P99 of node poem/write over 5 s for 5 min");
        let notice = Notice::new(&event, &links());
        assert_eq!(
            notice.links.runs.as_deref(),
            Some(
                "https://flows.example.com/base/api/v1/runs?flow=poem&since=2027-01-15T07%3A55%3A00Z\
                 &until=2027-01-15T08%3A05%3A00.001Z"
            )
        );
        let query = STANDARD
            .encode("flow: poem and node: write")
            .replace('=', "%3D");
        let (start, end) = (1_800_000_000 - 300, 1_800_000_300);
        assert_eq!(
            notice.links.logs,
            Some(format!(
                "https://sls.console.aliyun.com/lognext/project/my%2Fp/logsearch/l%3Fx?encode=base64\
                 &queryString={query}&queryTimeType=99&startTime={start}&endTime={end}"
            ))
        );
        let runs: Vec<_> = notice.run_links().collect();
        let run = Uuid::from_u128(7);
        assert_eq!(
            runs,
            [format!("https://flows.example.com/base/api/v1/runs/{run}")]
        );
    }

    #[test]
    fn a_notice_says_what_where_and_against_what() {
        let event = event("3 runs in a row of flow poem over 5 s");
        let notice = Notice::new(&event, &Links::default());
        assert_eq!(
            notice.line(),
            "slow: 3 runs in a row of flow poem over 5 s: 6.2 s"
        );
        assert_eq!(notice.told.threshold, "5 s");
        assert_eq!(notice.flow.as_deref(), Some("poem"));
        assert_eq!(notice.links, NoticeLinks::default());
        assert_eq!(notice.run_links().count(), 0);
        let json = serde_json::to_string(&notice).expect("JSON");
        assert_eq!(serde_json::from_str::<Notice>(&json).expect("read"), notice);
    }
}
