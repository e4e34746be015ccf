//! What a run tells its journal and telemetry, so that both hear of a beginning and an end for everything, however the run
//! ends.
//!
//! The nodes of a run and of all its sub-flows write here. What begins is noted, and what ends is struck out; whoever ends
//! several at once says so for those that are still noted. A call on another thread may outlive its end by a moment: what
//! it writes then belongs to nothing and is dropped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lockgate_model::{
    At, CallError, Clock, Ident, Journal, LogLevel, NodeFinished, NodeOutcome, NodeReceipt,
    RunEvent, RunOutcome, SkipReason, Telemetry, Value,
};
use serde_json::Value as Tree;

use super::context::Context;
use crate::engine::Engine;
use crate::plan::Plan;

/// The events of one run and its sub-flows.
#[derive(Clone)]
pub(super) struct Events(Arc<Shared>);

struct Shared {
    journal: Arc<dyn Journal>,
    counts: Option<Counts>,
    /// Held while an event is written, which makes them one order.
    open: Mutex<Open>,
}

/// Who counts, and the clock that it goes by.
struct Counts {
    telemetry: Arc<dyn Telemetry>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Open {
    closed: bool,
    last: u64,
    /// What has begun and not ended, in the order of its beginning.
    begun: BTreeMap<u64, Begun>,
}

struct Begun {
    at: At,
    attempts: u32,
    plan: Arc<Plan>,
    node: u32,
    /// Whether it goes through a list: then its elements are what is counted.
    is_fan: bool,
    /// On the clock of who counts; and the same of its last attempt.
    began: Duration,
    attempt_began: Duration,
    /// How it ends, where that is known before what is within it has ended.
    end: Option<(NodeOutcome, NodeReceipt)>,
}

/// Something that has begun and not ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(u64);

/// A node of a plan, where it is in the run.
pub(super) struct Place<'a> {
    pub(super) at: At,
    pub(super) context: &'a Context,
    pub(super) node: u32,
}

impl Events {
    pub(super) fn new(journal: Arc<dyn Journal>, engine: &Engine) -> Self {
        let telemetry = engine.telemetry.clone();
        Self(Arc::new(Shared {
            journal,
            counts: telemetry.map(|telemetry| Counts {
                telemetry,
                clock: engine.clock(),
            }),
            open: Mutex::default(),
        }))
    }

    pub(super) fn run_started(
        &self,
        context: &Context,
        input: &Arc<Tree>,
        labels: Vec<(Ident, Value)>,
    ) {
        self.0.journal.record(RunEvent::RunStarted {
            flow: context.plan.name.clone(),
            input: Arc::clone(input),
            vars: context.root.vars.clone(),
            labels,
            trace_id: None, // whoever keeps the journal knows it
        });
    }

    /// Says that a node or element begins, with its first attempt: 1, or 0 if none is needed.
    pub(super) fn begin(
        &self,
        place: &Place<'_>,
        attempt: u32,
        inputs: Vec<(Ident, Value)>,
        elements: Option<u32>,
    ) -> Mark {
        let mut open = self.open();
        open.last += 1;
        let mark = open.last;
        // A task of a sub-flow that was cut off may be woken once more before it goes.
        if open.closed || place.context.is_over() {
            return Mark(mark);
        }
        self.0.journal.record(RunEvent::NodeStarted {
            at: place.at.clone(),
            attempt,
            inputs,
            elements,
        });
        // After the event is written: what that takes is not the node's time.
        let began = self.0.now();
        open.begun.insert(
            mark,
            Begun {
                at: place.at.clone(),
                attempts: attempt,
                plan: Arc::clone(&place.context.plan),
                node: place.node,
                is_fan: elements.is_some(),
                began,
                attempt_began: began,
                end: None,
            },
        );
        Mark(mark)
    }

    /// Says that another attempt begins.
    pub(super) fn begin_again(&self, mark: Mark, attempt: u32, inputs: Vec<(Ident, Value)>) {
        let mut open = self.open();
        let Some(begun) = open.begun.get_mut(&mark.0) else {
            return;
        };
        begun.attempts = attempt;
        self.0.journal.record(RunEvent::NodeStarted {
            at: begun.at.clone(),
            attempt,
            inputs,
            elements: None,
        });
        begun.attempt_began = self.0.now();
    }

    pub(super) fn retrying(&self, mark: Mark, error: &Arc<CallError>, delay: Duration) {
        self.write(mark, |begun| RunEvent::NodeRetrying {
            at: begun.at.clone(),
            attempt: begun.attempts,
            error: Arc::clone(error),
            delay,
        });
    }

