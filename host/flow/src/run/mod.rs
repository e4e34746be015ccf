//! One run of a plan.
//!
//! The future of a run works on whatever polls it. A node that is alone is run there, with no task, no channel and no
//! lock in between; when several are ready, all but one become tasks of their own.

mod error;
mod journal;
mod state;

use std::any::Any;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Either, select};
use lockgate_model::{Call, CallEnd, CallError, HostFault, Journal, Receipt};
use serde_json::Value as Tree;
use tokio::task::JoinSet;

use crate::plan::Plan;

pub use error::{RunError, Site};
use journal::Events;
use state::State;
pub use state::{MAX_HELD_BYTES, MAX_OUTPUT_BYTES};

/// How many nodes of one run work at the same time, at most.
pub const MAX_RUNNING: usize = 64;

/// Runs a plan once. `id` names the run among all runs, and its calls are named after it. `journal` hears of everything
/// that happens, in order.
///
/// Dropping the future ends the run and every call of it. It has to be polled within a tokio runtime, on which it runs
/// independent nodes at the same time.
///
/// # Errors
///
/// Where the input does not meet the flow's schema: then nothing runs, and the journal hears nothing. Where a node fails,
/// which ends those beside it; where an expression fails; where what the run holds or gives is too large.
pub async fn run(
    plan: Arc<Plan>,
    id: &str,
    input: Tree,
    journal: Arc<dyn Journal>,
) -> Result<Tree, RunError> {
    if let Some(schema) = &plan.input {
        schema.check(&input).map_err(RunError::Input)?;
    }
    let mut run = Run {
        id,
        plan: &plan,
        tasks: JoinSet::new(),
        ready: VecDeque::new(),
        events: Events::start(Arc::clone(&plan), journal, &input),
        state: State::new(&plan, input),
    };
    let result = run.drive().await.and_then(|()| run.state.output());
    // What runs beside is told to stop, and has stopped before the journal hears that the run is over.
    run.tasks.shutdown().await;
    run.events.finish(&result);
    result
}

struct Run<'p> {
    id: &'p str,
    plan: &'p Arc<Plan>,
    /// The calls that run beside the one in place.
    tasks: JoinSet<(u32, CallEnd)>,
    /// Nodes that have what they need, the first to start at the front.
    ready: VecDeque<u32>,
    events: Events,
    state: State<'p>,
}

/// The call that runs in place.
type InPlace<'p> = (u32, BoxFuture<'p, CallEnd>);

impl<'p> Run<'p> {
    /// Runs every node, each after those that it needs, until all have run or one has failed.
    async fn drive(&mut self) -> Result<(), RunError> {
        self.ready.extend(self.state.ready_at_first());
        let mut in_place: Option<InPlace<'p>> = None;
        loop {
            self.start_beside(in_place.is_some())?;
            if in_place.is_none()
                && let Some(node) = self.ready.pop_front()
            {
                let call = self.start(node)?;
                let runner = &self.plan.nodes[node as usize].runner;
                in_place = Some((node, runner.run(call)));
            }
            let (node, end) = match &mut in_place {
                None if self.tasks.is_empty() => return Ok(()),
                None => beside(&mut self.tasks).await?,
                Some((node, call)) if self.tasks.is_empty() => (*node, guarded(call).await),
                Some((node, call)) => {
                    match select(pin!(guarded(call)), pin!(beside(&mut self.tasks))).await {
                        Either::Left((end, _)) => (*node, end),
                        Either::Right((ended, _)) => ended?,
                    }
                }
            };
            in_place = in_place.filter(|(running, _)| *running != node);
            self.ended(node, end)?;
        }
    }

    /// Starts what is ready as tasks, and leaves one for the place of the run itself.
    fn start_beside(&mut self, in_place: bool) -> Result<(), RunError> {
        while self.ready.len() + usize::from(in_place) > 1 && self.tasks.len() + 1 < MAX_RUNNING {
            let Some(node) = self.ready.pop_front() else {
                break;
            };
            let call = self.start(node)?;
            let plan = Arc::clone(self.plan);
            self.tasks.spawn(async move {
                let runner = &plan.nodes[node as usize].runner;
                (node, guarded(runner.run(call)).await)
            });
        }
        Ok(())
    }

    /// Makes a node's call.
    fn start(&mut self, node: u32) -> Result<Call, RunError> {
        let inputs = self.state.inputs(node)?;
        let name = self.plan.nodes[node as usize].name.as_str();
        Ok(Call {
            id: [self.id, "/", name].concat().into(),
            attempt: 1,
            inputs,
            sink: self.events.node_started(node),
        })
    }

    fn ended(&mut self, node: u32, end: CallEnd) -> Result<(), RunError> {
        let CallEnd { result, receipt } = end;
        let result = result.map_err(Arc::new);
        self.events.node_finished(node, &result, &receipt);
        match result {
            Ok(outputs) => self.state.accept(node, outputs, &mut self.ready),
            Err(error) => Err(RunError::Node {
                node: self.plan.nodes[node as usize].name.clone(),
                error,
            }),
        }
    }
}

/// The next call to end beside the one in place.
async fn beside(tasks: &mut JoinSet<(u32, CallEnd)>) -> Result<(u32, CallEnd), RunError> {
    match tasks.join_next().await {
        Some(Ok(ended)) => Ok(ended),
        // A task catches its panics, and nobody ends it but the run: so the runtime itself stops.
        Some(Err(_)) | None => Err(RunError::Stopped),
    }
}

/// A call whose panic is a fault of the host, and of nobody else.
async fn guarded(call: impl Future<Output = CallEnd>) -> CallEnd {
    AssertUnwindSafe(call)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| CallEnd {
            result: Err(CallError::Host(HostFault::new(format!(
                "the call panicked: {}",
                panic_text(&*panic)
            )))),
            receipt: Receipt::default(),
        })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a text")
}
