//! What counts runs, and where that goes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lockgate_service::stats::{Counting, RollupStore};
use lockgate_store::Store;
use lockgate_telemetry::{Bounds, Collector, Counts, Exporter, Own, Rollups};
use tokio::time::MissedTickBehavior;

/// How often what was counted is collected. A minute's rollup is at most half of it off.
const INTERVAL: Duration = Duration::from_secs(10);

/// How long exporters have for what is open when the server stops.
pub(super) const CLOSE_TIME: Duration = Duration::from_secs(5);

/// What runs are counted in, and what makes something of it.
#[derive(Debug)]
pub(super) struct Counted {
    /// For the engine.
    pub(super) counts: Arc<Counts>,
    /// For the service.
    pub(super) counting: Counting,
}

/// Counts from now on, into rollups in the store.
pub(super) fn start(store: &Store) -> Counted {
    let own = Own::default();
    let counts = Arc::new(Counts::new(Bounds::default(), own.clone()));
    let rollups = Rollups::new(RollupStore::new(store.clone()), own.clone());
    let exporters: Vec<Arc<dyn Exporter>> = vec![rollups.clone()];
    let now = SystemTime::now();
    let collector = Collector::new(Arc::clone(&counts), own, exporters, now);
    Counted {
        counts,
        counting: Counting {
            collector: Arc::new(collector),
            rollups,
        },
    }
}

/// Collects once an interval, until it is dropped.
pub(super) async fn collect(collector: Arc<Collector>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        collector.collect(SystemTime::now(), None);
    }
}
