//! What is done each minute: old rows go, the log is merged, free pages are given back.

use sqlx::Row as _;

use crate::columns::{count, numbers};
use crate::fault::Fault;
use crate::writer::{Durability, Tx};
use crate::{Grain, IDEMPOTENCY_MS, Result, Store, host_minutes, rollups};

/// What an upkeep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Finished runs removed.
    pub runs: u64,
    /// Idempotency keys removed.
    pub idempotency: u64,
    /// Batches removed, because none of their runs is left.
    pub batches: u64,
    /// Rollups removed.
    pub rollups: u64,
    /// How large the database is now, without its free pages, in bytes.
    pub bytes: u64,
}

impl Store {
    /// Removes what is not kept any longer, in small steps between other writes. To be called each minute or so.
    pub async fn upkeep(&self, now_ms: i64) -> Result<Upkeep> {
        let mut done = Upkeep::default();
        let keep = i64::try_from(self.0.config.keep_runs.as_millis()).unwrap_or(i64::MAX);
        let oldest = now_ms.saturating_sub(keep);
        done.runs += self.steps(Step::OldRuns(oldest)).await?;
        done.idempotency += self
            .steps(Step::Idempotency(now_ms.saturating_sub(IDEMPOTENCY_MS)))
            .await?;
        done.batches += self.steps(Step::Batches(oldest)).await?;
        done.rollups = self.old_rollups(now_ms).await?;
        let keep_bytes = self.0.config.keep_bytes;
        done.runs += self.steps(Step::OverSize(keep_bytes)).await?;
        self.steps(Step::FreePages).await?;
        let pages = self
            .0
            .writer
            .write(Durability::Process, |tx| Box::pin(pages(tx)))
            .await?;
        done.bytes = pages.used_bytes;
        self.0.writer.checkpoint().await;
        Ok(done)
    }

    /// Removes rollups that are over for longer than they are kept, and the names of series that have none any more.
    async fn old_rollups(&self, now_ms: i64) -> Result<u64> {
        let mut done = 0;
        let mut oldest = i64::MAX;
        for grain in Grain::ALL {
            let keep = i64::try_from(self.keeps(grain).as_millis()).unwrap_or(i64::MAX);
            let before = now_ms.saturating_sub(keep).saturating_sub(grain.ms()) + 1;
            oldest = oldest.min(before);
            if grain == Grain::Minute {
                // First, so that no minute ever looks like one in which nothing was counted.
                self.steps(Step::HostMinutes(before)).await?;
            }
            done += self.steps(Step::Rollups(grain, before)).await?;
        }
        let before = oldest.saturating_sub(Grain::Day.ms());
        self.steps(Step::RollupSeries(before)).await?;
        Ok(done)
    }

    /// Repeats a step until it finds nothing more to do; other writes get their turns between. What it did in all.
    async fn steps(&self, step: Step) -> Result<u64> {
        let mut all = 0;
        loop {
            let done = self
                .0
                .writer
                .write(Durability::Process, move |tx| Box::pin(step.once(tx)))
                .await?;
            if done == 0 {
                return Ok(all);
            }
            all += done;
        }
    }
}

/// How many rows go in one step: a few milliseconds of work.
const ROWS: i64 = 256;

/// How many free pages are given back in one step.
const PAGES: u64 = 512;

/// So many free pages stay in the file, because the next runs take them again. 4 MiB, or an eighth of the file.
const SPARE: u64 = 1024;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Runs that ended before this time.
    OldRuns(i64),
    /// The oldest runs, while the database is larger than this, in bytes.
    OverSize(u64),
    /// Idempotency keys from before this time.
    Idempotency(i64),
    /// Batches from before this time that have no runs left.
    Batches(i64),
    /// Rollups of this length that began before this time.
    Rollups(Grain, i64),
    /// What the host was like in minutes before this time: kept as long as what was counted in them.
    HostMinutes(i64),
    /// Series that have no rollups since this time.
    RollupSeries(i64),
    /// Pages that are free and are not soon taken again.
    FreePages,
}

