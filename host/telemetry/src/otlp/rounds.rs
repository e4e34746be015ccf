//! What goes on until it is closed: an export of metrics once an interval, and batches of spans as they come.

use std::sync::{Arc, Weak};

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::Shared;
use super::metrics::Export;
use super::spans;
use crate::collector::Collector;

/// Exports metrics once an interval, and a last time when it is closed.
pub(super) async fn metrics(shared: Arc<Shared>, collector: Weak<Collector>) {
    let interval = shared.config.interval;
    let mut closing = shared.closing.subscribe();
    let mut ticks = interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => break,
            _ = ticks.tick() => {}
        }
        let Some(collector) = collector.upgrade() else {
            return;
        };
        // The last export says all that this one would.
        tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => break,
            () = export(&shared, &collector) => {}
        }
    }
    if let Some(collector) = collector.upgrade() {
        export(&shared, &collector).await;
    }
}

async fn export(shared: &Shared, collector: &Collector) {
    // Then there is another one, which says more.
    let until = Instant::now() + shared.config.interval;
    let mut goes_on = true;
    for (request, count) in Export::new(collector, &shared.config.resource) {
        if goes_on {
            goes_on = shared.courier.bring(&request, count, until).await;
        } else {
            shared.courier.skip(&request, count);
        }
    }
}

/// Sends spans until the queue is closed and empty.
pub(super) async fn spans(shared: Arc<Shared>) {
    let within = shared.config.retry.within;
    while let Some(batch) = shared.queue.next().await {
        let count = batch.len() as u64;
        let request = spans::request(batch, &shared.config.resource);
        let until = Instant::now() + within;
        shared.courier.bring(&request, count, until).await;
    }
}
