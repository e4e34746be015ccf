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
    /// The last so many runs of versions of a flow, or of all flows, that ended from one time on and before another, in the
    /// order of their ends. A bounded number of rows is looked at, the newest.
    pub async fn ended_runs(
        &self,
        project: &Kebab,
        flow: Option<&Kebab>,
        (from, until): (i64, i64),
        most: usize,
    ) -> Result<Vec<EndedRun>> {
        let mut rows = sqlx::query(
            "SELECT id, project, flow, version, outcome, finished_at, duration_us FROM runs ORDER BY seq DESC LIMIT ?",
        )
        .bind(SCANNED)
        .fetch(&self.0.readers);
        let mut found = Vec::new();
        while found.len() < most {
            let row = rows.try_next().await.map_err(|error| self.fault(error))?;
            let Some(row) = row else {
                break;
            };
            let run = ended(&row, project, flow).map_err(|error| self.fault(error))?;
            let at: i64 = row
                .try_get("finished_at")
                .map_err(|error| self.fault(error))?;
            if at < from.saturating_sub(SLACK_MS) {
                break;
            }
            found.extend(run.filter(|run| (from..until).contains(&run.finished_at)));
        }
        // Those of the same millisecond stay in the order in which they were written.
        found.reverse();
        found.sort_by_key(|run| run.finished_at);
        Ok(found)
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
