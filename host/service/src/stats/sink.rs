//! Where rollups are kept: the store.

use std::sync::Arc;

use futures::future::BoxFuture;
use lockgate_store::{RollupMinute, RollupSeries, Store};
use lockgate_telemetry::{NodeCounts, RollupRow, RollupSink};

/// Keeps rollups in a store.
#[derive(Debug, Clone)]
pub struct RollupStore(Store);

impl RollupStore {
    /// Rollups go to this store.
    pub fn new(store: Store) -> Arc<Self> {
        Arc::new(Self(store))
    }
}

impl RollupSink for RollupStore {
    fn keep(&self, mut rows: Vec<RollupRow>) -> BoxFuture<'_, Vec<RollupRow>> {
        Box::pin(async move {
            let mut minutes: Vec<_> = rows.iter().map(minute).collect();
            if let Err(error) = self.0.add_rollups(&mut minutes, merge).await {
                let left = minutes.len();
                tracing::warn!(%error, left, "rollups are not written; it is tried again");
            }
            // Those at the end are left, in the same order.
            rows.drain(..rows.len() - minutes.len());
            rows
        })
    }
}

fn minute(row: &RollupRow) -> RollupMinute {
    let (id, flow) = (&row.id, &row.id.flow);
    RollupMinute {
        series: RollupSeries {
            project: Arc::clone(&flow.project),
            flow: Arc::clone(&flow.flow),
            version: flow.version,
            node: Arc::clone(&id.node),
            plugin: Arc::clone(&id.plugin),
            plugin_version: Arc::clone(&id.plugin_version),
        },
        at: row.minute,
        counts: row.counts.encode(),
    }
}

fn merge(there: &[u8], more: &[u8]) -> Option<Vec<u8>> {
    let mut sum = NodeCounts::decode(there)?;
    sum.add(&NodeCounts::decode(more)?);
    Some(sum.encode())
}
