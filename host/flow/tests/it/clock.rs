//! Time for tests: it stands still while anything runs, and jumps to the next alarm once everything waits.
//!
//! So a test that sleeps for an hour takes no time, and the order of what happens in it is the same on every machine.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use lockgate_model::Clock;
use tokio::runtime::{Builder, Runtime};

/// A clock that a runtime moves. Clones are the same clock.
#[derive(Clone, Default)]
pub(crate) struct VirtualClock(Arc<Mutex<Alarms>>);

#[derive(Default)]
struct Alarms {
    now: Duration,
    last: u64,
    /// By when they ring, and then by who set them first.
    waiting: BTreeMap<(Duration, u64), Waker>,
}

impl VirtualClock {
    /// A runtime of one thread, on which this clock goes. Where nothing runs on it and no alarm is set, whatever was
    /// to end waits for ever: then the runtime panics.
    pub(crate) fn runtime(&self) -> Runtime {
        let clock = self.clone();
        // The thread parks when no task of it can go on: not before, and every time.
        Builder::new_current_thread()
            .on_thread_park(move || clock.jump())
            .build()
            .expect("a runtime")
    }

    /// Goes to the next moment at which somebody wants to be woken, and wakes all who wanted to be by then.
    fn jump(&self) {
        let mut alarms = self.alarms();
        let next = alarms.waiting.first_key_value().map(|(key, _)| key.0);
        let now = next.expect("something runs or sleeps: else the run is locked");
        alarms.now = now;
        let later = alarms.waiting.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut alarms.waiting, later);
        drop(alarms);
        due.into_values().for_each(Waker::wake);
    }

    fn alarms(&self) -> MutexGuard<'_, Alarms> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        self.alarms().now
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(Sleep {
            until: self.now().saturating_add(duration),
            key: None,
            clock: self.clone(),
        })
    }
}

struct Sleep {
    until: Duration,
    /// What its alarm is kept under, once it is set.
    key: Option<(Duration, u64)>,
    clock: VirtualClock,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let mut alarms = this.clock.alarms();
        if alarms.now >= this.until {
            return Poll::Ready(());
        }
        let key = *this.key.get_or_insert_with(|| {
            alarms.last += 1;
            (this.until, alarms.last)
        });
        alarms.waiting.insert(key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.clock.alarms().waiting.remove(key);
        }
    }
}

#[test]
fn sleepers_wake_in_their_order_at_their_time() {
    let clock = VirtualClock::default();
    let order = clock.runtime().block_on(async {
        let order = Arc::new(Mutex::new(Vec::new()));
        let sleep = |seconds: u64| {
            let (clock, order) = (clock.clone(), Arc::clone(&order));
            async move {
                clock.sleep(Duration::from_secs(seconds)).await;
                let now = clock.now().as_secs();
                order.lock().expect("no panic").push((seconds, now));
            }
        };
        let mut tasks = tokio::task::JoinSet::new();
        for seconds in [3600, 0, 5, 60] {
            tasks.spawn(sleep(seconds));
        }
        drop(clock.sleep(Duration::from_secs(1)));
        while tasks.join_next().await.is_some() {}
        order.lock().expect("no panic").clone()
    });
    assert_eq!(order, [(0, 0), (5, 5), (60, 60), (3600, 3600)]);
}

#[test]
#[should_panic(expected = "the run is locked")]
fn what_can_never_end_is_found() {
    let forever = std::future::pending::<()>();
    VirtualClock::default().runtime().block_on(forever);
}