    pub(super) fn log(&self, mark: Mark, level: LogLevel, line: &str) {
        self.write(mark, |begun| RunEvent::NodeLog {
            at: begun.at.clone(),
            attempt: begun.attempts,
            level,
            line: line.to_owned(),
        });
    }

    /// Whether it was written: not if what sends it has ended.
    pub(super) fn part(&self, mark: Mark, port: &Ident, part: &Value) -> bool {
        self.write(mark, |begun| RunEvent::NodePart {
            at: begun.at.clone(),
            attempt: begun.attempts,
            port: port.clone(),
            part: part.clone(),
        })
    }

    pub(super) fn skipped(&self, place: Place<'_>, reason: SkipReason) {
        let open = self.open();
        if !(open.closed || place.context.is_over()) {
            let at = place.at;
            self.0.journal.record(RunEvent::NodeSkipped { at, reason });
        }
    }

    /// Says how what has begun ended.
    pub(super) fn end(&self, mark: Mark, outcome: NodeOutcome, receipt: NodeReceipt) {
        let mut open = self.open();
        if let Some(begun) = open.begun.remove(&mark.0) {
            self.0.finished(begun, outcome, receipt);
        }
    }

    /// Says how what has begun ends, and that the run, or its sub-flow, ends with it: once what is within it has ended.
    pub(super) fn end_last(&self, mark: Mark, outcome: NodeOutcome, receipt: NodeReceipt) {
        if let Some(begun) = self.open().begun.get_mut(&mark.0) {
            begun.end = Some((outcome, receipt));
        }
    }

    /// Ends everything within a sub-flow that has begun and not ended: what did not say otherwise was cancelled.
    pub(super) fn cancel_within(&self, within: &str) {
        let mut open = self.open();
        let inside = open
            .begun
            .extract_if(.., |_, begun| is_within(&begun.at, within));
        // What began last is within what began before it.
        for (_, begun) in inside.collect::<Vec<_>>().into_iter().rev() {
            self.0.cut_short(begun);
        }
    }

    /// Says how the run ended, and what was still going on when it did. Nothing is written after it.
    pub(super) fn close(&self, flow: &Plan, outcome: RunOutcome, took: Duration) {
        let mut open = self.open();
        if std::mem::replace(&mut open.closed, true) {
            return;
        }
        // What began last is within what began before it.
        while let Some((_, begun)) = open.begun.pop_last() {
            self.0.cut_short(begun);
        }
        let begins_anew = matches!(outcome, RunOutcome::Cancelled) && self.0.journal.begins_anew();
        if let Some(counts) = self.0.counts.as_ref().filter(|_| !begins_anew) {
            let series = flow.series(&*counts.telemetry);
            series.run_finished(&outcome, took);
        }
        self.0.journal.record(RunEvent::RunFinished { outcome });
    }

    fn write(&self, mark: Mark, event: impl FnOnce(&Begun) -> RunEvent) -> bool {
        let open = self.open();
        let Some(begun) = open.begun.get(&mark.0) else {
            return false;
        };
        self.0.journal.record(event(begun));
        true
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a node is one of a sub-flow, or of one within that.
fn is_within(at: &At, within: &str) -> bool {
    at.within
        .strip_prefix(within)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Shared {
    /// The time, if somebody counts.
    fn now(&self) -> Duration {
        let counts = self.counts.as_ref();
        counts.map_or(Duration::ZERO, |counts| counts.clock.now())
    }

    /// Ends what the end of the run, or of its sub-flow, ends.
    fn cut_short(&self, mut begun: Begun) {
        let (outcome, receipt) = begun.end.take().unwrap_or_else(|| {
            let receipt = NodeReceipt {
                attempts: begun.attempts,
                ..NodeReceipt::default()
            };
            (NodeOutcome::Cancelled, receipt)
        });
        self.finished(begun, outcome, receipt);
    }

    fn finished(&self, begun: Begun, outcome: NodeOutcome, receipt: NodeReceipt) {
        if let Some(counts) = self.counts.as_ref().filter(|_| !begun.is_fan) {
            let series = begun.plan.series(&*counts.telemetry);
            let now = counts.clock.now();
            series.node_finished(&NodeFinished {
                node: begun.node,
                outcome: &outcome,
                receipt: &receipt,
                took: now.saturating_sub(begun.began),
                last_took: now.saturating_sub(begun.attempt_began),
            });
        }
        self.journal.record(RunEvent::NodeFinished {
            at: begun.at,
            outcome,
            receipt,
        });
    }
}
