//! The lines of a batch: each is an input of the flow, or nothing is accepted.

use lockgate_flow::{Plan, RunError, RunRequest};
use lockgate_store::QueuedRun;
use serde_json::Value as Tree;
use uuid::Uuid;

use super::{BadLineView, BatchAsk, MAX_BAD_LINES_SHOWN, Trigger};
use crate::queue::accept::Rest;
use crate::runs::conduct::refusal;
use crate::{Caller, SchemaFaultView, ServiceError};

/// How many lines are checked before others have a turn.
const TURN: usize = 64;

/// The runs of a batch.
pub(super) async fn checked(
    caller: &Caller,
    plan: &Plan,
    ask: &BatchAsk,
    now: i64,
    most: usize,
) -> Result<Vec<QueuedRun>, ServiceError> {
    let rest = Rest {
        vars: ask.vars.clone(),
        until: ask.until.clone(),
        ..Rest::default()
    };
    let rest = rest.to_tree()?;
    let mut request = RunRequest {
        until: ask.until.clone(),
        ..RunRequest::new("", Tree::Null)
    };
    let mut runs = Vec::new();
    let mut bad = Bad::default();
    for (number, line) in (1..).zip(ask.lines.lines()) {
        if number % TURN == 0 {
            tokio::task::yield_now().await;
        }
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if runs.len() + bad.total >= most {
            return Err(ServiceError::InvalidRequest(format!(
                "a batch has at most {most} inputs"
            )));
        }
        match serde_json::from_str(line) {
            Ok(input) => request.input = input,
            Err(error) => {
                bad.add(number, || vec![no_json(&error)]);
                continue;
            }
        }
        match plan.check_request(&request) {
            Ok(()) => runs.push(run(caller, ask, line, &rest, now)),
            Err(RunError::Input(faults)) => {
                bad.add(number, || {
                    faults.iter().map(SchemaFaultView::from).collect()
                });
            }
            Err(error) => return Err(refusal(error)), // it is the same for every line
        }
    }
    if bad.total > 0 {
        return Err(ServiceError::BadLines {
            lines: bad.shown,
            total: bad.total,
        });
    }
    if runs.is_empty() {
        return Err(ServiceError::InvalidRequest(
            "a batch has at least one input: JSON, one a line".into(),
        ));
    }
    Ok(runs)
}

fn run(caller: &Caller, ask: &BatchAsk, line: &str, rest: &Tree, now: i64) -> QueuedRun {
    QueuedRun {
        id: Uuid::now_v7(),
        flow: Some(ask.flow.clone()),
        version: ask.version,
        revision: None,
        input: line.as_bytes().to_vec(),
        request: rest.clone(),
        priority: ask.priority,
        trigger: Trigger::Batch.word().into(),
        key: caller.key,
        session: ask.session.clone(),
        parent: None,
        labels: None,
        created_at: now,
        trace: None, // all lines have the same
    }
}

/// Lines that are no input.
#[derive(Default)]
struct Bad {
    shown: Vec<BadLineView>,
    total: usize,
}

impl Bad {
    fn add(&mut self, line: usize, faults: impl FnOnce() -> Vec<SchemaFaultView>) {
        self.total += 1;
        if self.shown.len() < MAX_BAD_LINES_SHOWN {
            let faults = faults();
            self.shown.push(BadLineView { line, faults });
        }
    }
}

/// Where a line ends to be JSON.
fn no_json(error: &serde_json::Error) -> SchemaFaultView {
    SchemaFaultView {
        path: String::new(),
        message: format!("this is no JSON: {error}"),
    }
}
