//! How far each node of a run is, as its events tell. No clock, no terminal.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use lockgate_flow::Plan;
use lockgate_model::{
    At, Ident, NodeOutcome, NodeReceipt, Recorded, RunEvent, RunOutcome, SkipReason, Value, escaped,
};

/// How many bytes of what a node streams are kept: more than a line of a terminal.
const TAIL_BYTES: usize = 512;

/// The nodes of a run: those of its flow in the plan's order, and below a node that runs a flow those of it that have
/// begun. The elements of an `each` are one row, and so are the runs of a node in a flow that an `each` runs.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    rows: Vec<Row>,
    roots: Vec<usize>,
    /// The row of each way, such as `chapters/clean`.
    places: HashMap<String, usize>,
    pub(crate) run: RunState,
}

/// What is known of the run as a whole.
#[derive(Debug, Default)]
pub(crate) struct RunState {
    began: Option<SystemTime>,
    ended: Option<SystemTime>,
    /// The word for how it ended.
    pub(crate) outcome: Option<&'static str>,
}

/// What is known of one node.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) name: String,
    inner: Vec<usize>,
    /// Runs of it that have begun and not ended. More than one only below an `each`.
    open: u32,
    retrying: u32,
    pub(crate) retries: u32,
    /// What the runs of it that have ended used.
    pub(crate) receipt: NodeReceipt,
    pub(crate) elements: Option<Elements>,
    ended: Ended,
    /// The kind of its last failure.
    pub(crate) failure: Option<&'static str>,
    pub(crate) skipped: Option<SkipReason>,
    first_began: Option<SystemTime>,
    last_ended: Option<SystemTime>,
    tail: Tail,
}

/// How many elements of an `each` there are, or batches of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elements {
    pub(crate) total: u32,
    pub(crate) done: u32,
    /// Of those that are done.
    pub(crate) failed: u32,
}

/// How many runs of a node ended in which way.
#[derive(Debug, Default)]
struct Ended {
    ok: u32,
    cached: u32,
    pinned: u32,
    skipped: u32,
    failed: u32,
    cancelled: u32,
}

/// The end of what a node streams.
#[derive(Debug, Default)]
struct Tail {
    of: Option<(At, u32, Ident)>,
    text: String,
}

/// How far a node is. Where several runs of it ended in different ways, the gravest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Waiting,
    Running,
    Retrying,
    Ok,
    /// Its outputs were there from before.
    Cached,
    /// Its outputs were given.
    Pinned,
    Skipped,
    Failed,
    Cancelled,
}

impl Nodes {
    /// The nodes of a plan before anything happened.
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut nodes = Self::default();
        for node in plan.nodes() {
            nodes.row(node.name().as_str());
        }
        nodes
    }

    /// Takes note of an event.
    pub(crate) fn hear(&mut self, recorded: &Recorded) {
        let now = recorded.time;
        match &*recorded.event {
            RunEvent::RunStarted { .. } => self.run.began = Some(now),
            RunEvent::RunFinished { outcome } => {
                self.run.ended = Some(now);
                self.run.outcome = Some(RunOutcome::word(outcome));
            }
            event => {
                if let Some(at) = event.at() {
                    self.row(&way(at)).hear(at, event, now);
                }
            }
        }
    }

    /// Every row with its depth, each after the one that it is within.
    pub(crate) fn rows(&self) -> Vec<(usize, &Row)> {
        let mut rows = Vec::with_capacity(self.rows.len());
        let mut open: Vec<_> = self.roots.iter().rev().map(|&row| (0, row)).collect();
        while let Some((depth, row)) = open.pop() {
            rows.push((depth, &self.rows[row]));
            let inner = self.rows[row].inner.iter().rev();
            open.extend(inner.map(|&row| (depth + 1, row)));
        }
        rows
    }

    /// What the nodes of the run's own flow used together; those of others are in it.
    pub(crate) fn total(&self) -> NodeReceipt {
        let mut total = NodeReceipt::default();
        for &row in &self.roots {
            total.add(&self.rows[row].receipt);
        }
        total
    }

    fn row(&mut self, way: &str) -> &mut Row {
        let place = match self.places.get(way) {
            Some(&place) => place,
            None => self.add(way),
        };
        &mut self.rows[place]
    }

    fn add(&mut self, way: &str) -> usize {
        let place = self.rows.len();
        let (outer, name) = way.rsplit_once('/').unwrap_or(("", way));
        match self.places.get(outer) {
            Some(&outer) => self.rows[outer].inner.push(place),
            None => self.roots.push(place),
        }
        self.rows.push(Row {
            name: name.to_owned(),
            ..Row::default()
        });
        self.places.insert(way.to_owned(), place);
        place
    }
}

/// The way to a node without the places in lists: `chapters/clean` for `chapters[3]/clean[0]`.
pub(super) fn way(at: &At) -> String {
    let outer = at.within.split('/').filter(|part| !part.is_empty());
    let mut way = String::new();
    for part in outer {
        way.push_str(part.split('[').next().unwrap_or(part));
        way.push('/');
    }
    way + at.node.as_str()
}

