//! Minutes, added to what is there of them, of their hours and of their days.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::sqlite::Sqlite;
use sqlx::{QueryBuilder, Row as _};

use super::{Grain, MergeCounts, RollupMinute};
use crate::fault::Fault;
use crate::writer::{Durability, Tx};
use crate::{Result, Store};

/// How many minutes are added in one step: a few milliseconds, in which no run that ends is stored.
const STEP: usize = 32;

/// Grain, beginning and series.
type Place = (i64, i64, i64);

impl Store {
    /// Adds minutes to what is there, in small steps between other writes. Those that are written are taken out of `rows`: if
    /// a step fails, what is left was not.
    pub async fn add_rollups(
        &self,
        rows: &mut Vec<RollupMinute>,
        merge: MergeCounts,
    ) -> Result<()> {
        while !rows.is_empty() {
            let step = rows[..rows.len().min(STEP)].to_vec();
            let count = step.len();
            self.0
                .writer
                .write(Durability::Process, move |tx| {
                    Box::pin(add(tx, step, merge))
                })
                .await?;
            rows.drain(..count);
        }
        Ok(())
    }
}

async fn add(tx: &mut Tx, rows: Vec<RollupMinute>, merge: MergeCounts) -> Result<(), Fault> {
    let series = series(tx, &rows).await?;
    let mut sums: BTreeMap<Place, Vec<u8>> = BTreeMap::new();
    for (row, series) in rows.iter().zip(series) {
        let Some(series) = series else {
            continue; // it was just made, so it is there
        };
        for grain in Grain::ALL {
            let place = (grain.number(), grain.floor(row.at), series);
            let sum = sums.entry(place).or_default();
            *sum = added(place, std::mem::take(sum), &row.counts, merge);
        }
    }
    for (place, before) in there(tx, sums.keys()).await? {
        if let Some(sum) = sums.get_mut(&place) {
            *sum = added(place, before, sum, merge);
        }
    }
    put(tx, sums).await
}

/// Their sum. What cannot be read any more gives way to what is new.
fn added(place: Place, before: Vec<u8>, more: &[u8], merge: MergeCounts) -> Vec<u8> {
    if before.is_empty() {
        return more.to_vec();
    }
    merge(&before, more).unwrap_or_else(|| {
        let (grain, at, series) = place;
        tracing::warn!(
            grain,
            at,
            series,
            "counts that cannot be read are left out of a rollup"
        );
        more.to_vec()
    })
}

/// The series of rows, in their order; made where they are new.
async fn series(tx: &mut Tx, rows: &[RollupMinute]) -> Result<Vec<Option<i64>>, Fault> {
    let named: Vec<_> = rows
        .iter()
        .map(|row| {
            let series = &row.series;
            json!([
                &*series.project,
                &*series.flow,
                series.version,
                &*series.node,
                &*series.plugin,
                &*series.plugin_version,
                Grain::Day.floor(row.at),
            ])
        })
        .collect();
    let named = serde_json::Value::from(named).to_string();
    sqlx::query(
        "INSERT INTO rollup_series (project, flow, version, node, plugin, plugin_version, first, newest) \
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 6 \
         FROM json_each(?) WHERE true \
         ON CONFLICT (project, flow, version, node, plugin, plugin_version) DO UPDATE \
         SET first = min(first, excluded.first), newest = max(newest, excluded.newest) \
         WHERE excluded.first < first OR excluded.newest > newest",
    )
    .bind(&named)
    .execute(&mut tx.connection)
    .await?;
    let found = sqlx::query(
        "SELECT asked.key AS place, s.id AS id FROM json_each(?) AS asked CROSS JOIN rollup_series AS s \
         WHERE s.project = asked.value ->> 0 AND s.flow = asked.value ->> 1 AND s.version = asked.value ->> 2 \
           AND s.node = asked.value ->> 3 AND s.plugin = asked.value ->> 4 AND s.plugin_version = asked.value ->> 5",
    )
    .bind(&named)
    .fetch_all(&mut tx.connection)
    .await?;
    let mut ids = vec![None; rows.len()];
    for row in found {
        let place = usize::try_from(row.try_get::<i64, _>("place")?).unwrap_or(usize::MAX);
        if let Some(id) = ids.get_mut(place) {
            *id = Some(row.try_get("id")?);
        }
    }
    Ok(ids)
}

/// What is there at these places.
async fn there(
    tx: &mut Tx,
    places: impl Iterator<Item = &Place>,
) -> Result<Vec<(Place, Vec<u8>)>, Fault> {
    let places: Vec<_> = places.collect();
    let rows = sqlx::query(
        "SELECT r.grain, r.at, r.series, r.counts FROM json_each(?) AS asked CROSS JOIN rollups AS r \
         WHERE r.grain = asked.value ->> 0 AND r.at = asked.value ->> 1 AND r.series = asked.value ->> 2",
    )
    .bind(json!(places).to_string())
    .fetch_all(&mut tx.connection)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let place = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        found.push((place, row.try_get(3)?));
    }
    Ok(found)
}

async fn put(tx: &mut Tx, sums: BTreeMap<Place, Vec<u8>>) -> Result<(), Fault> {
    if sums.is_empty() {
        return Ok(());
    }
    tx.wrote(sums.values().map(|counts| counts.len() + 24).sum());
    let start = "INSERT OR REPLACE INTO rollups (grain, at, series, counts) ";
    let mut statement: QueryBuilder<Sqlite> = QueryBuilder::new(start);
    statement.push_values(sums, |mut row, ((grain, at, series), counts)| {
        row.push_bind(grain)
            .push_bind(at)
            .push_bind(series)
            .push_bind(counts);
    });
    // There are as many such statements as numbers of rows: none is worth to be remembered.
    let statement = statement.build().persistent(false);
    statement.execute(&mut tx.connection).await?;
    Ok(())
}
