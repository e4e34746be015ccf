//! One node of a run, or one element of it: its attempts, from the cache or in the sandbox, until one ends it.

use std::sync::Arc;
use std::time::Duration;

use lockgate_model::{
    At, Breach, CacheKey, CallError, Ident, NodeOutcome, NodeReceipt, Outputs, Usage, Value,
};

use super::attempt::{self, Attempt};
use super::context::Context;
use super::events::{Mark, Place};
use super::feed::Feed;
use super::pipe::Outlet;
use crate::engine::{Flight, Permit, Shared};
use crate::plan::PlanNode;

/// What a node, or an element of it, is started with.
pub(super) struct Job {
    pub(super) node: u32,
    pub(super) index: Option<u32>,
    /// How many elements the batch has, where it is one.
    pub(super) batch: Option<usize>,
    pub(super) inputs: Vec<(Ident, Value)>,
    pub(super) piped: Piped,
}

/// How a job is tied to others that run at the same time.
#[derive(Default)]
pub(super) struct Piped {
    /// The inputs that come in parts.
    pub(super) outlets: Vec<(Ident, Outlet)>,
    /// Where parts of its outputs go.
    pub(super) feed: Option<Arc<Feed>>,
    /// The places that it was admitted with, together with those it is piped to.
    pub(super) admitted: Option<(Permit, Shared)>,
    /// How long it waited for them.
    pub(super) queued: Duration,
}

impl Piped {
    fn is_piped(&self) -> bool {
        self.feed.is_some() || !self.outlets.is_empty()
    }
}

/// How a job ended.
pub(super) struct Ended {
    pub(super) node: u32,
    pub(super) index: Option<u32>,
    pub(super) batch: Option<usize>,
    /// None where it was ended because nobody read it any more.
    pub(super) result: Option<Result<Outputs, Arc<CallError>>>,
    pub(super) receipt: NodeReceipt,
}

/// Does a job to its end.
pub(super) async fn run(context: Arc<Context>, job: Job) -> Ended {
    let (node, index) = (job.node, job.index);
    let mut work = Work {
        context: &context,
        node: &context.plan.nodes[node as usize],
        at: At {
            within: Arc::clone(&context.within),
            node: context.plan.nodes[node as usize].name.clone(),
            index,
        },
        job,
        mark: None,
        receipt: NodeReceipt::default(),
    };
    let result = work.outputs().await;
    work.end(result).await
}

struct Work<'c> {
    context: &'c Arc<Context>,
    node: &'c PlanNode,
    at: At,
    job: Job,
    /// Set once something began that has to end.
    mark: Option<Mark>,
    receipt: NodeReceipt,
}

/// How attempts end. None: nobody read them any more.
type Outcome = Option<Result<Outputs, Arc<CallError>>>;

