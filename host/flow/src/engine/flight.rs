//! Equal calls at the same time become one: the first makes it, the others wait for what it gives.
//!
//! Who waits may give up without ending the call. If the one who makes the call gives up, the next in line makes it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lockgate_model::{CacheKey, CallError, Outputs};
use tokio::sync::watch;

/// What a call gave to all who waited for it.
pub(crate) type Landed = Result<Outputs, Arc<CallError>>;

/// The calls that are being made, by what names their outputs.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<CacheKey, watch::Receiver<Option<Landed>>>>);

/// What to do about a call.
pub(crate) enum Flight {
    /// Make it, and say what it gave.
    Make(Pilot),
    /// Somebody made it meanwhile, and this is what it gave.
    Landed(Landed),
}

/// Whoever makes the call. Dropped without a landing, the next who waits takes over.
pub(crate) struct Pilot {
    flights: Arc<Flights>,
    key: CacheKey,
    say: watch::Sender<Option<Landed>>,
}

impl Flights {
    /// Joins the call of this key that is being made, or becomes who makes it.
    pub(crate) async fn join(self: &Arc<Self>, key: CacheKey) -> Flight {
        loop {
            let mut landing = match self.make_or_watch(key) {
                Ok(pilot) => return Flight::Make(pilot),
                Err(landing) => landing,
            };
            // It fails where the pilot gave up, and then there is one fewer before us.
            if let Ok(landed) = landing.wait_for(Option::is_some).await
                && let Some(landed) = landed.clone()
            {
                return Flight::Landed(landed);
            }
        }
    }

    fn make_or_watch(
        self: &Arc<Self>,
        key: CacheKey,
    ) -> Result<Pilot, watch::Receiver<Option<Landed>>> {
        let mut flights = self.flights();
        if let Some(landing) = flights.get(&key) {
            return Err(landing.clone());
        }
        let (say, landing) = watch::channel(None);
        flights.insert(key, landing);
        Ok(Pilot {
            flights: Arc::clone(self),
            key,
            say,
        })
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<CacheKey, watch::Receiver<Option<Landed>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pilot {
    /// Says what the call gave, to all who wait for it.
    pub(crate) fn land(self, landed: Landed) {
        self.say.send_replace(Some(landed));
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        self.flights.flights().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const KEY: CacheKey = CacheKey([7; 32]);

    async fn pilot(flights: &Arc<Flights>) -> Pilot {
        match flights.join(KEY).await {
            Flight::Make(pilot) => pilot,
            Flight::Landed(_) => unreachable!("nobody makes it"),
        }
    }

    #[tokio::test]
    async fn those_who_wait_get_what_the_first_got() {
        let flights = Arc::new(Flights::default());
        let first = pilot(&flights).await;
        let mut waiting = Box::pin(flights.join(KEY));
        let mut gives_up = Box::pin(flights.join(KEY));
        assert!((&mut waiting).now_or_never().is_none());
        assert!((&mut gives_up).now_or_never().is_none());
        drop(gives_up);
        first.land(Ok(vec![]));
        assert!(matches!(waiting.await, Flight::Landed(Ok(_))));
        assert!(flights.flights().is_empty());
    }

    #[tokio::test]
    async fn the_next_takes_over_from_who_gives_up() {
        let flights = Arc::new(Flights::default());
        let first = pilot(&flights).await;
        let mut second = Box::pin(flights.join(KEY));
        let mut third = Box::pin(flights.join(KEY));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        drop(first);
        let Flight::Make(second) = second.await else {
            unreachable!("the first gave up")
        };
        assert!((&mut third).now_or_never().is_none());
        second.land(Ok(vec![]));
        assert!(matches!(third.await, Flight::Landed(Ok(_))));
    }
}