impl RunState {
    /// How long it has run.
    pub(crate) fn took(&self, now: SystemTime) -> Duration {
        between(self.began, self.ended.unwrap_or(now))
    }
}

impl Row {
    fn hear(&mut self, at: &At, event: &RunEvent, now: SystemTime) {
        match event {
            RunEvent::NodeStarted {
                attempt, elements, ..
            } => {
                if *attempt > 1 {
                    self.retrying = self.retrying.saturating_sub(1);
                } else if at.index.is_none() {
                    self.open += 1;
                    self.first_began.get_or_insert(now);
                }
                if let Some(total) = elements {
                    self.elements.get_or_insert_default().total += total;
                }
            }
            RunEvent::NodePart {
                attempt,
                port,
                part: Value::Text(text),
                ..
            } => self.tail.push(at, *attempt, port, text),
            RunEvent::NodeRetrying { .. } => {
                self.retrying += 1;
                self.retries += 1;
            }
            RunEvent::NodeSkipped { reason, .. } => {
                self.ended.skipped += 1;
                self.skipped = Some(reason.clone());
            }
            RunEvent::NodeFinished {
                outcome, receipt, ..
            } => self.end(at, outcome, receipt, now),
            _ => {}
        }
    }

    fn end(&mut self, at: &At, outcome: &NodeOutcome, receipt: &NodeReceipt, now: SystemTime) {
        if let NodeOutcome::Failed(error) = outcome {
            self.failure = Some(error.kind());
        }
        if at.index.is_some() {
            let elements = self.elements.get_or_insert_default();
            elements.done += 1;
            elements.failed += u32::from(matches!(outcome, NodeOutcome::Failed(_)));
            return;
        }
        self.open = self.open.saturating_sub(1);
        if self.open == 0 {
            self.retrying = 0;
        }
        self.last_ended = Some(now);
        self.receipt.add(receipt);
        let ended = &mut self.ended;
        *match outcome {
            NodeOutcome::Ok(_) if receipt.attempts == 0 && receipt.cache_hits > 0 => {
                &mut ended.cached
            }
            NodeOutcome::Ok(_) => &mut ended.ok,
            NodeOutcome::Pinned(_) => &mut ended.pinned,
            NodeOutcome::Failed(_) => &mut ended.failed,
            NodeOutcome::Cancelled => &mut ended.cancelled,
        } += 1;
    }

    /// How far it is.
    pub(crate) fn stage(&self) -> Stage {
        if self.open > 0 {
            return match self.retrying {
                0 => Stage::Running,
                _ => Stage::Retrying,
            };
        }
        let ended = &self.ended;
        let gravest_first = [
            (ended.failed, Stage::Failed),
            (ended.cancelled, Stage::Cancelled),
            (ended.ok, Stage::Ok),
            (ended.cached, Stage::Cached),
            (ended.pinned, Stage::Pinned),
            (ended.skipped, Stage::Skipped),
        ];
        let stage = gravest_first.into_iter().find(|(count, _)| *count > 0);
        stage.map_or(Stage::Waiting, |(_, stage)| stage)
    }

    /// Of how many elements, or runs, it is the sum; None where it is one run of one node.
    pub(crate) fn times(&self) -> Option<u32> {
        let ended = &self.ended;
        let ran = ended.ok + ended.cached + ended.pinned + ended.failed + ended.cancelled;
        let times = self.elements.map_or(ran, |elements| elements.total);
        (self.elements.is_some() || times > 1).then_some(times)
    }

    /// From its beginning to its end, or to now.
    pub(crate) fn took(&self, now: SystemTime) -> Option<Duration> {
        self.first_began?;
        let end = match self.open {
            0 => self.last_ended.unwrap_or(now),
            _ => now,
        };
        Some(between(self.first_began, end))
    }

    /// The end of what it streams, in one line, escaped.
    pub(crate) fn tail(&self) -> &str {
        &self.tail.text
    }
}

fn between(began: Option<SystemTime>, end: SystemTime) -> Duration {
    let span = began.and_then(|began| end.duration_since(began).ok());
    span.unwrap_or_default() // the wall's clock can be set back
}

impl Tail {
    fn push(&mut self, at: &At, attempt: u32, port: &Ident, text: &str) {
        let is_same =
            |(of, before, on): &(At, u32, Ident)| (of, before, on) == (at, &attempt, port);
        if !self.of.as_ref().is_some_and(is_same) {
            self.of = Some((at.clone(), attempt, port.clone()));
            self.text.clear();
        }
        let start = text.ceil_char_boundary(text.len().saturating_sub(TAIL_BYTES));
        self.text
            .push_str(&escaped(&text[start..].replace(['\n', '\t'], " ")));
        let spare = self.text.len().saturating_sub(TAIL_BYTES);
        self.text.drain(..self.text.ceil_char_boundary(spare));
    }
}

#[cfg(test)]
mod tests;