impl Work<'_> {
    /// Its outputs: kept ones, those of an equal call, or those of its own attempts.
    async fn outputs(&mut self) -> Outcome {
        let Some(key) = self.cache_key() else {
            let result = self.attempts().await;
            if let Some(Ok(outputs)) = &result {
                self.keep(None, outputs).await;
            }
            return result;
        };
        let cache = Arc::clone(&self.context.engine.cache);
        if let Some(outputs) = cache.get(&key).await {
            return Some(Ok(self.reuse(outputs)));
        }
        let pilot = match self.context.engine.flights.join(key).await {
            Flight::Make(pilot) => pilot,
            Flight::Landed(Ok(outputs)) => return Some(Ok(self.reuse(outputs))),
            // What the node itself says holds for equal calls; what was done to that call does not.
            Flight::Landed(Err(error)) if matches!(*error, CallError::Failed(_)) => {
                self.begin(0);
                return Some(Err(error));
            }
            Flight::Landed(Err(_)) => return self.attempts().await,
        };
        // Somebody may have landed between the look and the start.
        if let Some(outputs) = cache.get(&key).await {
            pilot.land(Ok(outputs.clone()));
            return Some(Ok(self.reuse(outputs)));
        }
        let result = self.attempts().await;
        if let Some(result) = &result {
            if let Ok(outputs) = result {
                self.keep(Some(key), outputs).await;
            }
            pilot.land(result.clone());
        }
        result
    }

    /// What names its outputs, where they may be there already. What travels in parts is not kept.
    fn cache_key(&self) -> Option<CacheKey> {
        let project = &self.context.root.project;
        let key = || self.node.cache.key(project, &self.job.inputs);
        (!self.job.piped.is_piped()).then(key).flatten()
    }

    /// Keeps outputs for equal calls, where that is asked for or worth it.
    async fn keep(&self, key: Option<CacheKey>, outputs: &Outputs) {
        let cache = &self.node.cache;
        if let Some(age) = cache.age(self.receipt.calls.fuel)
            && !self.job.piped.is_piped()
        {
            let project = &self.context.root.project;
            let key = key.unwrap_or_else(|| cache.name(project, &self.job.inputs));
            let put = self.context.engine.cache.put(key, outputs.clone(), age);
            put.await;
        }
    }

    fn reuse(&mut self, outputs: Outputs) -> Outputs {
        self.begin(0);
        self.receipt.cache_hits = 1;
        outputs
    }

    /// Says that an attempt begins; 0 where none is needed.
    fn begin(&mut self, attempt: u32) -> Mark {
        let events = &self.context.root.events;
        let inputs = self.job.inputs.clone();
        match self.mark {
            Some(mark) => {
                events.begin_again(mark, attempt, inputs);
                mark
            }
            None => {
                let place = Place {
                    at: self.at.clone(),
                    context: self.context,
                    node: self.job.node,
                };
                let mark = events.begin(&place, attempt, inputs, None);
                self.mark = Some(mark);
                mark
            }
        }
    }

    /// Attempts until one ends it.
    async fn attempts(&mut self) -> Outcome {
        let mut attempt = 1;
        loop {
            let error = match self.attempt(attempt).await? {
                Ok(outputs) => return Some(Ok(outputs)),
                Err(error) => error,
            };
            let Some(delay) = self.delay_after(attempt, &error) else {
                return Some(Err(error));
            };
            if let Some(mark) = self.mark {
                self.context.root.events.retrying(mark, &error, delay);
            }
            self.context.engine.clock.sleep(delay).await;
            attempt += 1;
        }
    }

    /// How long the next attempt is put off, if there is to be one.
    fn delay_after(&self, attempt: u32, error: &CallError) -> Option<Duration> {
        let retry = self.node.retry.as_ref()?;
        let piped = &self.job.piped;
        let was_read = piped.feed.as_ref().is_some_and(|feed| feed.is_used())
            || piped.outlets.iter().any(|(_, outlet)| outlet.is_read());
        if attempt >= retry.attempts || was_read || !retry.repeats(error.kind()) {
            return None;
        }
        // Another attempt is another call of the run; one that has none left fails with what it has.
        self.context.count_call().ok()?;
        let after = error.failure().and_then(|failure| failure.retry_after_ms);
        let after = after.map(Duration::from_millis);
        Some(self.context.engine.delay(retry, attempt, after))
    }

    /// One attempt. None where it was ended because nobody reads it.
    async fn attempt(&mut self, attempt: u32) -> Outcome {
        let waited_since = self.context.engine.clock.now();
        let _admitted = match &self.job.piped.admitted {
            Some(_) => None,
            None => self.context.admit(self.job.node).await,
        };
        let waited = self.context.engine.clock.now().saturating_sub(waited_since);
        let mark = self.begin(attempt);
        let made = attempt::make(Attempt {
            context: self.context,
            node: self.node,
            at: &self.at,
            mark,
            attempt,
            whole: &self.job.inputs,
            outlets: &self.job.piped.outlets,
            feed: self.job.piped.feed.clone(),
        });
        let end = made.await;
        self.receipt.add(&end.receipt);
        self.receipt.calls.queue += waited + std::mem::take(&mut self.job.piped.queued);
        let result = end.result?;
        Some(result.and_then(|outputs| self.checked(outputs).map_err(Arc::new)))
    }

    /// A batch gives a list of one element for each of its elements on each output.
    fn checked(&mut self, outputs: Outputs) -> Result<Outputs, CallError> {
        if let Some(expected) = self.job.batch {
            for (port, value) in &outputs {
                check_batch(port, value, expected)?;
            }
        }
        Ok(outputs)
    }

    async fn end(mut self, result: Outcome) -> Ended {
        if let Some(Ok(outputs)) = &result {
            self.receipt.usage = match self.receipt.cache_hits {
                0 => self.receipt.usage.take().or_else(|| Usage::of(outputs)),
                _ => None, // nobody counted anything for it
            };
        }
        // Nothing of it runs any more: its places go to others before its last parts are read.
        self.job.piped.admitted = None;
        self.job.piped.outlets.clear();
        if let (Some(feed), Some(Ok(outputs))) = (self.job.piped.feed.take(), &result) {
            feed.finish(outputs).await;
        }
        if let Some(mark) = self.mark {
            let outcome = match &result {
                None => NodeOutcome::Cancelled,
                Some(Ok(outputs)) => NodeOutcome::Ok(outputs.clone()),
                Some(Err(error)) => NodeOutcome::Failed(Arc::clone(error)),
            };
            let receipt = self.receipt.clone();
            self.context.root.events.end(mark, outcome, receipt);
        }
        Ended {
            node: self.job.node,
            index: self.job.index,
            batch: self.job.batch,
            result,
            receipt: self.receipt,
        }
    }
}

fn check_batch(port: &Ident, value: &Value, expected: usize) -> Result<(), Breach> {
    let elements = match value {
        Value::Json(json) => json.elements().map(Iterator::count),
        _ => None,
    };
    if elements == Some(expected) {
        return Ok(());
    }
    Err(Breach::BatchLength {
        port: port.to_string(),
        expected,
        given: match elements {
            Some(1) => "one element".to_owned(),
            Some(count) => format!("{count} elements"),
            None => format!("{} that is no list", value.kind()),
        },
    })
}
