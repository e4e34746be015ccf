//! One run of a plan.
//!
//! The future of a run works on whatever polls it. A node that is alone is run there, with no task, no channel and no
//! lock in between; when several are ready, all but one become tasks of their own.
//!
//! From the outside in: [`root`] is the run that somebody asked for, and `Run` goes through its nodes, or those of a
//! sub-flow; `job` does one node or element, `attempt` makes one call.

mod attempt;
mod context;
mod error;
mod events;
mod fan;
mod feed;
mod job;
mod output;
mod pipe;
mod root;
mod start;
mod state;
mod sub_flow;
mod values;

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;

use futures::future::{BoxFuture, Either, select};
use lockgate_model::{
    At, CallError, Failure, FailureKind, NodeOutcome, NodeReceipt, Outputs, SkipReason,
};
use serde_json::Value as Tree;
use tokio::task::JoinSet;

use crate::document::OnFailure;
use crate::engine::{Permit, Shared};
use crate::plan::PlanNode;
use context::Context;
pub use error::{RunError, Site};
use events::Place;
use fan::Fan;
use feed::Feed;
use job::{Ended, Job};
pub use output::MAX_OUTPUT_BYTES;
pub(crate) use root::run;
pub use state::MAX_HELD_BYTES;
use state::{Extent, State};

/// How many calls of one run work at the same time, at most; those of its sub-flows count by themselves.
pub const MAX_RUNNING: usize = 64;

/// A run that goes through the nodes of a plan.
pub(crate) struct Run<'p> {
    context: &'p Arc<Context>,
    state: State<'p>,
    /// What can start, the first to start at the front.
    ready: VecDeque<Step>,
    /// What runs beside the one in place.
    tasks: JoinSet<Done>,
    /// How many jobs have begun and not ended, the one in place included.
    running: usize,
    /// The nodes with `each` that are not through.
    fans: HashMap<u32, Fan>,
    /// Of the nodes that run and are piped to others, where their parts go.
    feeds: HashMap<u32, Arc<Feed>>,
    /// What all of its nodes used.
    pub(crate) receipt: NodeReceipt,
}

/// Something that can start.
enum Step {
    /// A unit of the plan has all that it waited for.
    Unit(u32),
    /// A node with `each` may work on one more element.
    Element(u32),
}

/// Something that came to its end.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are ends, and a box for each would be one more allocation a node"
)]
enum Done {
    Ended(Ended),
    Admitted(Vec<Job>, Vec<(Permit, Shared)>),
}

/// The job that runs in place.
type InPlace = BoxFuture<'static, Ended>;

impl<'p> Run<'p> {
    fn new(context: &'p Arc<Context>, input: Arc<Tree>, extent: &Extent) -> Self {
        let plan = &context.plan;
        // A group that there can be no room for is not a group: its outputs are joined.
        let most_calls = context.engine.config.calls_per_flow.unwrap_or(u32::MAX);
        let piping = plan.units.widest <= context.engine.gate.places()
            && plan.units.largest <= most_calls.max(1);
        let vars = Arc::new(context.vars());
        Self {
            context,
            state: State::new(plan, input, vars, extent, piping),
            ready: VecDeque::new(),
            tasks: JoinSet::new(),
            running: 0,
            fans: HashMap::new(),
            feeds: HashMap::new(),
            receipt: NodeReceipt::default(),
        }
    }

    /// Runs what is asked for to its end, and gives the flow's outputs, or those of the node it stops at. What may still
    /// run beside ends with this.
    async fn complete(&mut self, extent: Extent) -> Result<Outputs, RunError> {
        self.drive(extent.pinned).await?;
        match extent.until {
            Some(until) => Ok(self.state.outputs_of(until)),
            None => self.state.values.outputs(),
        }
    }

