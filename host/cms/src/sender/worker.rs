//! The task behind a sender. It waits for four things at once: data, the answer to the one request that is on its way, the time when the
//! next may go, and the end.
//!
//! Batches are numbered when they are made, and the lowest number goes first, from memory or from the spool. After a failure everything
//! goes to the spool at once: whatever ends the process then, it is there for the next one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use futures::future::BoxFuture;

use super::SenderConfig;
use super::counters::{Counters, add};
use super::inbox::Inbox;
use super::packer::Packer;
use super::spool::Spool;
use super::work::Work;
use crate::{CallError, Client, Clock, Datum, Refusal, RefusalKind};

/// How many batches wait in memory while all is well.
const MAX_READY: usize = 256;

/// How many wait there if the spool cannot be written.
const MAX_HELD: usize = 512;

type Timer = Option<BoxFuture<'static, ()>>;

pub(super) struct Worker {
    client: Client,
    clock: Arc<dyn Clock>,
    inbox: Arc<Inbox>,
    counters: Arc<Counters>,
    spool: Spool,
    packer: Packer,
    linger: Duration,
    /// Batches in memory.
    ready: BTreeMap<u64, Arc<Vec<Datum>>>,
    next_number: u64,
    work: Option<Work>,
    backoff: ExponentialBuilder,
    delays: Option<ExponentialBackoff>,
    interval: Duration,
    /// The answer that is waited for.
    call: Option<BoxFuture<'static, Result<(), CallError>>>,
    /// Until the open batch is sent, full or not.
    lingering: Timer,
    /// Until a request may be made after a failure.
    pause: Timer,
    /// Until a request may be made after another.
    pace: Timer,
    /// Until the end.
    deadline: Timer,
}

impl Worker {
    pub(super) fn new(
        client: Client,
        config: SenderConfig,
        inbox: Arc<Inbox>,
        counters: Arc<Counters>,
        spool: Spool,
    ) -> Self {
        let region = client.endpoint().requests_per_second();
        let per_second = config.requests_per_second.unwrap_or(region / 2).max(1);
        let backoff = ExponentialBuilder::new()
            .with_min_delay(config.min_delay)
            .with_max_delay(config.max_delay)
            .without_max_times();
        Self {
            clock: client.clock().clone(),
            client,
            inbox,
            counters,
            next_number: spool.next_number(),
            spool,
            packer: Packer::default(),
            linger: config.linger,
            ready: BTreeMap::new(),
            work: None,
            // Where it is not seeded, backon without `std` begins each sequence alike, and hosts would come back all at once.
            backoff: backoff
                .with_jitter_seed(config.seed.unwrap_or_else(rand::random))
                .with_jitter(),
            delays: None,
            interval: Duration::from_secs(1) / per_second,
            call: None,
            lingering: None,
            pause: None,
            pace: None,
            deadline: None,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            self.collect();
            if self.deadline.is_some() && (self.pause.is_some() || self.is_empty()) {
                break;
            }
            self.relieve().await;
            self.begin().await;
            tokio::select! {
                biased;
                () = over(&mut self.deadline) => break,
                answer = arrives(&mut self.call) => self.settle(answer).await,
                () = over(&mut self.pause) => {}
                () = over(&mut self.pace) => {}
                () = over(&mut self.lingering) => self.seal(),
                () = self.inbox.changed() => {}
            }
        }
        self.leave().await;
    }

    /// Makes batches of what came.
    fn collect(&mut self) {
        let (data, closed) = self.inbox.take();
        for datum in data {
            if let Some(batch) = self.packer.add(datum) {
                self.number(batch);
            }
        }
        if let Some(deadline) = closed {
            self.seal();
            let clock = &self.clock;
            self.deadline.get_or_insert_with(|| clock.sleep(deadline));
        }
        if self.packer.is_empty() {
            self.lingering = None;
        } else if self.lingering.is_none() {
            self.lingering = Some(self.clock.sleep(self.linger));
        }
    }

    fn seal(&mut self) {
        if let Some(batch) = self.packer.seal() {
            self.number(batch);
        }
    }

    fn number(&mut self, batch: Vec<Datum>) {
        self.ready.insert(self.next_number, Arc::new(batch));
        self.next_number += 1;
    }

