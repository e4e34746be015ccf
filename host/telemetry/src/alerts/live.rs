//! Rules over what is counted now: fed by the collector's snapshots and by runs as they end, so that nothing is read from a
//! store while it goes well.

mod feed;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Either, select};
use lockgate_model::{Clock, Kebab};
use serde::Serialize;

use super::config::RuleSet;
use super::evaluate::{Evaluator, Event};
use super::machine::{Change, Phase};
use super::message::{Links, Notice};
use super::moment::Moment;
use super::past::{Past, PastError, RunEnded};
use super::receivers::{Courier, Receivers};
use super::replay::{Fed, Part};
use super::rule::Severity;
use super::state::{AlertState, LastTold, Saved, SavedRule, Seen};
use super::timeline::Timeline;
use crate::{DROPPED, Exporter, NodeCounts, Own, Snapshot};
use feed::{Counted, Feed};

/// How many runs are held until rules look at them: those of a few seconds.
const MOST_RUNS: usize = 8_192;

/// How far a host looks back when it starts.
const LOOK_BACK_MINUTES: u64 = 24 * 60;

/// How long it looks back at most: whoever waits for a host to start does not wait for ever.
const LOOK_BACK_TIME: Duration = Duration::from_secs(20);

/// Runs may end a little before one that was already looked at. One that ended longer before it: the clock was set back.
const OUT_OF_ORDER: Duration = Duration::from_secs(60);

/// All rules of a host, and who is told.
pub struct Alerts {
    links: Links,
    own: Own,
    clock: Arc<dyn Clock>,
    courier: Courier,
    state: Arc<dyn AlertState>,
    feed: Mutex<Feed>,
    // Taken before `feed` where both are.
    rules: Mutex<Rules>,
}

struct Rules {
    evaluator: Evaluator,
    seen: Seen,
    /// What was told last of rules that fire, by their names.
    told: BTreeMap<String, LastTold>,
    is_changed: bool,
}

/// Where a rule stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleView {
    /// Its name.
    pub rule: String,
    /// Its condition.
    pub condition: String,
    /// The project that it is about.
    pub project: String,
    /// How bad it is.
    pub severity: Severity,
    /// Who is told.
    pub tell: Vec<String>,
    /// How far it is.
    pub phase: Phase,
    /// The last value while it fires, for people.
    pub value: Option<String>,
}

impl Alerts {
    /// The rules, and the receivers that they name. Nothing is known yet: see [`Alerts::start`].
    pub fn new(
        rules: RuleSet,
        receivers: Receivers,
        state: Arc<dyn AlertState>,
        clock: Arc<dyn Clock>,
        own: Own,
    ) -> Self {
        let evaluator = Evaluator::new(rules.rules, rules.utc_offset);
        let series = evaluator.watches().iter();
        Self {
            links: rules.links,
            courier: Courier::new(receivers, Arc::clone(&clock), own.clone()),
            own,
            clock,
            state,
            feed: Mutex::new(Feed::new(
                series.map(|watch| watch.series.clone()).collect(),
            )),
            rules: Mutex::new(Rules {
                evaluator,
                seen: Seen::default(),
                told: BTreeMap::new(),
                is_changed: false,
            }),
        }
    }

    /// Takes up where a host left off: where rules stood, what was counted before, and what was not delivered. What was
    /// counted since rules were last looked at is looked at now. It is called once, before snapshots come.
    ///
    /// # Errors
    ///
    /// The past cannot be read, or not in time. Then rules begin with nothing; what is delivered and what was told is known all
    /// the same.
    pub async fn start(&self, past: &dyn Past) -> Result<(), PastError> {
        let now = Moment::of(self.clock.wall());
        let saved = self.saved().await;
        // On a host's first start nothing is told of what was before it. Nothing was seen that is yet to come.
        let seen = saved.seen.unwrap_or(Seen {
            minutes: now,
            runs: now,
        });
        let seen = Seen {
            minutes: seen.minutes.min(now),
            runs: seen.runs.min(now),
        };
        self.courier.take_up(saved.waiting);
        let mut before = saved.rules;
        {
            let rules = &mut *self.rules();
            for watch in rules.evaluator.watches_mut() {
                let name = watch.rule.name.as_str();
                let of = before.get(name).map(|saved| &*saved.of);
                if of != Some(&*watch.rule.fingerprint()) {
                    continue;
                }
                let Some(same) = before.remove(name) else {
                    continue;
                };
                watch.machine = same.machine;
                rules
                    .told
                    .extend(same.told.map(|told| (name.to_owned(), told)));
            }
            rules.seen = Seen {
                minutes: now.minute().start(),
                runs: now,
            };
            rules.is_changed = true;
        }
        // Who was told that these fire would wait for ever to be told that they do no more.
        for LastTold { tell, notice } in before.into_values().filter_map(|rule| rule.told) {
            let notice = Notice {
                change: Change::Withdrawn,
                at: now,
                ..notice
            };
            let tell: Vec<Kebab> = tell.iter().filter_map(|name| name.parse().ok()).collect();
            self.courier.hand_over(&tell, &notice);
        }
        let warm_up = Box::pin(self.warm_up(past, seen, now));
        match select(warm_up, self.clock.sleep(LOOK_BACK_TIME)).await {
            Either::Left((done, _)) => done,
            Either::Right(_) => Err(PastError("it takes too long".to_owned())),
        }
    }