    /// Runs every node, each after those that it needs, until all have run or one has failed.
    async fn drive(&mut self, pinned: HashMap<u32, Outputs>) -> Result<(), RunError> {
        self.pin(pinned)?;
        self.ready = self.state.ready_at_first();
        let mut in_place: Option<InPlace> = None;
        loop {
            if let Some(job) = self.start_ready(in_place.is_none())? {
                in_place = Some(Box::pin(job::run(Arc::clone(self.context), job)));
            }
            if self.running == 0 || self.is_unread() {
                return Ok(());
            }
            let done = match &mut in_place {
                None => beside(&mut self.tasks).await?,
                Some(job) if self.tasks.is_empty() => {
                    let ended = job.await;
                    in_place = None;
                    Done::Ended(ended)
                }
                Some(job) => match select(job, pin!(beside(&mut self.tasks))).await {
                    Either::Left((ended, _)) => {
                        in_place = None;
                        Done::Ended(ended)
                    }
                    Either::Right((done, _)) => done?,
                },
            };
            match done {
                Done::Ended(ended) => self.ended(ended)?,
                Done::Admitted(jobs, places) => self.admitted(jobs, places),
            }
        }
    }

    /// Keeps the outputs that are given instead of being computed.
    fn pin(&mut self, pinned: HashMap<u32, Outputs>) -> Result<(), RunError> {
        let mut pinned: Vec<_> = pinned.into_iter().collect();
        pinned.sort_unstable_by_key(|(node, _)| *node);
        for (node, outputs) in pinned {
            if self.state.values.slots[node as usize].is_idle() {
                continue;
            }
            let outcome = NodeOutcome::Pinned(outputs.clone());
            self.finish(node, outcome, NodeReceipt::default());
            self.state.given(node, outputs)?;
        }
        Ok(())
    }

    /// Whether all that still runs are nodes that nobody reads any more, or only others such as they are: each of them is
    /// piped to somebody, so whoever stood at the end of their pipes has ended.
    fn is_unread(&self) -> bool {
        let all_are_piped = self.ready.is_empty() && self.running == self.feeds.len();
        all_are_piped && !self.feeds.values().any(|feed| feed.is_read_whole())
    }

    /// Starts jobs that waited for their places; all of them, because they wait for each other.
    fn admitted(&mut self, jobs: Vec<Job>, places: Vec<(Permit, Shared)>) {
        for (mut job, places) in jobs.into_iter().zip(places) {
            job.piped.admitted = Some(places);
            self.spawn(job);
        }
    }

    fn ended(&mut self, ended: Ended) -> Result<(), RunError> {
        let Ended {
            node,
            index,
            batch,
            result,
            receipt,
        } = ended;
        self.running -= 1;
        let feed = self.feeds.remove(&node);
        self.receipt.add(&receipt);
        if let Some(index) = index {
            return self.element_ended(node, index, batch, result, &receipt);
        }
        match result {
            Some(Ok(outputs)) => self.done(node, outputs, None),
            Some(Err(error)) => {
                // Who reads it hears of it only now, and only if the run goes on: else it might be the first to fail.
                self.failed(node, None, Arc::clone(&error))?;
                if let Some(feed) = feed {
                    feed.fail(&error);
                }
                Ok(())
            }
            None => {
                self.absent(node, None);
                Ok(())
            }
        }
    }

    fn element_ended(
        &mut self,
        node: u32,
        index: u32,
        batch: Option<usize>,
        result: Option<Result<Outputs, Arc<CallError>>>,
        receipt: &NodeReceipt,
    ) -> Result<(), RunError> {
        let goes_on = self.node(node).on_failure == OnFailure::Continue;
        let Some(fan) = self.fans.get_mut(&node) else {
            return Ok(());
        };
        fan.receipt.add(receipt);
        match result {
            Some(Ok(outputs)) => fan.gave(index, batch, outputs),
            Some(Err(error)) if goes_on => fan.failed(index, batch, &error),
            Some(Err(error)) => {
                let (mark, receipt) = (fan.mark, std::mem::take(&mut fan.receipt));
                let outcome = NodeOutcome::Failed(Arc::clone(&error));
                // The other elements end before the node does.
                self.context.root.events.end_last(mark, outcome, receipt);
                return self.failed(node, Some(index), error);
            }
            None => {} // elements are not piped, so somebody always reads them
        }
        if fan.bytes > MAX_HELD_BYTES {
            return Err(RunError::TooMuchHeld { bytes: fan.bytes });
        }
        if fan.has_next() {
            self.ready.push_back(Step::Element(node));
        } else if fan.is_over() {
            self.fan_over(node)?;
        }
        Ok(())
    }

