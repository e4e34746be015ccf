//! Rules over the past: when each would have fired, and what would have been told.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::condition::Condition;
use super::evaluate::{Event, Watch};
use super::machine::{Change, Phase};
use super::moment::{Minute, Moment};
use super::past::{Minutes, Past, PastError, RunEnded};
use super::rule::Rule;
use crate::Gauges;

/// How much of the past is in memory at once.
const STEP_MINUTES: u64 = 24 * 60;

/// How many runs of a step are looked at.
const MOST_RUNS: usize = 100_000;

/// The longest span that is looked at, in minutes.
pub const LONGEST_MINUTES: u64 = 31 * 24 * 60;

/// What rules would have done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The beginning of what was looked at.
    pub from: Moment,
    /// Its end.
    pub to: Moment,
    /// By rule, in their order.
    pub rules: Vec<Finding>,
}

/// What one rule would have done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Its name.
    pub rule: String,
    /// Its condition.
    pub condition: String,
    /// When it would have fired.
    pub firings: Vec<Firing>,
    /// Whether there were more runs in a day than are looked at, so that firings may be missing.
    pub cut: bool,
}

/// A time in which a rule fires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Firing {
    /// From when on its condition held.
    pub since: Moment,
    /// When it began to fire: after it held for long enough.
    pub fired: Moment,
    /// When it was over; None where it goes on.
    pub until: Option<Moment>,
    /// The value that was farthest beyond the bound.
    pub worst: f64,
    /// The same, for people.
    pub worst_told: String,
    /// What would have been told. Nothing, where it was within the silence time.
    pub messages: Vec<Message>,
}

/// Something that would have been told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// When.
    pub at: Moment,
    /// What.
    pub change: Change,
    /// The value, for people.
    pub value: String,
    /// The last runs behind it, the newest first.
    pub runs: Vec<Uuid>,
}

/// Runs rules over a span of the past. What is before the span is remembered, so that the first minutes are judged as they
/// would have been.
///
/// # Errors
///
/// The past cannot be read.
pub async fn check(
    rules: &[Rule],
    utc_offset: i32,
    past: &dyn Past,
    span: Range<Moment>,
) -> Result<Report, PastError> {
    let (from, to) = (span.start.minute(), span.end.minute());
    let from = from.max(to.before(LONGEST_MINUTES));
    let mut findings = Vec::with_capacity(rules.len());
    for rule in rules {
        let checked = Box::pin(one(rule, utc_offset, past, from..to, span.end)).await?;
        findings.push(checked);
    }
    Ok(Report {
        from: from.start(),
        to: span.end,
        rules: findings,
    })
}

/// Rules do not know of each other, so each is looked at by itself: so little is in memory. Minutes are looked at that are
/// over; runs until `end`, which is in the minute after them.
async fn one(
    rule: &Rule,
    utc_offset: i32,
    past: &dyn Past,
    span: Range<Minute>,
    end: Moment,
) -> Result<Finding, PastError> {
    let mut watched = Watched::new(rule);
    let lead = match rule.when {
        Condition::InARow { .. } => STEP_MINUTES,
        _ => rule.when.window().minutes().into(),
    };
    let mut cut = false;
    let lead = span.start.before(lead)..span.start;
    let last = span.end..span.end;
    let parts = steps(span).chain([last]).map(|part| (part, false));
    for (part, is_lead) in std::iter::once((lead, true)).chain(parts) {
        let until = if part.is_empty() {
            end
        } else {
            part.end.start()
        };
        let piece = Box::pin(Piece::read(rule, past, part, until)).await?;
        cut |= piece.runs.len() == MOST_RUNS;
        // Apart, because a day of minutes may take long enough to hold up what else this thread serves.
        let fed = tokio::task::spawn_blocking(move || {
            if is_lead {
                piece.feed(|fed| watched.watch.fed(fed, utc_offset, None));
            } else {
                piece.feed(|fed| watched.take(fed, utc_offset));
            }
            watched
        });
        watched = fed.await.map_err(|error| PastError(error.to_string()))?;
    }
    Ok(Finding {
        rule: rule.name.to_string(),
        condition: rule.when.to_string(),
        firings: watched.firings,
        cut,
    })
}

