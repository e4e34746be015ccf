//! Time that passes when nothing else happens: an hour of it takes as long as what is done in it.
//!
//! A test runs in [`VirtualTime::run`], on one thread. Whenever that thread has nothing to do, time jumps to the next moment that
//! something sleeps for; unless an answer is on its way, which is when time has to stand still.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;

/// Tells a server the time of the day.
pub type Now = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// A clock that jumps. Cheap to clone: all clones tell the same time.
#[derive(Clone)]
pub struct VirtualTime(Arc<Mutex<Time>>, Arc<Notify>);

/// How long it is looked on, by the machine's clock, before time jumps while a server holds an answer back: whether the client still waits
/// for it is known when the end of its connection has come through.
const SETTLES: Duration = Duration::from_millis(3);

struct Time {
    began: SystemTime,
    passed: Duration,
    /// Who sleeps, by when it is over.
    sleepers: BTreeMap<(Duration, u64), Waker>,
    next_id: u64,
    /// How many answers are waited for, and how many of these a server holds back.
    awaited: usize,
    held: usize,
    /// How often these changed, and how often they had when it was last looked on.
    changes: u64,
    settled: u64,
}

impl VirtualTime {
    /// Time that begins at a moment.
    pub fn new(began: SystemTime) -> Self {
        let time = Arc::new(Mutex::new(Time {
            began,
            passed: Duration::ZERO,
            sleepers: BTreeMap::new(),
            next_id: 0,
            awaited: 0,
            held: 0,
            changes: 0,
            settled: 0,
        }));
        Self(time, Arc::default())
    }

    /// Runs a test in this time.
    ///
    /// # Errors
    ///
    /// The system gives no runtime.
    pub fn run<T>(&self, test: impl Future<Output = T>) -> std::io::Result<T> {
        let time = self.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .on_thread_park(move || time.idle())
            .build()?;
        let time = self.clone();
        Ok(runtime.block_on(async move {
            let settling = tokio::spawn(time.settle());
            let done = test.await;
            settling.abort();
            done
        }))
    }

    /// The time of the day.
    pub fn now(&self) -> SystemTime {
        let time = self.lock();
        time.began + time.passed
    }

    /// For servers.
    pub fn teller(&self) -> Now {
        let time = self.clone();
        Arc::new(move || time.now())
    }

    /// Resolves when `duration` has passed.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        self.sleeper(duration, false)
    }

    /// As [`VirtualTime::sleep`], for who waits for an answer meanwhile.
    pub fn patience(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        self.lock().count(1, 0);
        self.sleeper(duration, true)
    }

    /// Moves time on, without waiting for anything.
    pub fn advance(&self, duration: Duration) {
        let mut time = self.lock();
        let until = time.passed + duration;
        time.wake(until);
    }

    /// Says that a server holds an answer back, until what this gives is dropped.
    pub(crate) fn hold(&self) -> Hold {
        self.lock().count(0, 1);
        Hold(self.clone())
    }

    /// What sleeps registers when it is first polled, so that a sleeper that nobody polls keeps nobody waiting.
    fn sleeper(&self, duration: Duration, awaits: bool) -> Sleeper {
        let mut time = self.lock();
        time.next_id += 1;
        Sleeper {
            key: (time.passed + duration, time.next_id),
            time: self.clone(),
            awaits,
        }
    }

    /// The thread has nothing to do.
    fn idle(&self) {
        let mut time = self.lock();
        let all_held = time.held >= time.awaited;
        if time.awaited == 0 || (all_held && time.settled == time.changes) {
            time.jump();
        } else if all_held {
            self.1.notify_one();
        }
    }

    /// Jumps where all answers that are waited for are held back.
    async fn settle(self) {
        loop {
            self.1.notified().await;
            let before = self.lock().changes;
            tokio::time::sleep(SETTLES).await;
            // The thread is idle again after this, which is when time jumps.
            self.lock().settled = before;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Time> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Time {
    fn count(&mut self, awaited: isize, held: isize) {
        self.awaited = self.awaited.saturating_add_signed(awaited);
        self.held = self.held.saturating_add_signed(held);
        self.changes += 1;
    }

    fn jump(&mut self) {
        let next = self.sleepers.keys().next();
        if let Some(until) = next.map(|(until, _)| *until) {
            self.wake(until);
        }
    }

    fn wake(&mut self, until: Duration) {
        self.passed = self.passed.max(until);
        while let Some(first) = self.sleepers.first_entry() {
            if first.key().0 > self.passed {
                return;
            }
            first.remove().wake();
        }
    }
}

impl fmt::Debug for VirtualTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VirtualTime(…)")
    }
}

struct Sleeper {
    key: (Duration, u64),
    time: VirtualTime,
    awaits: bool,
}

impl Future for Sleeper {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut time = self.time.lock();
        if time.passed >= self.key.0 {
            return Poll::Ready(());
        }
        time.sleepers.insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let mut time = self.time.lock();
        time.sleepers.remove(&self.key);
        if self.awaits {
            time.count(-1, 0);
        }
    }
}

pub(crate) struct Hold(VirtualTime);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.lock().count(0, -1);
    }
}
