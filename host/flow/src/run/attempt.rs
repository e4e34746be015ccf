//! One attempt at a node: a call in the sandbox, or a run of a sub-flow, within its time.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Waker, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lockgate_model::{
    At, Call, CallEnd, CallError, CallSink, Clock, Exhausted, HostFault, Ident, Input, LogLevel,
    NodeReceipt, Outputs, Receipt, Value,
};

use super::context::Context;
use super::events::{Events, Mark};
use super::feed::Feed;
use super::pipe::Outlet;
use super::sub_flow;
use crate::plan::{NodeWork, PlanNode, Work};

/// What an attempt is made with.
pub(super) struct Attempt<'a> {
    pub(super) context: &'a Arc<Context>,
    pub(super) node: &'a PlanNode,
    pub(super) at: &'a At,
    pub(super) mark: Mark,
    pub(super) attempt: u32,
    /// The inputs that are there whole.
    pub(super) whole: &'a [(Ident, Value)],
    /// The inputs that come in parts.
    pub(super) outlets: &'a [(Ident, Outlet)],
    pub(super) feed: Option<Arc<Feed>>,
}

/// How an attempt ended.
pub(super) struct AttemptEnd {
    /// None where it was ended because nobody read it any more.
    pub(super) result: Option<Result<Outputs, Arc<CallError>>>,
    pub(super) receipt: NodeReceipt,
}

/// Makes an attempt.
pub(super) async fn make(attempt: Attempt<'_>) -> AttemptEnd {
    match &attempt.node.work {
        Work::Node(work) => call(attempt, work).await,
        Work::Flow(work) => sub_flow::call(attempt, work).await,
    }
}

async fn call(attempt: Attempt<'_>, work: &NodeWork) -> AttemptEnd {
    let Attempt {
        context,
        at,
        mark,
        attempt,
        whole,
        outlets,
        feed,
        ..
    } = attempt;
    let whole = whole
        .iter()
        .map(|(name, value)| (name.clone(), Input::Value(value.clone())));
    let piped = outlets
        .iter()
        .map(|(name, outlet)| (name.clone(), Input::Parts(outlet.reader())));
    let call = Call {
        id: call_id(context, at),
        attempt,
        inputs: whole.chain(piped).collect(),
        sink: Arc::new(Sink {
            events: context.root.events.clone(),
            mark,
            feed: feed.clone(),
        }),
    };
    let call = guarded(work.runner.run(call));
    let timeout = (!work.runner.keeps_time()).then(|| work.limits.timeout());
    let call = within(call, &*context.engine.clock, timeout);
    let ended = match &feed {
        None => Some(call.await),
        Some(feed) => tokio::select! {
            biased;
            end = call => Some(end),
            () = feed.unread() => None,
        },
    };
    let (result, receipt) = match ended {
        None => (None, Receipt::default()),
        Some(Ok(CallEnd { result, receipt })) => (Some(result), receipt),
        Some(Err(timed_out)) => (Some(Err(timed_out.into())), Receipt::default()),
    };
    AttemptEnd {
        result: result.map(|result| result.map_err(Arc::new)),
        receipt: NodeReceipt {
            attempts: 1,
            calls: receipt,
            ..NodeReceipt::default()
        },
    }
}

/// Names one element of one node of one run, whatever the attempt.
fn call_id(context: &Context, at: &At) -> Arc<str> {
    format!("{}/{at}", context.root.id).into()
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

/// What a future gives if it gives it in time. A future that never waits sets no alarm.
pub(super) async fn within<F: Future>(
    future: F,
    clock: &dyn Clock,
    timeout: Option<Duration>,
) -> Result<F::Output, Exhausted> {
    let Some(timeout) = timeout else {
        return Ok(future.await);
    };
    let in_time = Within {
        future: pin!(future),
        alarm: None,
        clock,
        timeout,
    };
    in_time.await
}

struct Within<'a, F> {
    future: Pin<&'a mut F>,
    alarm: Option<BoxFuture<'static, ()>>,
    clock: &'a dyn Clock,
    timeout: Duration,
}

impl<F: Future> Future for Within<'_, F> {
    type Output = Result<F::Output, Exhausted>;

    fn poll(mut self: Pin<&mut Self>, waker: &mut Waker<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(value) = self.future.as_mut().poll(waker) {
            return Poll::Ready(Ok(value));
        }
        let this = &mut *self;
        let alarm = this
            .alarm
            .get_or_insert_with(|| this.clock.sleep(this.timeout));
        alarm
            .poll_unpin(waker)
            .map(|()| Err(Exhausted::timeout(this.timeout)))
    }
}

/// What one attempt writes to.
struct Sink {
    events: Events,
    mark: Mark,
    feed: Option<Arc<Feed>>,
}

impl CallSink for Sink {
    fn log(&self, level: LogLevel, line: &str) {
        self.events.log(self.mark, level, line);
    }

    fn part<'a>(&'a self, port: &'a Ident, part: &'a Value) -> BoxFuture<'a, bool> {
        let goes_on = self.events.part(self.mark, port, part);
        match &self.feed {
            Some(feed) if goes_on => Box::pin(feed.send(port, part)),
            _ => Box::pin(std::future::ready(goes_on)),
        }
    }
}
