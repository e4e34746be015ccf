//! The host's places for calls, shared fairly: runs take turns, however many calls each of them waits with.
//!
//! A call is admitted with all the places that it takes at once, and a group of calls that are piped to each other with
//! all of theirs together. The one whose turn it is keeps its turn until there is room for it, so that a large group is
//! not passed over for ever by small ones.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Whose turn it is: a run, with all of its sub-flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Turn(pub(crate) u64);

/// The host's places.
#[derive(Debug)]
pub(crate) struct Gate {
    places: u32,
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    free: u32,
    /// Those who wait, each once, the next one first.
    turns: VecDeque<Turn>,
    /// What each of them waits for, the oldest first; never empty.
    waiting: HashMap<Turn, VecDeque<Waiter>>,
}

#[derive(Debug)]
struct Waiter {
    places: u32,
    admit: oneshot::Sender<Permit>,
}

/// Places that are taken. Dropping it gives them back.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
    places: u32,
}

impl Gate {
    /// A gate with so many places; at least one.
    pub(crate) fn new(places: u32) -> Arc<Self> {
        let places = places.max(1);
        Arc::new(Self {
            places,
            queue: Mutex::new(Queue {
                free: places,
                turns: VecDeque::new(),
                waiting: HashMap::new(),
            }),
        })
    }

    /// How many places there are.
    pub(crate) fn places(&self) -> u32 {
        self.places
    }

    /// How many places are free now.
    #[cfg(test)]
    pub(crate) fn free(&self) -> u32 {
        self.queue().free
    }

    /// Takes places if they are free and nobody waits.
    pub(crate) fn try_enter(self: &Arc<Self>, places: u32) -> Option<Permit> {
        let mut queue = self.queue();
        (queue.turns.is_empty() && queue.free >= places).then(|| {
            queue.free -= places;
            self.permit(places)
        })
    }

    /// Waits for places; for all there are if it asks for more. Dropping the future gives up the wait.
    pub(crate) async fn enter(self: &Arc<Self>, turn: Turn, places: u32) -> Permit {
        let places = places.min(self.places);
        let (_next, admitted) = {
            let mut queue = self.queue();
            if queue.turns.is_empty() && queue.free >= places {
                queue.free -= places;
                return self.permit(places);
            }
            let (admit, admitted) = oneshot::channel();
            queue.push(turn, Waiter { places, admit });
            // Dropped after `admitted`: there may be room for those who stood behind one that gives up.
            (Next(self), admitted)
        };
        match admitted.await {
            Ok(permit) => permit,
            // The gate drops no waiter that somebody waits with; if it did, nobody would be held up for it.
            Err(_) => Permit {
                gate: Arc::clone(self),
                places: 0,
            },
        }
    }

    fn permit(self: &Arc<Self>, places: u32) -> Permit {
        Permit {
            gate: Arc::clone(self),
            places,
        }
    }

    fn leave(self: &Arc<Self>, places: u32) {
        let mut admitted = Vec::new();
        {
            let mut queue = self.queue();
            queue.free += places;
            while let Some(waiter) = queue.next() {
                queue.free -= waiter.places;
                admitted.push(waiter);
            }
        }
        for waiter in admitted {
            // Who has given up since drops the permit, and so gives the places to the next.
            let _ = waiter.admit.send(self.permit(waiter.places));
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, turn: Turn, waiter: Waiter) {
        let waiting = self.waiting.entry(turn).or_default();
        if waiting.is_empty() {
            self.turns.push_back(turn);
        }
        waiting.push_back(waiter);
    }

    /// The next to be admitted, if there is room for it.
    fn next(&mut self) -> Option<Waiter> {
        while let Some(&turn) = self.turns.front() {
            let waiting = self.waiting.get_mut(&turn)?;
            while waiting
                .front()
                .is_some_and(|waiter| waiter.admit.is_closed())
            {
                waiting.pop_front();
            }
            match waiting.front() {
                Some(waiter) if waiter.places > self.free => return None,
                _ => {}
            }
            let next = waiting.pop_front();
            self.turns.pop_front();
            if waiting.is_empty() {
                self.waiting.remove(&turn);
            } else {
                self.turns.push_back(turn);
            }
            if next.is_some() {
                return next;
            }
        }
        None
    }
}

impl Permit {
    /// Takes `places` out of this permit, as one of their own: a group is admitted together and ends one by one.
    pub(crate) fn split(&mut self, places: u32) -> Permit {
        let places = places.min(self.places);
        self.places -= places;
        self.gate.permit(places)
    }
}

/// Admits who can be, when it is dropped.
struct Next<'g>(&'g Arc<Gate>);