fn steps(span: Range<Minute>) -> impl Iterator<Item = Range<Minute>> {
    let mut from = span.start;
    std::iter::from_fn(move || {
        let part = from..Minute(from.0.saturating_add(STEP_MINUTES)).min(span.end);
        from = part.end;
        (!part.is_empty()).then_some(part)
    })
}

/// A part of the past of one rule.
pub(super) struct Piece {
    // Runs may go on beyond it.
    span: Range<Minute>,
    minutes: Minutes,
    gauges: std::collections::BTreeMap<Minute, Gauges>,
    runs: VecDeque<RunEnded>,
}

/// What a rule is given.
pub(super) enum Fed<'p> {
    Run(&'p RunEnded),
    Minute(Minute, Option<&'p Gauges>, Option<&'p crate::NodeCounts>),
}

impl Piece {
    pub(super) async fn read(
        rule: &Rule,
        past: &dyn Past,
        span: Range<Minute>,
        runs_until: Moment,
    ) -> Result<Self, PastError> {
        let series = rule.series();
        let minutes = match &series {
            Some(series) if !rule.when.is_of_runs() => past.minutes(series, span.clone()).await?,
            _ => Minutes::new(),
        };
        let runs = match &series {
            Some(series) => {
                let flow = series.subject.flow();
                let moments = span.start.start()..runs_until;
                let most = if rule.when.is_of_runs() {
                    MOST_RUNS
                } else {
                    MOST_RUNS / 10
                };
                past.runs(&series.project, flow, moments, most).await?
            }
            None => Vec::new(),
        };
        Ok(Self {
            gauges: past.gauges(span.clone()).await?,
            span,
            minutes,
            runs: runs.into(),
        })
    }

    /// In the order of time: runs before the end of the minute that they are in.
    pub(super) fn feed(mut self, mut take: impl FnMut(Fed<'_>)) {
        let (mut at, end) = (self.span.start, self.span.end);
        while at < end {
            while let Some(run) = self.runs.pop_front_if(|run| run.at < at.end()) {
                take(Fed::Run(&run));
            }
            take(Fed::Minute(at, self.gauges.get(&at), self.minutes.get(&at)));
            at = at.next();
        }
        self.runs.iter().for_each(|run| take(Fed::Run(run)));
    }
}

/// A rule, and what it did so far.
struct Watched {
    watch: Watch,
    is_firing: bool,
    firings: Vec<Firing>,
}

impl Watched {
    fn new(rule: &Rule) -> Self {
        Self {
            watch: Watch::new(rule.clone()),
            is_firing: false,
            firings: Vec::new(),
        }
    }

    fn take(&mut self, fed: Fed<'_>, utc_offset: i32) {
        let at = match &fed {
            Fed::Run(run) => run.at,
            Fed::Minute(minute, ..) => minute.end(),
        };
        let mut events = Vec::new();
        self.watch.fed(fed, utc_offset, Some(&mut events));
        self.changed(at, &events);
    }

    fn changed(&mut self, at: Moment, events: &[Event]) {
        let unit = self.watch.rule.unit();
        if let Phase::Firing { since, worst, .. } = self.watch.machine.phase() {
            if !std::mem::replace(&mut self.is_firing, true) {
                self.firings.push(Firing {
                    since,
                    fired: at,
                    until: None,
                    worst,
                    worst_told: String::new(),
                    messages: Vec::new(),
                });
            }
            if let Some(firing) = self.firings.last_mut() {
                firing.worst = worst;
                firing.worst_told = unit.told(worst);
            }
        } else if std::mem::replace(&mut self.is_firing, false)
            && let Some(firing) = self.firings.last_mut()
        {
            firing.until = Some(at);
        }
        if let Some(firing) = self.firings.last_mut() {
            for event in events {
                firing.messages.push(Message {
                    at: event.at,
                    change: event.told.change,
                    value: unit.told(event.told.value),
                    runs: event.runs.clone(),
                });
            }
        }
    }
}

/// A timeline: a paragraph for each rule, a line for each time that it would have fired.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "from {} to {}", self.from, self.to)?;
        for finding in &self.rules {
            finding.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}: {}", self.rule, self.condition)?;
        if self.cut {
            writeln!(
                f,
                "  of days with more than {MOST_RUNS} runs, only the last were looked at"
            )?;
        }
        if self.firings.is_empty() {
            writeln!(f, "  would not have fired")?;
        }
        self.firings.iter().try_for_each(|firing| firing.fmt(f))
    }
}