    async fn warm_up(&self, past: &dyn Past, saved: Seen, now: Moment) -> Result<(), PastError> {
        let open = now.minute();
        let span = open.before(LOOK_BACK_MINUTES)..open;
        let is_new = |fed: &Fed<'_>| match fed {
            Fed::Run(run) => run.at > saved.runs,
            Fed::Minute(minute, ..) => minute.end() > saved.minutes,
        };
        let offset = self.rules().evaluator.utc_offset();
        let known = past.known_since().await?;
        let mut watches: Vec<_> = self.rules().evaluator.watches().to_vec();
        let mut counts = vec![NodeCounts::default(); watches.len()];
        let projects: BTreeSet<_> = watches.iter().map(|one| one.rule.project.clone()).collect();
        for project in projects {
            let own = watches.iter().filter(|one| one.rule.project == project);
            let rules: Vec<_> = own.map(|one| Arc::clone(&one.rule)).collect();
            let rules: Vec<_> = rules.iter().map(|rule| &**rule).collect();
            // The runs of a project are read once.
            let part = Box::pin(Part::read(&rules, past, known, span.clone(), now)).await?;
            let places = watches.iter_mut().zip(&mut counts).enumerate();
            for (index, (watch, counts)) in places {
                if watch.rule.project != project {
                    continue;
                }
                let mut events = Vec::new();
                let piece = Box::pin(part.of(&watch.rule, past, span.start)).await?;
                piece.feed(|fed| {
                    let events = is_new(&fed).then_some(&mut events);
                    watch.fed(fed, offset, events);
                });
                if let Some(series) = watch
                    .series
                    .as_ref()
                    .filter(|_| !watch.rule.when.is_of_runs())
                {
                    let mut minutes = past.minutes(series, open..open.next()).await?;
                    *counts = minutes.remove(&open).unwrap_or_default();
                }
                if let Some(place) = self.rules().evaluator.watches_mut().get_mut(index) {
                    *place = watch.clone();
                }
                self.tell(&events);
            }
        }
        // A host that was away for less than a minute was there: it was only started anew.
        let before = past.gauges(open.before(1)..open.next()).await?;
        let is_there = now == open.start() || !before.is_empty();
        let mut feed = self.feed();
        feed.timeline = Timeline::starting(now, is_there);
        feed.open = Some(Counted {
            minute: open,
            gauges: None,
            counts,
        });
        Ok(())
    }

    /// Takes note of a run that ended. It takes no time: rules look at it in a moment.
    pub fn run_ended(&self, run: RunEnded) {
        let mut feed = self.feed();
        if feed.runs.len() >= MOST_RUNS {
            feed.runs.pop_front();
            self.own
                .add(DROPPED, "alerts: more runs than rules look at", 1);
        }
        feed.runs.push_back(run);
    }

    /// Looks at what came since the last time, and hands over what somebody is told. What was handed over is the answer.
    pub fn evaluate(&self) -> Vec<Notice> {
        let mut rules = self.rules();
        let (mut runs, minutes) = {
            let mut feed = self.feed();
            let runs = std::mem::take(&mut feed.runs);
            (runs, std::mem::take(&mut feed.over))
        };
        runs.make_contiguous().sort_by_key(|run| run.at);
        let mut events = Vec::new();
        for counted in &minutes {
            while let Some(run) = runs.pop_front_if(|run| run.at < counted.minute.end()) {
                events.extend(rules.run(&run));
            }
            let (minute, gauges) = (counted.minute, counted.gauges.as_ref());
            // Where the host was not there, nothing is known of what it did not count.
            let is_known = |counts: &&NodeCounts| gauges.is_some() || !counts.is_empty();
            let counts = |index: usize| counted.counts.get(index).filter(is_known);
            events.extend(rules.evaluator.minute(minute, gauges, counts));
            rules.seen.minutes = later(rules.seen.minutes, minute.end());
            rules.is_changed = true;
        }
        for run in &runs {
            events.extend(rules.run(run));
        }
        drop(rules);
        self.tell(&events)
    }

    fn tell(&self, events: &[Event]) -> Vec<Notice> {
        let notice = |event: &Event| {
            let notice = Notice::new(event, &self.links);
            self.courier.hand_over(&event.rule.tell, &notice);
            let told = &mut self.rules().told;
            match notice.change {
                Change::Fired | Change::Again => {
                    let last = LastTold {
                        tell: event.rule.tell.iter().map(Kebab::to_string).collect(),
                        notice: notice.clone(),
                    };
                    told.insert(notice.rule.clone(), last);
                }
                Change::Over | Change::Forgotten | Change::Withdrawn => {
                    told.remove(&notice.rule);
                }
            }
            notice
        };
        events.iter().map(notice).collect()
    }

    /// Looks at rules once in `every`, delivers what there is to tell, and keeps where everything stands; until `stop`
    /// resolves.
    pub async fn run(&self, every: Duration, stop: impl Future<Output = ()>) {
        let looking = Box::pin(async {
            loop {
                self.clock.sleep(every).await;
                self.evaluate();
                self.save().await;
            }
        });
        let working = Box::pin(async {
            futures::join!(looking, self.courier.work());
        });
        select(working, Box::pin(stop)).await;
    }

    /// Where each rule of a project stands.
    pub fn views(&self, project: &Kebab) -> Vec<RuleView> {
        let rules = self.rules();
        let watches = rules.evaluator.watches().iter();
        let own = watches.filter(|watch| watch.rule.project == *project);
        let view = |watch: &super::evaluate::Watch| RuleView {
            rule: watch.rule.name.to_string(),
            condition: watch.rule.when.to_string(),
            project: watch.rule.project.to_string(),
            severity: watch.rule.severity,
            tell: watch.rule.tell.iter().map(Kebab::to_string).collect(),
            phase: watch.machine.phase(),
            value: match watch.machine.phase() {
                Phase::Firing { value, .. } => Some(watch.rule.unit().told(value)),
                Phase::Quiet | Phase::Pending { .. } => None,
            },
        };
        own.map(view).collect()
    }

    async fn saved(&self) -> Saved {
        let text = match self.state.load().await {
            Ok(text) => text.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, "where alerts stood cannot be read: somebody may be told again");
                return Saved::default();
            }
        };
        if text.is_empty() {
            return Saved::default();
        }
        serde_json::from_str(&text).unwrap_or_else(|error| {
            tracing::warn!(%error, "where alerts stood makes no sense: somebody may be told again");
            Saved::default()
        })
    }

    /// Keeps where everything stands, if that changed.
    pub async fn save(&self) {
        let courier_changed = self.courier.take_changed();
        let saved = {
            let mut rules = self.rules();
            if !std::mem::take(&mut rules.is_changed) && !courier_changed {
                return;
            }
            let watches = rules.evaluator.watches().iter();
            Saved {
                seen: Some(rules.seen),
                rules: watches
                    .map(|watch| {
                        let saved = SavedRule {
                            of: watch.rule.fingerprint(),
                            machine: watch.machine.clone(),
                            told: rules.told.get(watch.rule.name.as_str()).cloned(),
                        };
                        (watch.rule.name.to_string(), saved)
                    })
                    .collect(),
                waiting: self.courier.waiting(),
            }
        };
        let text = match serde_json::to_string(&saved) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "where alerts stand cannot be written out");
                return;
            }
        };
        if let Err(error) = self.state.save(text).await {
            // It is tried again the next time.
            self.rules().is_changed = true;
            tracing::warn!(%error, "where alerts stand cannot be kept");
        }
    }

    fn feed(&self) -> MutexGuard<'_, Feed> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rules {
    fn run(&mut self, run: &RunEnded) -> Vec<Event> {
        self.seen.runs = later(self.seen.runs, run.at);
        self.is_changed = true;
        self.evaluator.run(run)
    }
}

/// The later of two, but for a clock that was set back: what was seen before it is not to come again.
fn later(seen: Moment, now: Moment) -> Moment {
    if seen.since(now) > OUT_OF_ORDER {
        now
    } else {
        seen.max(now)
    }
}

impl Exporter for Alerts {
    fn take(&self, snapshot: &Arc<Snapshot>) {
        let lost = self.feed().take(snapshot);
        if lost > 0 {
            self.own
                .add(DROPPED, "alerts: more minutes than rules look at", lost);
        }
    }

    fn close(&self, within: Duration) -> BoxFuture<'_, ()> {
        async move {
            self.evaluate();
            let sent = Box::pin(self.courier.finish());
            select(sent, self.clock.sleep(within)).await;
            self.save().await;
        }
        .boxed()
    }
}

impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alerts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
