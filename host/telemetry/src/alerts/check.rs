//! Rules over the past: when each would have fired, and what would have been told.

mod report;

use std::ops::Range;

use super::condition::Condition;
use super::evaluate::{Event, Watch};
use super::machine::Phase;
use super::moment::{Minute, Moment};
use super::past::{KnownSince, Past, PastError};
use super::replay::{Fed, Part};
use super::rule::Rule;

pub use report::{Finding, Firing, Message, Report};

/// How much of the past is in memory at once.
const STEP_MINUTES: u64 = 24 * 60;

/// The longest span that is looked at, in minutes.
pub const LONGEST_MINUTES: u64 = 31 * 24 * 60;

/// How many firings of a rule are told. More are counted: somebody else's rules may fire each minute of a month.
const MOST_FIRINGS: usize = 200;

/// How many messages of a rule are told, in all its firings. More are counted.
const MOST_MESSAGES: usize = 400;

/// Runs rules over a span of the past. What is before the span is remembered, so that the first minutes are judged as they
/// would have been. Where the past begins later, rules are looked at from there on, and the report says so.
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
    let known = past.known_since().await?;
    let mut findings: Vec<_> = rules.iter().map(|_| None).collect();
    for (index, rule) in rules.iter().enumerate() {
        if findings.get(index).is_some_and(Option::is_some) {
            continue; // with another of its project
        }
        let own = rules.iter().enumerate();
        let own = own.filter(|(_, one)| one.project == rule.project);
        let (places, own): (Vec<_>, Vec<_>) = own.unzip();
        let checked = project(&own, utc_offset, past, known, from..to, span.end);
        for (place, finding) in places.into_iter().zip(Box::pin(checked).await?) {
            if let Some(empty) = findings.get_mut(place) {
                *empty = Some(finding);
            }
        }
    }
    Ok(Report {
        from: from.start(),
        to: span.end,
        rules: findings.into_iter().flatten().collect(),
    })
}

/// Looks at the rules of a project together, day by day, so that the runs of a day are read once. Minutes are looked at that
/// are over; runs until `end`, which is in the minute after them.
async fn project(
    rules: &[&Rule],
    utc_offset: i32,
    past: &dyn Past,
    known: KnownSince,
    span: Range<Minute>,
    end: Moment,
) -> Result<Vec<Finding>, PastError> {
    let watched = rules.iter();
    let watched = watched.map(|rule| Watched::new(rule, known, span.start.start(), end));
    let mut all: Vec<_> = watched.collect();
    let lead = span.start.before(STEP_MINUTES)..span.start;
    let last = span.end..span.end;
    let parts = steps(span).chain([last]).map(|part| (part, false));
    for (part, is_lead) in std::iter::once((lead, true)).chain(parts) {
        let until = if part.is_empty() {
            end
        } else {
            part.end.start()
        };
        let part = Box::pin(Part::read(rules, past, known, part, until)).await?;
        let mut fed = Vec::with_capacity(all.len());
        for mut watched in all {
            let rule = watched.watch.rule.clone();
            watched.cut |= !is_lead && rule.when.is_of_runs() && !part.has_all_runs();
            let piece = Box::pin(part.of(&rule, past, watched.first)).await?;
            // Apart, because a day of minutes may take long enough to hold up what else this thread serves.
            let feeding = tokio::task::spawn_blocking(move || {
                piece.feed(|fed| watched.take(fed, utc_offset));
                watched
            });
            fed.push(
                feeding
                    .await
                    .map_err(|error| PastError(error.to_string()))?,
            );
        }
        all = fed;
    }
    Ok(all.into_iter().map(Watched::found).collect())
}

fn steps(span: Range<Minute>) -> impl Iterator<Item = Range<Minute>> {
    let mut from = span.start;
    std::iter::from_fn(move || {
        let part = from..Minute(from.0.saturating_add(STEP_MINUTES)).min(span.end);
        from = part.end;
        (!part.is_empty()).then_some(part)
    })
}

/// A rule, and what it did so far.
struct Watched {
    watch: Watch,
    /// The first minute that it remembers.
    first: Minute,
    /// From when on it is judged.
    from: Moment,
    is_firing: bool,
    firings: Vec<Firing>,
    more: u64,
    messages: usize,
    cut: bool,
}

impl Watched {
    fn new(rule: &Rule, known: KnownSince, asked: Moment, end: Moment) -> Self {
        let (known, lead) = match rule.when {
            Condition::InARow { .. } => (known.runs.unwrap_or(asked), STEP_MINUTES),
            _ => (
                known.minutes.map_or(end, Minute::start),
                rule.when.window().minutes().into(),
            ),
        };
        let from = asked.max(known).min(end);
        Self {
            watch: Watch::new(rule.clone()),
            first: from.minute().before(lead),
            from,
            is_firing: false,
            firings: Vec::new(),
            more: 0,
            messages: 0,
            cut: false,
        }
    }

    fn found(self) -> Finding {
        Finding {
            rule: self.watch.rule.name.to_string(),
            condition: self.watch.rule.when.to_string(),
            from: self.from,
            firings: self.firings,
            more: self.more,
            cut: self.cut,
        }
    }

    fn take(&mut self, fed: Fed<'_>, utc_offset: i32) {
        let (at, begun) = match &fed {
            Fed::Run(run) => (run.at, run.at),
            Fed::Minute(minute, ..) => (minute.end(), minute.start()),
        };
        if begun < self.from {
            self.watch.fed(fed, utc_offset, None);
            return;
        }
        let mut events = Vec::new();
        self.watch.fed(fed, utc_offset, Some(&mut events));
        self.changed(at, &events);
    }

    fn changed(&mut self, at: Moment, events: &[Event]) {
        let unit = self.watch.rule.unit();
        let is_told = self.more == 0;
        if let Phase::Firing { since, worst, .. } = self.watch.machine.phase() {
            let is_new = !std::mem::replace(&mut self.is_firing, true);
            if is_new && self.firings.len() >= MOST_FIRINGS {
                self.more = self.more.saturating_add(1);
            } else if is_new {
                self.firings.push(Firing {
                    since,
                    fired: at,
                    until: None,
                    worst,
                    worst_told: unit.told(worst),
                    messages: Vec::new(),
                    more_messages: 0,
                });
            }
            let firing = self.firings.last_mut().filter(|_| self.more == 0);
            if let Some(firing) = firing.filter(|firing| firing.worst != worst) {
                firing.worst = worst;
                firing.worst_told = unit.told(worst);
            }
        } else if std::mem::replace(&mut self.is_firing, false)
            && let Some(firing) = self.firings.last_mut().filter(|_| is_told)
        {
            firing.until = Some(at);
        }
        // A step tells one thing at most.
        let firing = self.firings.last_mut().filter(|_| self.more == 0);
        let (Some(event), Some(firing)) = (events.first(), firing) else {
            return;
        };
        if self.messages >= MOST_MESSAGES {
            firing.more_messages = firing.more_messages.saturating_add(1);
            return;
        }
        self.messages += 1;
        firing.messages.push(Message {
            at: event.at,
            change: event.told.change,
            value: unit.told(event.told.value),
            runs: event.runs.clone(),
        });
    }
}

#[cfg(test)]
mod tests;