impl Drop for Next<'_> {
    fn drop(&mut self) {
        self.0.leave(0);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.places > 0 {
            self.gate.leave(self.places);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn runs_take_turns() {
        let gate = Gate::new(1);
        let first = gate.enter(Turn(0), 1).await;
        let mut many: Vec<_> = (0..3).map(|_| Box::pin(gate.enter(Turn(1), 1))).collect();
        for waiting in &mut many {
            assert!(waiting.now_or_never().is_none());
        }
        let mut other = Box::pin(gate.enter(Turn(2), 1));
        assert!((&mut other).now_or_never().is_none());
        drop(first);
        let one = (&mut many[0]).now_or_never().expect("the first in line");
        assert!((&mut many[1]).now_or_never().is_none());
        drop(one);
        let two = (&mut other)
            .now_or_never()
            .expect("the other run's turn, though it came last");
        drop(two);
        for waiting in &mut many[1..] {
            drop(waiting.now_or_never().expect("its turn"));
        }
        assert_eq!(gate.free(), 1);
    }

    #[tokio::test]
    async fn a_group_is_not_passed_over() {
        let gate = Gate::new(3);
        let (a, b) = (gate.enter(Turn(0), 2).await, gate.enter(Turn(1), 1).await);
        let mut group = Box::pin(gate.enter(Turn(2), 3));
        assert!((&mut group).now_or_never().is_none());
        drop(a);
        assert!(gate.try_enter(1).is_none(), "somebody waits already");
        let mut small = Box::pin(gate.enter(Turn(3), 1));
        assert!((&mut small).now_or_never().is_none());
        drop(b);
        let mut group = group.now_or_never().expect("all places");
        let part = group.split(2);
        drop(part);
        drop(small.now_or_never().expect("its turn"));
        drop(group);
        assert_eq!(gate.free(), 3);
    }

    #[tokio::test]
    async fn who_gives_up_keeps_nothing() {
        let gate = Gate::new(1);
        let held = gate.enter(Turn(0), 1).await;
        let mut given_up = Box::pin(gate.enter(Turn(1), 1));
        assert!((&mut given_up).now_or_never().is_none());
        let mut late = Box::pin(gate.enter(Turn(2), 1));
        assert!((&mut late).now_or_never().is_none());
        drop(given_up);
        drop(held);
        drop(late.now_or_never().expect("its turn"));
        // Given up after it was admitted, before it was told.
        let held = gate.enter(Turn(0), 1).await;
        let mut admitted = Box::pin(gate.enter(Turn(1), 1));
        assert!((&mut admitted).now_or_never().is_none());
        drop(held);
        drop(admitted);
        assert_eq!(gate.free(), 1);
        assert!(gate.queue().waiting.is_empty() && gate.queue().turns.is_empty());
    }

    #[tokio::test]
    async fn who_gives_up_holds_up_nobody() {
        let gate = Gate::new(3);
        let held = gate.enter(Turn(0), 1).await;
        let mut large = Box::pin(gate.enter(Turn(1), 3));
        assert!((&mut large).now_or_never().is_none());
        let mut small = Box::pin(gate.enter(Turn(2), 1));
        assert!((&mut small).now_or_never().is_none());
        drop(large);
        drop(
            small
                .now_or_never()
                .expect("there was room for it all along"),
        );
        drop(held);
        assert_eq!(gate.free(), 3);
    }

    #[tokio::test]
    async fn nobody_waits_for_more_than_there_is() {
        let gate = Gate::new(2);
        let all = gate.enter(Turn(0), 5).await;
        assert_eq!(gate.free(), 0);
        drop(all);
        assert_eq!(gate.free(), 2);
    }
}
