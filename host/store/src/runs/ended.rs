//! Runs in the order of their ends.

use futures::TryStreamExt as _;
use lockgate_model::Kebab;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::columns::id;
use crate::{Result, Store};

/// How many rows one call looks at.
const SCANNED: i64 = 200_000;

/// How far the ends of neighbours may be out of order: a run's end is noted, and then waits to be written.
const SLACK_MS: i64 = 60_000;

/// Runs that ended in a span.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndedRuns {
    /// In the order of their ends.
    pub runs: Vec<EndedRun>,
    /// Whether these are all: neither were there more, nor more rows than are looked at.
    pub is_all: bool,
}

/// A run that ended, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedRun {
    /// Its id.
    pub id: Uuid,
    /// The flow.
    pub flow: Kebab,
    /// The flow's version.
    pub version: u32,
    /// How it ended.
    pub outcome: String,
    /// When, in milliseconds since 1970.
    pub finished_at: i64,
    /// How long it ran, in microseconds.
    pub duration_us: u64,
}

impl Store {
    /// The last so many runs of versions of a flow, or of all flows, that ended from one time on and before another. A
    /// bounded number of rows is looked at: those of the end of the span.
    pub async fn ended_runs(
        &self,
        project: &Kebab,
        flow: Option<&Kebab>,
        (from, until): (i64, i64),
        most: usize,
    ) -> Result<EndedRuns> {
        let read = self.ended(project, flow, (from, until), most).await;
        read.map_err(|error| self.fault(error))
    }

    async fn ended(
        &self,
        project: &Kebab,
        flow: Option<&Kebab>,
        (from, until): (i64, i64),
        most: usize,
    ) -> sqlx::Result<EndedRuns> {
        let newest = self.place_of(until.saturating_add(SLACK_MS)).await?;
        let mut rows = sqlx::query(
            "SELECT id, project, flow, version, outcome, finished_at, duration_us FROM runs \
             WHERE seq <= ? ORDER BY seq DESC LIMIT ?",
        )
        .bind(newest)
        .bind(SCANNED)
        .fetch(&self.0.readers);
        let (mut runs, mut scanned) = (Vec::new(), 0);
        let is_all = loop {
            let Some(row) = rows.try_next().await? else {
                break scanned < SCANNED;
            };
            scanned += 1;
            let at: i64 = row.try_get("finished_at")?;
            if at < from.saturating_sub(SLACK_MS) {
                break true;
            }
            let run = ended(&row, project, flow)?;
            let run = run.filter(|run| (from..until).contains(&run.finished_at));
            if run.is_some() && runs.len() >= most {
                break false;
            }
            runs.extend(run);
        };
        // Those of the same millisecond stay in the order in which they were written.
        runs.reverse();
        runs.sort_by_key(|run| run.finished_at);
        Ok(EndedRuns { runs, is_all })
    }

    /// The last row that ended before this time, or one near it. Rows are in the order of their ends but for a little, so it
    /// is found by halves. 0 if there is none.
    async fn place_of(&self, time: i64) -> sqlx::Result<i64> {
        // Rows after `late` ended too late; those until `early` did not, if there are any.
        let (mut early, mut late) = (0, i64::MAX);
        while let Some((seq, finished_at)) = self.row_until(late).await? {
            if finished_at < time {
                return Ok(seq);
            }
            late = seq - 1;
            let middle = early + (late - early) / 2;
            match self.row_until(middle).await? {
                Some((seq, finished_at)) if finished_at >= time => late = seq - 1,
                _ => early = middle,
            }
        }
        Ok(0)
    }

    /// The last row until a place: its own place, and when its run ended.
    async fn row_until(&self, place: i64) -> sqlx::Result<Option<(i64, i64)>> {
        sqlx::query("SELECT seq, finished_at FROM runs WHERE seq <= ? ORDER BY seq DESC LIMIT 1")
            .bind(place)
            .try_map(|row: SqliteRow| Ok((row.try_get("seq")?, row.try_get("finished_at")?)))
            .fetch_optional(&self.0.readers)
            .await
    }
}

/// None for a run of another project or flow, or of a document that is kept nowhere.
fn ended(row: &SqliteRow, project: &Kebab, of: Option<&Kebab>) -> sqlx::Result<Option<EndedRun>> {
    let text = |column| row.try_get::<Option<String>, _>(column);
    let (flow, version) = (text("flow")?, row.try_get::<Option<u32>, _>("version")?);
    let is_own = text("project")?.as_deref() == Some(project.as_str());
    let (Some(flow), Some(version), true) = (flow, version, is_own) else {
        return Ok(None);
    };
    let Some(flow) = flow
        .parse::<Kebab>()
        .ok()
        .filter(|flow| of.is_none_or(|of| of == flow))
    else {
        return Ok(None);
    };
    let duration: Option<i64> = row.try_get("duration_us")?;
    Ok(Some(EndedRun {
        id: id(row, "id")?,
        flow,
        version,
        outcome: row.try_get("outcome")?,
        finished_at: row.try_get("finished_at")?,
        duration_us: duration.and_then(|us| us.try_into().ok()).unwrap_or(0),
    }))
}