impl fmt::Display for Firing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}", self.fired)?;
        match self.until {
            Some(until) => {
                let took = std::time::Duration::from_secs(until.since(self.fired).as_secs());
                write!(f, "  for {}", humantime::format_duration(took))?;
            }
            None => write!(f, "  goes on")?,
        }
        write!(f, ", worst {}; ", self.worst_told)?;
        match self.messages.as_slice() {
            [] => write!(f, "not told: within the silence time")?,
            messages => {
                let words = messages.iter().map(|message| match message.change {
                    Change::Fired => format!("told at {} ({})", message.at, message.value),
                    Change::Again => format!("again at {}", message.at),
                    Change::Over => "told to be over".to_owned(),
                    Change::Forgotten => "taken to be over".to_owned(),
                });
                let words: Vec<_> = words.collect();
                write!(f, "{}", words.join(", "))?;
            }
        }
        writeln!(f)?;
        let named = self.messages.iter().map(|message| &message.runs);
        let named = named.into_iter().find(|runs| !runs.is_empty());
        for run in named.into_iter().flatten() {
            writeln!(f, "    run {run}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u64) -> Moment {
        Minute(30_000_000 + minute).start()
    }

    fn message(minute: u64, change: Change) -> Message {
        Message {
            at: at(minute),
            change,
            value: "6.2 s".to_owned(),
            runs: vec![Uuid::from_u128(7)],
        }
    }

    #[test]
    fn a_report_is_a_timeline() {
        let firing = Firing {
            since: at(1),
            fired: at(2),
            until: Some(at(7)),
            worst: 7.5,
            worst_told: "7.5 s".to_owned(),
            messages: vec![
                message(2, Change::Fired),
                message(5, Change::Again),
                message(7, Change::Over),
            ],
        };
        let muted = Firing {
            until: None,
            fired: at(9),
            messages: Vec::new(),
            ..firing.clone()
        };
        let finding = |rule: &str, firings| Finding {
            rule: rule.to_owned(),
            condition: "P99 of flow poem over 5 s for 5 min".to_owned(),
            firings,
            cut: false,
        };
        let report = Report {
            from: at(0),
            to: at(10),
            rules: vec![
                finding("slow", vec![firing, muted]),
                finding("never", Vec::new()),
            ],
        };
        assert_eq!(
            report.to_string(),
            "from 2027-01-15T08:00:00Z to 2027-01-15T08:10:00Z

slow: P99 of flow poem over 5 s for 5 min
  2027-01-15T08:02:00Z  for 5m, worst 7.5 s; told at 2027-01-15T08:02:00Z (6.2 s), again at 2027-01-15T08:05:00Z, told to be over
    run 00000000-0000-0000-0000-000000000007
  2027-01-15T08:09:00Z  goes on, worst 7.5 s; not told: within the silence time

never: P99 of flow poem over 5 s for 5 min
  would not have fired
"
        );
    }

    #[test]
    fn a_span_is_looked_at_day_by_day() {
        let days: Vec<_> = steps(Minute(10)..Minute(10 + 2 * STEP_MINUTES + 5)).collect();
        assert_eq!(days.len(), 3);
        assert!(days.windows(2).all(|days| days[0].end == days[1].start));
        assert_eq!(
            (days[0].start, days[2].end),
            (Minute(10), Minute(15 + 2 * STEP_MINUTES))
        );
        assert_eq!(steps(Minute(3)..Minute(3)).count(), 0);
        assert_eq!(steps(Minute(4)..Minute(3)).count(), 0);
    }
}
