//! Rules, fed with minutes and runs in the order of time. The same code runs live and over the past.

use std::collections::VecDeque;
use std::sync::Arc;

use uuid::Uuid;

use super::condition::{Condition, Measure, Subject, Summed};
use super::machine::{Machine, Timing, Told};
use super::moment::{Minute, Moment};
use super::past::{RunEnded, Series};
use super::replay::Fed;
use super::rule::Rule;
use super::window::{Memory, Reading, is_so};
use crate::{Gauges, NodeCounts, Outcome};

/// How many of the runs behind a firing are named.
const RUNS_NAMED: usize = 5;

/// All rules, with what they remember.
#[derive(Debug, Clone)]
pub struct Evaluator {
    utc_offset: i32,
    watches: Vec<Watch>,
}

/// A rule, with what it remembers.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    pub(super) rule: Arc<Rule>,
    pub(super) series: Option<Series>,
    pub(super) machine: Machine,
    memory: Memory,
    /// The last runs that count for it.
    runs: VecDeque<(Moment, Uuid)>,
}

/// Something that somebody is told of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Which rule.
    pub rule: Arc<Rule>,
    /// When.
    pub at: Moment,
    /// What.
    pub told: Told,
    /// The last runs behind it, the newest first.
    pub runs: Vec<Uuid>,
}

impl Evaluator {
    /// Rules that remember nothing yet. `utc_offset`: by how many minutes the clocks differ from UTC after which days begin.
    pub fn new(rules: impl IntoIterator<Item = Rule>, utc_offset: i32) -> Self {
        Self {
            utc_offset,
            watches: rules.into_iter().map(Watch::new).collect(),
        }
    }

    pub(super) fn utc_offset(&self) -> i32 {
        self.utc_offset
    }

    pub(super) fn watches(&self) -> &[Watch] {
        &self.watches
    }

    pub(super) fn watches_mut(&mut self) -> &mut [Watch] {
        &mut self.watches
    }

    /// Takes in a minute that is over. `gauges` where the host was there in all of it; `counts` gives what was counted for the rule
    /// of an index.
    pub(super) fn minute<'c>(
        &mut self,
        minute: Minute,
        gauges: Option<&Gauges>,
        counts: impl Fn(usize) -> Option<&'c NodeCounts>,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        for (index, watch) in self.watches.iter_mut().enumerate() {
            let reading = watch.remember(minute, self.utc_offset, gauges, counts(index));
            events.extend(watch.step(minute.end(), reading));
        }
        events
    }

    /// Takes in a run that ended.
    pub fn run(&mut self, run: &RunEnded) -> Vec<Event> {
        let steps = self.watches.iter_mut();
        let events = steps.filter_map(|watch| watch.run(run));
        events.collect()
    }
}

impl Watch {
    pub(super) fn new(rule: Rule) -> Self {
        Self {
            series: rule.series(),
            machine: Machine::default(),
            memory: Memory::of(&rule),
            runs: VecDeque::new(),
            rule: Arc::new(rule),
        }
    }

    /// Takes in a part of the past. Without `events`, it is remembered and nothing comes of it.
    pub(super) fn fed(&mut self, fed: Fed<'_>, utc_offset: i32, events: Option<&mut Vec<Event>>) {
        let (at, reading) = match fed {
            Fed::Run(run) => match self.remember_run(run) {
                Some(reading) => (run.at, reading),
                None => return,
            },
            Fed::Minute(minute, gauges, counts) => {
                let reading = self.remember(minute, utc_offset, gauges, counts);
                (minute.end(), reading)
            }
        };
        if let Some(events) = events {
            events.extend(self.step(at, reading));
        }
    }

    fn remember(
        &mut self,
        minute: Minute,
        utc_offset: i32,
        gauges: Option<&Gauges>,
        counts: Option<&NodeCounts>,
    ) -> Reading {
        self.memory
            .minute(&self.rule, minute, utc_offset, gauges, counts)
    }

    fn step(&mut self, at: Moment, reading: Reading) -> Option<Event> {
        let timing = Timing {
            holds_for: self.rule.holds_for,
            silence: self.rule.silence,
            comparison: self.rule.when.comparison(),
        };
        let told = self.machine.step(at, reading, timing)?;
        let from = told.since.before(self.rule.when.window().time());
        let is_behind =
            |(ended, _): &&(Moment, Uuid)| self.rule.when.is_of_runs() || *ended >= from;
        let runs = self.runs.iter().rev().filter(is_behind);
        Some(Event {
            rule: Arc::clone(&self.rule),
            at,
            told,
            runs: runs.map(|(_, run)| *run).collect(),
        })
    }

    fn run(&mut self, run: &RunEnded) -> Option<Event> {
        let reading = self.remember_run(run)?;
        self.step(run.at, reading)
    }

    fn remember_run(&mut self, run: &RunEnded) -> Option<Reading> {
        let series = self.series.as_ref()?;
        if !series.has_run(run) {
            return None;
        }
        if is_behind(&self.rule.when, run) {
            self.runs.push_back((run.at, run.run));
            if self.runs.len() > RUNS_NAMED {
                self.runs.pop_front();
            }
        }
        self.memory.run(&self.rule, run)
    }
}

/// Whether a run is one of those that made a condition hold, as far as can be said of a run by itself.
fn is_behind(when: &Condition, run: &RunEnded) -> bool {
    let (measure, of) = match when {
        Condition::InARow { test, .. } => return is_so(test, run),
        Condition::TokensOfDay { .. } => return true,
        Condition::Queue { .. } => return false,
        Condition::Measured { measure, of, .. } => (*measure, of),
    };
    let at_node = |run: &RunEnded| match of {
        Subject::Node(_, _, node) => run.failed_node.as_deref() == Some(node.as_str()),
        Subject::All | Subject::Flow(..) => true,
    };
    match measure {
        Measure::ErrorRate | Measure::Sum(Summed::Errors) => run.outcome.is_error() && at_node(run),
        Measure::TrapRate | Measure::Sum(Summed::Traps) => {
            run.outcome == Outcome::Trapped && at_node(run)
        }
        // A run in which a node took so long took as long itself.
        Measure::Time(_) => {
            let (comparison, bound) = (when.comparison(), when.bound());
            comparison.holds(run.took.as_secs_f64(), bound.number())
        }
        Measure::Fuel(_) | Measure::RetryRate | Measure::Sum(_) => true,
    }
}