impl Step {
    /// Does it once, and says how much that was. 0: there is nothing more to do.
    async fn once(self, tx: &mut Tx) -> Result<u64, Fault> {
        match self {
            Self::OldRuns(before) => {
                let places = oldest(tx, before).await?;
                remove_runs(tx, &places).await
            }
            Self::OverSize(keep) => {
                if pages(tx).await?.used_bytes <= keep {
                    return Ok(0);
                }
                let places = oldest(tx, i64::MAX).await?;
                remove_runs(tx, &places).await
            }
            Self::Idempotency(before) => {
                let done = sqlx::query(
                    "DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM idempotency WHERE at <= ? LIMIT ?)",
                )
                .bind(before)
                .bind(ROWS)
                .execute(&mut tx.connection)
                .await?;
                Ok(done.rows_affected())
            }
            Self::Batches(before) => {
                let done = sqlx::query(
                    "DELETE FROM batches WHERE id IN (SELECT id FROM batches AS b WHERE created_at < ?1 \
                         AND NOT EXISTS (SELECT 1 FROM runs WHERE project = b.project AND batch = b.id) \
                         AND NOT EXISTS (SELECT 1 FROM queue WHERE project = b.project AND batch = b.id) LIMIT ?2)",
                )
                .bind(before)
                .bind(ROWS)
                .execute(&mut tx.connection)
                .await?;
                Ok(done.rows_affected())
            }
            Self::Rollups(grain, before) => rollups::old::rows(tx, grain, before, ROWS).await,
            Self::HostMinutes(before) => host_minutes::remove_old(tx, before, ROWS).await,
            Self::RollupSeries(before) => rollups::old::series(tx, before, ROWS).await,
            Self::FreePages => {
                let pages = pages(tx).await?;
                let spare = SPARE.max(pages.all / 8);
                let free = pages.free.saturating_sub(spare).min(PAGES);
                if free > 0 {
                    // It gives a row for each page, and does no more than is asked for.
                    sqlx::query("PRAGMA incremental_vacuum(512)")
                        .fetch_all(&mut tx.connection)
                        .await?;
                }
                Ok(free)
            }
        }
    }
}

/// The places of the runs that ended first, as far as they did before this time. Rows are in the order of their ends.
async fn oldest(tx: &mut Tx, before: i64) -> Result<Vec<i64>, Fault> {
    let rows = sqlx::query("SELECT seq, finished_at FROM runs ORDER BY seq LIMIT ?")
        .bind(ROWS)
        .fetch_all(&mut tx.connection)
        .await?;
    let mut places = Vec::new();
    for row in rows {
        if row.try_get::<i64, _>("finished_at")? < before {
            places.push(row.try_get("seq")?);
        }
    }
    Ok(places)
}

/// Removes runs, and those of them that are dead letters from the queue too.
async fn remove_runs(tx: &mut Tx, places: &[i64]) -> Result<u64, Fault> {
    if places.is_empty() {
        return Ok(0);
    }
    sqlx::query(
        "DELETE FROM queue WHERE state = 2 AND id IN \
         (SELECT id FROM runs WHERE seq IN (SELECT value FROM json_each(?)))",
    )
    .bind(numbers(places))
    .execute(&mut tx.connection)
    .await?;
    let done = sqlx::query("DELETE FROM runs WHERE seq IN (SELECT value FROM json_each(?))")
        .bind(numbers(places))
        .execute(&mut tx.connection)
        .await?;
    tx.wrote(places.len() * 4096);
    Ok(done.rows_affected())
}

struct Pages {
    all: u64,
    free: u64,
    used_bytes: u64,
}

async fn pages(tx: &mut Tx) -> Result<Pages, Fault> {
    let row = sqlx::query(
        "SELECT page_count AS pages, freelist_count AS free, page_size AS bytes \
         FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    )
    .fetch_one(&mut tx.connection)
    .await?;
    let (all, free) = (count(&row, "pages")?, count(&row, "free")?);
    Ok(Pages {
        all,
        free,
        used_bytes: all.saturating_sub(free) * count(&row, "bytes")?,
    })
}