    /// Whether nothing is left that was in memory.
    fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.work.is_none()
    }

    /// Moves batches to the spool where CMS cannot be reached, or there are too many.
    async fn relieve(&mut self) {
        if self.pause.is_none() && self.ready.len() <= MAX_READY {
            return;
        }
        while let Some((number, batch)) = self.ready.pop_first() {
            if let Err(error) = self.spool.put(number, batch.clone()).await {
                tracing::warn!(%error, "the spool of metrics cannot be written");
                self.ready.insert(number, batch);
                break;
            }
        }
        while self.ready.len() > MAX_HELD {
            if let Some((_, batch)) = self.ready.pop_first() {
                add(&self.counters.spool_failed, batch.len());
            }
        }
    }

    /// Makes the next request, if there is anything to be sent and it may be.
    async fn begin(&mut self) {
        if self.call.is_some() || self.pause.is_some() || self.pace.is_some() {
            return;
        }
        if self.work.is_none() {
            self.work = self.next().await;
        }
        let part = self.work.as_ref().and_then(Work::part).cloned();
        if let Some(part) = part {
            let client = self.client.clone();
            self.call = Some(Box::pin(
                async move { client.put_custom_metric(&part).await },
            ));
            self.pace = Some(self.clock.sleep(self.interval));
        }
    }

    /// The oldest batch. At the end only of those in memory: the others are where they should be.
    async fn next(&mut self) -> Option<Work> {
        let ready = self.ready.keys().next().copied();
        let spooled = self.spool.first().filter(|_| self.deadline.is_none());
        let from_spool = spooled.is_some_and(|spooled| ready.is_none_or(|ready| spooled < ready));
        if from_spool && let Some((number, data)) = self.spool.oldest().await {
            return Some(Work::new(number, true, data));
        }
        let (number, data) = self.ready.pop_first()?;
        Some(Work::new(number, false, Arc::unwrap_or_clone(data)))
    }

    /// What an answer means for the part that was sent.
    async fn settle(&mut self, answer: Result<(), CallError>) {
        let Some(work) = &mut self.work else { return };
        match answer {
            Ok(()) => add(&self.counters.sent, work.settle()),
            Err(CallError::Refused(refusal)) if refusal.kind != RefusalKind::Authentication => {
                if !work.halve() {
                    work.settle();
                    self.counters.refused(refusal.kind);
                    refused(&refusal);
                }
            }
            Err(error) => return self.fail(&error).await,
        }
        if self.delays.take().is_some() {
            tracing::info!("metrics are reported again");
        }
        if work.part().is_none() {
            let settled = self.work.take();
            if let Some(Work { number, .. }) = settled.filter(|work| work.spooled) {
                self.spool.remove(number).await;
            }
        }
    }

    /// Nothing goes for now. What was on its way goes to the spool, and so does all else.
    async fn fail(&mut self, error: &CallError) {
        self.counters.retried.fetch_add(1, Relaxed);
        if self.delays.is_none() {
            tracing::warn!(%error, "metrics cannot be reported; they are kept, and sent later");
        }
        let backoff = self.backoff;
        let delays = self.delays.get_or_insert_with(|| backoff.build());
        let delay = delays.next().unwrap_or(Duration::from_secs(60));
        self.pause = Some(self.clock.sleep(delay));
        self.put_back().await;
    }

    /// Leaves what is not settled of the work where it is found again.
    async fn put_back(&mut self) {
        let Some(work) = self.work.take() else { return };
        let (number, spooled, begun) = (work.number, work.spooled, work.is_begun());
        let rest = Arc::new(work.rest());
        if spooled {
            if begun && let Err(error) = self.spool.put(number, rest).await {
                // What was taken is sent again then, as it was.
                tracing::warn!(%error, "a batch in the spool cannot be shortened");
            }
            self.spool.release();
        } else {
            self.ready.insert(number, rest);
        }
    }

    /// The end: everything that is in memory goes to the spool.
    async fn leave(mut self) {
        self.call = None;
        self.put_back().await;
        for (number, batch) in std::mem::take(&mut self.ready) {
            let data = batch.len();
            if let Err(error) = self.spool.put(number, batch).await {
                tracing::warn!(%error, "the spool of metrics cannot be written");
                add(&self.counters.spool_failed, data);
            }
        }
    }
}

/// Resolves when a timer is over, once.
async fn over(timer: &mut Timer) {
    match timer {
        Some(running) => running.await,
        None => std::future::pending().await,
    }
    *timer = None;
}

/// Resolves with an answer, once.
async fn arrives<T>(call: &mut Option<BoxFuture<'static, T>>) -> T {
    let answer = match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    };
    *call = None;
    answer
}

fn refused(refusal: &Refusal) {
    tracing::warn!(%refusal, "CMS refuses a metric");
}
