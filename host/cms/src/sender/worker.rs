//! The task behind a sender. It waits for all at once: data, the answers to requests that are on their way, the time when the next may go,
//! and the end.
//!
//! Batches are numbered when they are made, and the lowest number goes first, from memory or from the spool; those that CMS failed at
//! wait behind the others. After a failure everything goes to the spool at once: whatever ends the process then, it is there for the
//! next one.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

use super::SenderConfig;
use super::counters::{Counters, Trouble, add};
use super::inbox::{Held, Inbox};
use super::packer::Packer;
use super::quiet::Quiet;
use super::source::Source;
use super::spool::Spool;
use super::suspects::Suspects;
use super::work::Work;
use crate::{CallError, Client, Clock, Datum, MAX_ENTRIES, Refusal, RefusalKind};

/// How many requests are on their way at once: with one, a slow way would bound how many there are in a second.
const MAX_CALLS: usize = 4;

/// How many batches wait in memory while all is well.
const MAX_READY: usize = 256;

/// How many wait there if the spool cannot be written.
const MAX_HELD: usize = 512;

/// How many data are drawn from a source at once.
const PIECE: usize = 10 * MAX_ENTRIES;

/// How many sources wait for room. What they give past that goes to the spool.
const MAX_SOURCES: usize = 4;

/// How long a disk that failed is left alone.
const DISK_REST: Duration = Duration::from_secs(10);

/// How often the same trouble is said, and the same refusal.
const SAY_TROUBLE: Duration = Duration::from_secs(600);
const SAY_REFUSAL: Duration = Duration::from_secs(60);

type Timer = Option<BoxFuture<'static, ()>>;

/// An answer, and which batch it is about.
type Call = BoxFuture<'static, (u64, Result<(), CallError>)>;

