//! Single calls, where the operator wants them reported as they are: a bounded list that calls write into and the exporter
//! empties.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::snapshot::unix_ms;
use crate::{FlowId, NodeId};

/// How many calls wait at most for the exporter, which looks once an interval.
const MAX_CALLS: usize = 50_000;

/// A call of a node, or a run of a flow, that ended.
#[derive(Debug, Clone)]
pub(crate) struct RawCall {
    pub(crate) of: RawId,
    pub(crate) time_ms: u64,
    pub(crate) ticks: u64,
    /// Fuel and bytes of memory, where a call was made.
    pub(crate) used: Option<(u64, u64)>,
}

/// What ended.
#[derive(Debug, Clone)]
pub(crate) enum RawId {
    Node(Arc<NodeId>),
    Flow(Arc<FlowId>),
}

impl RawId {
    /// The version of the flow.
    pub(crate) fn version(&self) -> u32 {
        match self {
            Self::Node(id) => id.flow.version,
            Self::Flow(id) => id.version,
        }
    }
}

/// The calls that were picked, until they are reported.
#[derive(Debug)]
pub struct RawCalls {
    sample: f64,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    calls: Vec<RawCall>,
    lost: u64,
}

impl RawCalls {
    /// Picks this share of all calls, from 0 to 1.
    pub fn new(sample: f64) -> Self {
        Self {
            sample: sample.clamp(0.0, 1.0),
            held: Mutex::default(),
        }
    }

    /// The share that is picked.
    pub(crate) fn sample(&self) -> f64 {
        self.sample
    }

    /// Keeps a call if it is picked.
    pub(crate) fn offer(&self, of: impl FnOnce() -> RawId, ticks: u64, used: Option<(u64, u64)>) {
        if rand::random::<f64>() >= self.sample {
            return;
        }
        let mut held = self.held();
        if held.calls.len() >= MAX_CALLS {
            held.lost += 1;
            return;
        }
        held.calls.push(RawCall {
            of: of(),
            time_ms: unix_ms(SystemTime::now()),
            ticks,
            used,
        });
    }

    /// Takes out the calls, and how many there was no room for.
    pub(crate) fn drain(&self) -> (Vec<RawCall>, u64) {
        let held = std::mem::take(&mut *self.held());
        (held.calls, held.lost)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_picked_and_no_more_than_there_is_room_for() {
        let flow = Arc::new(FlowId::other());
        let offer = |calls: &RawCalls, times: usize| {
            for _ in 0..times {
                calls.offer(|| RawId::Flow(Arc::clone(&flow)), 1, None);
            }
        };
        let none = RawCalls::new(0.0);
        offer(&none, 1_000);
        assert_eq!(none.drain().0.len(), 0);
        let some = RawCalls::new(0.1);
        offer(&some, 20_000);
        let picked = some.drain().0.len();
        assert!((1_600..2_400).contains(&picked), "{picked}");
        let all = RawCalls::new(1.0);
        offer(&all, MAX_CALLS + 7);
        let (picked, lost) = all.drain();
        assert_eq!((picked.len(), lost), (MAX_CALLS, 7));
        assert_eq!(all.drain().0.len(), 0);
    }
}
