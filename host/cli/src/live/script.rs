//! Scripted events, for the tests of the view.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lockgate_model::{
    At, Failure, FailureKind, NodeOutcome, NodeReceipt, Recorded, RunEvent, RunOutcome, SkipReason,
    Value,
};

use super::state::Nodes;

/// A run's events, written a millisecond after one another.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) nodes: Nodes,
    seq: u64,
}

impl Script {
    pub(super) fn begin() -> Self {
        let mut script = Self::default();
        script.hear(RunEvent::RunStarted {
            flow: "test".parse().expect("a name"),
            input: Arc::default(),
            vars: serde_json::Map::new(),
            labels: Vec::new(),
            trace_id: None,
        });
        script
    }

    /// A moment after everything so far.
    pub(super) fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.seq)
    }

    pub(super) fn start(&mut self, way: &str, attempt: u32) {
        self.start_each(way, attempt, None);
    }

    pub(super) fn start_each(&mut self, way: &str, attempt: u32, elements: Option<u32>) {
        self.hear(RunEvent::NodeStarted {
            at: at(way),
            attempt,
            inputs: Vec::new(),
            elements,
        });
    }

    pub(super) fn part(&mut self, way: &str, text: &str) {
        self.hear(RunEvent::NodePart {
            at: at(way),
            attempt: 1,
            port: "text".parse().expect("a name"),
            part: Value::text(text),
        });
    }

    pub(super) fn retry(&mut self, way: &str) {
        self.hear(RunEvent::NodeRetrying {
            at: at(way),
            attempt: 1,
            error: Arc::new(failure().into()),
            delay: Duration::from_millis(5),
        });
    }

    pub(super) fn skip(&mut self, way: &str, reason: SkipReason) {
        self.hear(RunEvent::NodeSkipped {
            at: at(way),
            reason,
        });
    }

    pub(super) fn ok(&mut self, way: &str) {
        let receipt = NodeReceipt {
            attempts: 1,
            ..NodeReceipt::default()
        };
        self.finish(way, NodeOutcome::Ok(Vec::new()), receipt);
    }

    pub(super) fn fail(&mut self, way: &str) {
        let outcome = NodeOutcome::Failed(Arc::new(failure().into()));
        self.finish(way, outcome, NodeReceipt::default());
    }

    pub(super) fn finish(&mut self, way: &str, outcome: NodeOutcome, receipt: NodeReceipt) {
        self.hear(RunEvent::NodeFinished {
            at: at(way),
            outcome,
            receipt,
        });
    }

    pub(super) fn end(&mut self) {
        let outcome = RunOutcome::Ok(Arc::default());
        self.hear(RunEvent::RunFinished { outcome });
    }

    fn hear(&mut self, event: RunEvent) {
        self.seq += 1;
        let recorded = Recorded {
            v: 1,
            run: "r".into(),
            seq: self.seq,
            time: self.now(),
            event: Arc::new(event),
        };
        self.nodes.hear(&recorded);
    }
}

fn failure() -> Failure {
    Failure::new(FailureKind::Upstream, "down")
}

/// `chapters[3]/clean[0]` as a place.
fn at(way: &str) -> At {
    let (within, node) = way.rsplit_once('/').unwrap_or(("", way));
    let (node, index) = match node.trim_end_matches(']').split_once('[') {
        Some((node, index)) => (node, Some(index.parse().expect("a number"))),
        None => (node, None),
    };
    At {
        within: within.into(),
        node: node.parse().expect("a name"),
        index,
    }
}