    /// All elements of a node have ended.
    fn fan_over(&mut self, node: u32) -> Result<(), RunError> {
        let Some(mut fan) = self.fans.remove(&node) else {
            return Ok(());
        };
        self.state.has_read(node);
        let (mark, receipt) = (fan.mark, std::mem::take(&mut fan.receipt));
        let (outputs, failure) = fan.join(&self.node(node).outputs);
        let outcome = NodeOutcome::Ok(outputs.clone());
        self.context.root.events.end(mark, outcome, receipt);
        self.done(node, outputs, failure)
    }

    fn done(
        &mut self,
        node: u32,
        outputs: Outputs,
        failure: Option<Box<Tree>>,
    ) -> Result<(), RunError> {
        self.state.done(node, outputs, failure, &mut self.ready)
    }

    fn absent(&mut self, node: u32, failure: Option<&CallError>) {
        self.state.absent(node, failure, &mut self.ready);
    }

    /// A node failed, whether the run goes on without it or not.
    fn failed(
        &mut self,
        node: u32,
        index: Option<u32>,
        error: Arc<CallError>,
    ) -> Result<(), RunError> {
        if self.node(node).on_failure == OnFailure::Continue {
            self.absent(node, Some(&error));
            return Ok(());
        }
        let node = self.at(node, index);
        Err(RunError::Node { node, error })
    }

    /// A node failed before it was called.
    fn failed_at_start(&mut self, node: u32, error: CallError) -> Result<(), RunError> {
        self.state.has_read(node);
        let error = Arc::new(error);
        let outcome = NodeOutcome::Failed(Arc::clone(&error));
        self.finish(node, outcome, NodeReceipt::default());
        self.failed(node, None, error)
    }

    /// An expression of a node failed: the flow does not hold, unless it says that it goes on without the node.
    fn expression_failed(&mut self, node: u32, error: RunError) -> Result<(), RunError> {
        if self.node(node).on_failure == OnFailure::Fail {
            return Err(error);
        }
        let failure = Failure::new(FailureKind::InvalidInput, error.to_string());
        self.failed_at_start(node, failure.into())
    }

    fn skip(&mut self, node: u32, reason: SkipReason) {
        self.state.has_read(node);
        let place = self.place(node);
        self.context.root.events.skipped(place, reason);
        self.absent(node, None);
    }

    /// Says of a node that it begins and ends without a call.
    fn finish(&self, node: u32, outcome: NodeOutcome, receipt: NodeReceipt) {
        let events = &self.context.root.events;
        let mark = events.begin(&self.place(node), 0, Vec::new(), None);
        events.end(mark, outcome, receipt);
    }

    fn node(&self, node: u32) -> &'p PlanNode {
        &self.context.plan.nodes[node as usize]
    }

    fn at(&self, node: u32, index: Option<u32>) -> At {
        At {
            within: Arc::clone(&self.context.within),
            node: self.node(node).name.clone(),
            index,
        }
    }

    fn place(&self, node: u32) -> Place<'p> {
        Place {
            at: self.at(node, None),
            context: self.context,
            node,
        }
    }
}

/// The next to end beside the one in place.
async fn beside(tasks: &mut JoinSet<Done>) -> Result<Done, RunError> {
    match tasks.join_next().await {
        Some(Ok(done)) => Ok(done),
        // A call catches its panics, and nobody ends a task but the run: so the runtime itself stops.
        Some(Err(_)) | None => Err(RunError::Stopped),
    }
}
