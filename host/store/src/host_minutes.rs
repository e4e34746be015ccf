//! What was, at the end of each minute in which a host counted.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::columns::count;
use crate::fault::Fault;
use crate::writer::{Durability, Tx};
use crate::{Grain, Result, Store};

/// The most minutes that are read at once: those of 31 days.
const MOST: i64 = 31 * 24 * 60;

/// What was at the end of a minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostMinute {
    /// When the minute began, in milliseconds since 1970.
    pub at: i64,
    /// Runs that waited.
    pub queue_depth: u64,
    /// For how long the oldest of them had waited, in seconds.
    pub queue_age_s: f64,
    /// Places of the sandbox that were taken.
    pub sandbox_active: u64,
}

/// Since when there is a past, in milliseconds since 1970. None where there is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeptSince {
    /// When the first minute began that is kept.
    pub minutes: Option<i64>,
    /// When the first run ended that is kept.
    pub runs: Option<i64>,
}

impl Store {
    /// Keeps what was at the end of a minute, over what was kept of it before.
    pub async fn put_host_minute(&self, minute: HostMinute) -> Result<()> {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.0
            .writer
            .write(Durability::Process, move |tx| {
                Box::pin(async move {
                    sqlx::query("INSERT OR REPLACE INTO host_minutes VALUES (?, ?, ?, ?)")
                        .bind(Grain::Minute.floor(minute.at))
                        .bind(number(minute.queue_depth))
                        .bind(minute.queue_age_s)
                        .bind(number(minute.sandbox_active))
                        .execute(&mut tx.connection)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// The newest minutes that began in this time, in milliseconds since 1970; the oldest of them first.
    pub async fn host_minutes(&self, from: i64, until: i64) -> Result<Vec<HostMinute>> {
        let rows = sqlx::query(
            "SELECT * FROM (SELECT * FROM host_minutes WHERE at >= ? AND at < ? ORDER BY at DESC LIMIT ?) ORDER BY at",
        )
        .bind(from)
        .bind(until)
        .bind(MOST)
        .try_map(minute)
        .fetch_all(&self.0.readers)
        .await;
        rows.map_err(|error| self.fault(error))
    }

    /// Since when there is a past: what is older was removed, or never was.
    pub async fn kept_since(&self) -> Result<KeptSince> {
        let read = sqlx::query(
            "SELECT (SELECT min(at) FROM host_minutes) AS minutes, \
             (SELECT finished_at FROM runs ORDER BY seq LIMIT 1) AS runs",
        )
        .try_map(|row: SqliteRow| {
            Ok(KeptSince {
                minutes: row.try_get("minutes")?,
                runs: row.try_get("runs")?,
            })
        })
        .fetch_one(&self.0.readers)
        .await;
        read.map_err(|error| self.fault(error))
    }
}

fn minute(row: SqliteRow) -> sqlx::Result<HostMinute> {
    Ok(HostMinute {
        at: row.try_get("at")?,
        queue_depth: count(&row, "queue_depth")?,
        queue_age_s: row.try_get("queue_age_s")?,
        sandbox_active: count(&row, "sandbox_active")?,
    })
}

/// Removes minutes that began before this time, at most so many.
pub(crate) async fn remove_old(tx: &mut Tx, before: i64, most: i64) -> Result<u64, Fault> {
    let done = sqlx::query(
        "DELETE FROM host_minutes WHERE at IN (SELECT at FROM host_minutes WHERE at < ? LIMIT ?)",
    )
    .bind(before)
    .bind(most)
    .execute(&mut tx.connection)
    .await?;
    Ok(done.rows_affected())
}
