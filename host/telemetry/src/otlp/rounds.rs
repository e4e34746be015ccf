//! What goes on until it is closed: an export of metrics once an interval, and batches of spans as they come.

use std::sync::{Arc, Weak};

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::Shared;
use super::client::Request;
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
            () = export(&shared, collector) => {}
        }
    }
    if let Some(collector) = collector.upgrade() {
        export_last(&shared, collector).await;
    }
}

/// An export after which there is another one, which says more: what this one does not bring is not lost.
async fn export(shared: &Arc<Shared>, collector: Arc<Collector>) {
    let until = Instant::now() + shared.config.interval;
    let mut export = Export::new(collector, Arc::clone(shared));
    while let Some((request, points)) = next(&mut export).await {
        let goes_on = shared.courier.try_to_bring(&request, points, until);
        if !goes_on.await {
            return;
        }
    }
}

async fn export_last(shared: &Arc<Shared>, collector: Arc<Collector>) {
    let until = Instant::now() + shared.config.interval;
    let mut export = Export::new(collector, Arc::clone(shared));
    let mut goes_on = true;
    while let Some((request, points)) = next(&mut export).await {
        if goes_on {
            goes_on = shared.courier.bring(&request, points, until).await;
        } else {
            shared.courier.skip(&request, points);
        }
    }
}

/// The next request of an export, made on a thread that may take a while: totals are large where there are many series.
async fn next(export: &mut Export) -> Option<(Request, u64)> {
    let mut at = export.clone();
    let made = tokio::task::spawn_blocking(move || {
        let made = at.next();
        (made, at)
    });
    let (made, at) = match made.await {
        Ok(made) => made,
        Err(error) => {
            tracing::error!(%error, "an export of metrics could not be made");
            return None;
        }
    };
    *export = at;
    made
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