pub(super) struct Worker {
    client: Client,
    clock: Arc<dyn Clock>,
    inbox: Arc<Inbox>,
    counters: Arc<Counters>,
    spool: Spool,
    packer: Packer,
    linger: Duration,
    /// What gives data when there is room.
    sources: VecDeque<Source>,
    /// Batches in memory.
    ready: BTreeMap<u64, Arc<Vec<Datum>>>,
    next_number: u64,
    /// Batches of which a part is on its way.
    out: BTreeMap<u64, Work>,
    /// Batches of which a part was settled, and the next can go.
    begun: BTreeMap<u64, Work>,
    suspects: Suspects,
    backoff: ExponentialBuilder,
    delays: Option<ExponentialBackoff>,
    interval: Duration,
    /// The answers that are waited for.
    calls: FuturesUnordered<Call>,
    /// Until the open batch is sent, full or not.
    lingering: Timer,
    /// Until a request may be made after a failure.
    pause: Timer,
    /// Until a request may be made after another.
    pace: Timer,
    /// Until a disk that failed is tried again.
    disk_rests: Timer,
    /// Until the end.
    deadline: Timer,
    troubles: Quiet<Trouble>,
    refusals: Quiet<RefusalKind>,
    disk: Quiet<&'static str>,
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
            sources: VecDeque::new(),
            ready: BTreeMap::new(),
            out: BTreeMap::new(),
            begun: BTreeMap::new(),
            suspects: Suspects::default(),
            // Where it is not seeded, backon without `std` begins each sequence alike, and hosts would come back all at once.
            backoff: backoff
                .with_jitter_seed(config.seed.unwrap_or_else(rand::random))
                .with_jitter(),
            delays: None,
            interval: Duration::from_secs(1) / per_second,
            calls: FuturesUnordered::new(),
            lingering: None,
            pause: None,
            pace: None,
            disk_rests: None,
            deadline: None,
            troubles: Quiet::new(SAY_TROUBLE),
            refusals: Quiet::new(SAY_REFUSAL),
            disk: Quiet::new(SAY_REFUSAL),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            self.collect();
            while self.draw() {
                self.relieve().await;
                tokio::task::yield_now().await;
            }
            let is_stuck = self.pause.is_some() && self.out.is_empty();
            if self.deadline.is_some() && (is_stuck || self.is_empty()) {
                break;
            }
            self.relieve().await;
            self.begin().await;
            tokio::select! {
                biased;
                () = over(&mut self.deadline) => break,
                Some((number, answer)) = self.calls.next() => self.settle(number, answer).await,
                () = over(&mut self.pause) => {}
                () = over(&mut self.pace) => {}
                () = over(&mut self.disk_rests) => {}
                () = over(&mut self.lingering) => self.seal(),
                () = self.inbox.changed() => {}
            }
        }
        self.leave().await;
    }

    /// Makes batches of what came.
    fn collect(&mut self) {
        let Held {
            data,
            sources,
            closed,
        } = self.inbox.take();
        self.sources.extend(sources);
        self.pack(data);
        if let Some(deadline) = closed {
            let clock = &self.clock;
            self.deadline.get_or_insert_with(|| clock.sleep(deadline));
        }
        if self.deadline.is_some() && self.sources.is_empty() {
            self.seal();
        }
        self.linger();
    }

    /// Takes a piece of what a source gives, if there is room, or if it has to go to the spool. Whether there may be more to take.
    fn draw(&mut self) -> bool {
        let has_room = self.ready.len() < MAX_READY / 2;
        let is_much = self.pause.is_some() || self.sources.len() > MAX_SOURCES;
        // At the end that is done in one piece.
        let spools = is_much && self.deadline.is_none();
        if !has_room && (!spools || self.disk_rests.is_some()) {
            return false;
        }
        let Some(source) = self.sources.front_mut() else {
            return false;
        };
        let piece: Vec<_> = source.take(PIECE).collect();
        if piece.len() < PIECE {
            self.sources.pop_front();
        }
        self.counters.offered(piece.len(), 0);
        self.pack(piece);
        if self.deadline.is_some() && self.sources.is_empty() {
            self.seal();
        }
        self.linger();
        true
    }

    fn pack(&mut self, data: impl IntoIterator<Item = Datum>) {
        for datum in data {
            if let Some(batch) = self.packer.add(datum) {
                self.number(batch);
            }
        }
    }

    fn linger(&mut self) {
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
        let works = self.out.is_empty() && self.begun.is_empty();
        works && self.ready.is_empty() && self.sources.is_empty()
    }

    /// Moves batches to the spool where CMS cannot be reached, or there are too many.
    async fn relieve(&mut self) {
        let wants = self.pause.is_some() || self.ready.len() > MAX_READY;
        while wants && self.disk_rests.is_none() {
            let Some((number, batch)) = self.ready.pop_first() else {
                break;
            };
            if let Err(error) = self.spool.put(number, batch.clone()).await {
                self.disk_failed("the spool of metrics cannot be written", &error);
                self.ready.insert(number, batch);
            }
        }
        while self.ready.len() > MAX_HELD {
            if let Some((_, batch)) = self.ready.pop_first() {
                add(&self.counters.spool_failed, batch.len());
            }
        }
    }

    /// Leaves the disk alone for a while, and says so once in a while.
    fn disk_failed(&mut self, what: &'static str, error: &io::Error) {
        self.disk_rests = Some(self.clock.sleep(DISK_REST));
        if let Some(times) = self.disk.came(what, self.clock.now()) {
            tracing::warn!(%error, times, "{what}");
        }
    }

    /// Makes the next request, if there is anything to be sent and it may be.
    async fn begin(&mut self) {
        // After a failure one shows whether it is over.
        let most = if self.delays.is_some() { 1 } else { MAX_CALLS };
        if self.pause.is_some() || self.pace.is_some() || self.out.len() >= most {
            return;
        }
        let Some(work) = self.next().await else {
            return;
        };
        let Some(part) = work.part().cloned() else {
            return;
        };
        let (number, client) = (work.number, self.client.clone());
        self.calls.push(Box::pin(async move {
            (number, client.put_custom_metric(&part).await)
        }));
        self.out.insert(number, work);
        self.pace = Some(self.clock.sleep(self.interval));
    }

    /// What was begun, or the oldest batch.
    async fn next(&mut self) -> Option<Work> {
        if let Some((_, begun)) = self.begun.pop_first() {
            return Some(begun);
        }
        while let Some(number) = self.oldest() {
            let most = self.suspects.most(number);
            if let Some(data) = self.ready.remove(&number) {
                return Some(Work::new(number, false, &data, most));
            }
            match self.spool.read(number).await {
                Ok(Some(data)) => return Some(Work::new(number, true, &data, most)),
                Ok(None) => self.suspects.settled(number),
                Err(error) => {
                    // It may be all of them that cannot be read for now.
                    self.suspects.unreadable(number);
                    self.disk_failed("the spool of metrics cannot be read", &error);
                    return None;
                }
            }
        }
        None
    }

    /// The oldest batch that is no suspect, or else the suspect that was tried least. At the end only of those in memory: the others are
    /// where they should be. While the disk rests, too.
    fn oldest(&mut self) -> Option<u64> {
        let (suspects, spool, ready) = (&mut self.suspects, &self.spool, &self.ready);
        let (out, begun) = (&self.out, &self.begun);
        let reads = self.deadline.is_none() && self.disk_rests.is_none();
        let usual = |number: u64| !suspects.has(number);
        let in_memory = ready.keys().copied().find(|number| usual(*number));
        let spooled = if reads { spool.first(usual) } else { None };
        let usual = [in_memory, spooled].into_iter().flatten().min();
        usual.or_else(|| {
            let works = |number: u64| out.contains_key(&number) || begun.contains_key(&number);
            let waits = |number: u64| ready.contains_key(&number);
            suspects.first(
                |number| works(number) || waits(number) || spool.has(number),
                |number| !works(number) && (waits(number) || reads),
            )
        })
    }

    /// What an answer means for the part that was sent.
    async fn settle(&mut self, number: u64, answer: Result<(), CallError>) {
        let Some(mut work) = self.out.remove(&number) else {
            return;
        };
        match answer {
            Ok(()) => {
                self.suspects.taken(number);
                add(&self.counters.sent, work.settle());
            }
            Err(CallError::Refused(refusal)) if refusal.kind != RefusalKind::Authentication => {
                if !work.halve() {
                    self.refused(&refusal, &work);
                    work.settle();
                }
            }
            Err(error) => return self.fail(work, &error).await,
        }
        if self.delays.take().is_some() {
            self.troubles.clear();
            tracing::info!("metrics are reported again");
        }
        if work.part().is_some() {
            if self.pause.is_some() {
                return self.put_back(work).await;
            }
            self.begun.insert(number, work);
            return;
        }
        self.suspects.settled(number);
        if work.spooled {
            self.spool.remove(number).await;
        }
    }

    /// Nothing goes for now. What was to go, and is not on its way, goes to the spool, and so does all else.
    async fn fail(&mut self, mut work: Work, error: &CallError) {
        let trouble = Trouble::of(error);
        self.counters.retried(trouble);
        if let Some(times) = self.troubles.came(trouble, self.clock.now()) {
            tracing::warn!(%error, times, "metrics cannot be reported; they are kept, and sent later");
        }
        if trouble == Trouble::Fault {
            self.doubt(&mut work);
        }
        // Of several that were on their way the first says it.
        if self.pause.is_none() {
            let backoff = self.backoff;
            let delays = self.delays.get_or_insert_with(|| backoff.build());
            let delay = delays.next().unwrap_or(Duration::from_secs(60));
            self.pause = Some(self.clock.sleep(delay));
        }
        self.put_back(work).await;
        for (_, begun) in std::mem::take(&mut self.begun) {
            self.put_back(begun).await;
        }
    }

    /// CMS failed at a part: it may be for what is in it. The others go first, and it itself in halves.
    fn doubt(&mut self, work: &mut Work) {
        let Some(part) = work.part() else { return };
        let taken = self.counters.status().sent;
        if self.suspects.failed(work.number, part.len(), taken) {
            let refusal = Refusal {
                kind: RefusalKind::Other,
                code: "5xx".to_owned(),
                message: "CMS fails at it each time, and takes others".to_owned(),
            };
            self.refused(&refusal, work);
            work.settle();
        } else {
            work.put_last();
        }
    }

    /// A datum that is alone is refused, and gone.
    fn refused(&mut self, refusal: &Refusal, work: &Work) {
        self.counters.refused(refusal.kind);
        let Some(times) = self.refusals.came(refusal.kind, self.clock.now()) else {
            return;
        };
        if let Some(datum) = work.part().and_then(|part| part.first()) {
            tracing::warn!(%refusal, times, %datum, "CMS refuses metrics; this is one of them");
        }
    }

    /// Leaves what is not settled of the work where it is found again.
    async fn put_back(&mut self, work: Work) {
        let (number, spooled, changed) = (work.number, work.spooled, work.is_changed());
        let rest = work.rest();
        if !spooled {
            if !rest.is_empty() {
                self.ready.insert(number, Arc::new(rest));
            }
            return;
        }
        if rest.is_empty() {
            self.spool.remove(number).await;
        } else if changed && let Err(error) = self.spool.put(number, Arc::new(rest)).await {
            // What was taken is sent again then, as it was.
            self.disk_failed("a batch in the spool cannot be shortened", &error);
        }
        self.spool.release(number);
    }

    /// The end: everything that is in memory goes to the spool.
    async fn leave(mut self) {
        self.calls.clear();
        self.seal();
        let works = std::mem::take(&mut self.out).into_values();
        for work in works.chain(std::mem::take(&mut self.begun).into_values()) {
            if work.is_changed() || !work.spooled {
                self.ready.insert(work.number, Arc::new(work.rest()));
            }
        }
        let ready = std::mem::take(&mut self.ready).into_iter();
        let rest = packed(self.sources, self.counters).map(Arc::new);
        self.spool
            .put_all(ready.chain((self.next_number..).zip(rest)))
            .await;
    }
}

/// Batches of what sources have left.
fn packed(
    sources: VecDeque<Source>,
    counters: Arc<Counters>,
) -> impl Iterator<Item = Vec<Datum>> + Send + 'static {
    let mut packer = Packer::default();
    let mut data = sources.into_iter().flatten();
    std::iter::from_fn(move || {
        for datum in data.by_ref() {
            counters.offered(1, 0);
            if let Some(batch) = packer.add(datum) {
                return Some(batch);
            }
        }
        packer.seal()
    })
}

/// Resolves when a timer is over, once.
async fn over(timer: &mut Timer) {
    match timer {
        Some(running) => running.await,
        None => std::future::pending().await,
    }
    *timer = None;
}
