//! What a run tells its journal, so that the journal is whole and in order however the run ends.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use lockgate_model::{
    CallError, CallSink, Ident, Journal, LogLevel, NodeOutcome, Outputs, Receipt, RunEvent,
    RunOutcome, Value,
};
use serde_json::Value as Tree;

use super::RunError;
use crate::plan::Plan;

/// The events of one run. Dropped before the end, it says that the run was cancelled.
pub(super) struct Events {
    shared: Arc<Shared>,
    /// The nodes whose calls have begun and not ended.
    running: Vec<u32>,
    finished: bool,
}

struct Shared {
    plan: Arc<Plan>,
    journal: Arc<dyn Journal>,
    /// Whether calls may still write. A call on another thread may outlive the run by a moment, and what it writes then
    /// belongs to nothing. The lock is held while a call writes, and taken for nothing else but the end.
    open: Mutex<bool>,
}

impl Events {
    /// Says that the run begins.
    pub(super) fn start(plan: Arc<Plan>, journal: Arc<dyn Journal>, input: &Tree) -> Self {
        journal.record(RunEvent::RunStarted {
            flow: plan.name.as_str(),
            input,
        });
        let shared = Shared {
            plan,
            journal,
            open: Mutex::new(true),
        };
        Self {
            shared: Arc::new(shared),
            running: Vec::new(),
            finished: false,
        }
    }

    /// Says that a node's call begins, and gives what the call writes to.
    pub(super) fn node_started(&mut self, node: u32) -> Arc<dyn CallSink> {
        self.running.push(node);
        self.shared.record(RunEvent::NodeStarted {
            node: self.shared.name(node),
        });
        Arc::new(NodeSink {
            shared: Arc::clone(&self.shared),
            node,
        })
    }

    /// Says how a node's call ended.
    pub(super) fn node_finished(
        &mut self,
        node: u32,
        result: &Result<Outputs, Arc<CallError>>,
        receipt: &Receipt,
    ) {
        self.running.retain(|running| *running != node);
        let outcome = match result {
            Ok(outputs) => NodeOutcome::Ok(outputs),
            Err(error) => NodeOutcome::Failed(error),
        };
        self.shared.record(RunEvent::NodeFinished {
            node: self.shared.name(node),
            outcome,
            receipt,
        });
    }

    /// Says how the run ended.
    pub(super) fn finish(mut self, result: &Result<Tree, RunError>) {
        self.finished = true;
        self.cancel_running();
        match result {
            Ok(output) => self.run_finished(RunOutcome::Ok(output)),
            Err(RunError::Node { node, error }) => {
                self.run_finished(RunOutcome::Failed { node, error })
            }
            Err(RunError::Stopped) => self.run_finished(RunOutcome::Cancelled),
            Err(error) => self.run_finished(RunOutcome::Broken {
                reason: &error.to_string(),
            }),
        }
    }

    fn cancel_running(&mut self) {
        *self.shared.open() = false;
        for node in self.running.drain(..) {
            let receipt = &Receipt::default();
            let node = self.shared.name(node);
            self.shared.record(RunEvent::NodeFinished {
                node,
                outcome: NodeOutcome::Cancelled,
                receipt,
            });
        }
    }

    fn run_finished(&self, outcome: RunOutcome<'_>) {
        self.shared.record(RunEvent::RunFinished { outcome });
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if !self.finished {
            self.cancel_running();
            self.run_finished(RunOutcome::Cancelled);
        }
    }
}

impl Shared {
    fn name(&self, node: u32) -> &Ident {
        &self.plan.nodes[node as usize].name
    }

    fn record(&self, event: RunEvent<'_>) {
        self.journal.record(event);
    }

    fn open(&self) -> std::sync::MutexGuard<'_, bool> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one call writes to.
struct NodeSink {
    shared: Arc<Shared>,
    node: u32,
}

impl NodeSink {
    fn record(&self, event: RunEvent<'_>) -> bool {
        let open = self.shared.open();
        if *open {
            self.shared.record(event);
        }
        *open
    }
}

impl CallSink for NodeSink {
    fn log(&self, level: LogLevel, line: &str) {
        self.record(RunEvent::NodeLog {
            node: self.shared.name(self.node),
            level,
            line,
        });
    }

    fn part<'a>(&'a self, port: &'a Ident, part: &'a Value) -> BoxFuture<'a, bool> {
        let read = self.record(RunEvent::NodePart {
            node: self.shared.name(self.node),
            port,
            part,
        });
        Box::pin(std::future::ready(read))
    }
}
