//! Lists of runs.

use std::cmp::Reverse;

use lockgate_model::Kebab;
use sqlx::QueryBuilder;
use sqlx::sqlite::{Sqlite, SqliteRow};
use uuid::Uuid;

use super::row::{FINISHED, QUEUED, finished, queued};
use super::{RunState, RunSummary};
use crate::columns::{blob, id as id_of};
use crate::{Result, Store};

/// Where a list goes on: at runs with smaller ids.
pub type Cursor = Uuid;

/// Which runs are listed. Everything that is given has to fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Runs of this flow.
    pub flow: Option<Kebab>,
    /// Runs that ended like this.
    pub outcome: Option<String>,
    /// Runs that are this far.
    pub state: Option<RunState>,
    /// Runs whose id was made at this time or later, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Runs whose id was made before this time.
    pub until_ms: Option<i64>,
    /// Runs of this batch.
    pub batch: Option<Uuid>,
    /// Runs that this started.
    pub trigger: Option<String>,
    /// Runs with this label.
    pub label: Option<(String, String)>,
    /// Runs that this key started.
    pub key: Option<Uuid>,
    /// Runs of this session.
    pub session: Option<String>,
    /// Runs before this one.
    pub before: Option<Cursor>,
    /// How many at most, 1 to 1,000. 0 means 50.
    pub limit: u32,
}

/// A piece of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunsPage {
    /// The runs, newest first. May be fewer than asked for, even none, though there are more.
    pub runs: Vec<RunSummary>,
    /// Where the list goes on. None: that was all.
    pub next: Option<Cursor>,
}

impl Store {
    /// Runs of a project, newest first (by id), with those that wait.
    ///
    /// One call looks at a bounded number of rows. So a filter that fits few runs gives short pages, each with the
    /// place where the next goes on.
    pub async fn runs(&self, project: &Kebab, filter: &RunFilter) -> Result<RunsPage> {
        let mut found = Vec::new();
        for source in Source::of(filter) {
            // In this order a run that ends meanwhile is found twice rather than not at all.
            found.push(self.scan(project, filter, source).await?);
        }
        Ok(merged(found, filter.most()))
    }

    async fn scan(&self, project: &Kebab, filter: &RunFilter, source: Source) -> Result<Scan> {
        let fault = |error| self.fault(error);
        let mut statement = QueryBuilder::new("SELECT * FROM (");
        source.select(&mut statement, source.columns(), project, filter);
        statement.push(format!(" LIMIT {SCANNED})"));
        source.refine(&mut statement, filter);
        statement.push(format!(" LIMIT {}", filter.most()));
        let runs = statement
            .build()
            .try_map(source.row())
            .fetch_all(&self.0.readers)
            .await
            .map_err(fault)?;
        if runs.len() >= filter.most() {
            let reached = runs.last().map(|run| run.id);
            return Ok(Scan { runs, reached });
        }
        let mut end = QueryBuilder::new("");
        source.select(&mut end, "id", project, filter);
        end.push(format!(" LIMIT 1 OFFSET {}", SCANNED - 1));
        let reached = end
            .build()
            .try_map(|row: SqliteRow| id_of(&row, "id"))
            .fetch_optional(&self.0.readers)
            .await
            .map_err(fault)?;
        Ok(Scan { runs, reached })
    }
}

/// How many rows one call looks at, of each source.
const SCANNED: usize = 20_000;

impl RunFilter {
    fn most(&self) -> usize {
        match self.limit {
            0 => 50,
            limit => limit.min(1000) as usize,
        }
    }
}

/// What was found in a source.
struct Scan {
    runs: Vec<RunSummary>,
    /// How far it was looked through. None: to its end.
    reached: Option<Uuid>,
}

/// Puts what was found together: newest first, each once, and nothing from beyond where one source was left.
fn merged(found: Vec<Scan>, most: usize) -> RunsPage {
    let floor = found.iter().filter_map(|scan| scan.reached).max();
    // The end of a run is more than that it waited: of two, the last one found stays.
    let mut runs: Vec<_> = found.into_iter().flat_map(|scan| scan.runs).rev().collect();
    runs.sort_by_key(|run| Reverse(run.id));
    runs.dedup_by_key(|run| run.id);
    if let Some(floor) = floor {
        runs.retain(|run| run.id >= floor);
    }
    let next = if runs.len() > most {
        runs.truncate(most);
        runs.last().map(|run| run.id)
    } else {
        floor
    };
    RunsPage { runs, next }
}

/// Where runs are.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// The queue: those that wait (0), or were taken (1).
    Queue(i64),
    /// Those that ended.
    Ended,
}

impl Source {
    /// Those that can have what the filter asks for.
    fn of(filter: &RunFilter) -> Vec<Self> {
        match (filter.state, &filter.outcome) {
            (Some(RunState::Finished), _) | (None, Some(_)) => vec![Self::Ended],
            (Some(_), Some(_)) => Vec::new(),
            (Some(RunState::Queued), None) => vec![Self::Queue(0)],
            (Some(RunState::Running), None) => vec![Self::Queue(1)],
            (None, None) => vec![Self::Queue(0), Self::Queue(1), Self::Ended],
        }
    }

    fn columns(self) -> &'static str {
        match self {
            Self::Queue(_) => QUEUED,
            Self::Ended => FINISHED,
        }
    }

    fn row(self) -> fn(SqliteRow) -> sqlx::Result<RunSummary> {
        match self {
            Self::Queue(_) => queued,
            Self::Ended => finished,
        }
    }

    /// What an index finds in order. [`Self::refine`] looks at each of these.
    fn select(
        self,
        to: &mut QueryBuilder<Sqlite>,
        columns: &str,
        project: &Kebab,
        filter: &RunFilter,
    ) {
        match self {
            Self::Queue(state) => {
                to.push(format!("SELECT {columns} FROM queue WHERE state = {state}"));
            }
            Self::Ended => {
                to.push(format!("SELECT {columns} FROM runs WHERE true"));
                if let Some(outcome) = filter.rare_outcome() {
                    // In words, so that the index of what is not ok is known to have them all.
                    to.push(" AND outcome <> 'ok' AND outcome = ")
                        .push_bind(outcome.to_owned());
                } else if let (Some(flow), None) = (&filter.flow, filter.batch) {
                    to.push(" AND flow = ").push_bind(flow.as_str().to_owned());
                }
            }
        }
        to.push(" AND project = ")
            .push_bind(project.as_str().to_owned());
        if let Some(batch) = &filter.batch {
            to.push(" AND batch = ").push_bind(blob(batch));
        }
        if let Some(since) = filter.since_ms {
            to.push(" AND id >= ").push_bind(first_of(since));
        }
        if let Some(until) = filter.until_ms {
            to.push(" AND id < ").push_bind(first_of(until));
        }
        if let Some(before) = &filter.before {
            to.push(" AND id < ").push_bind(blob(before));
        }
        to.push(" ORDER BY id DESC");
    }

    fn refine(self, to: &mut QueryBuilder<Sqlite>, filter: &RunFilter) {
        to.push(" WHERE true");
        if let Some(flow) = &filter.flow {
            to.push(" AND flow = ").push_bind(flow.as_str().to_owned());
        }
        if let (Self::Ended, Some(outcome)) = (self, &filter.outcome) {
            to.push(" AND outcome = ").push_bind(outcome.clone());
        }
        if let Some(trigger) = &filter.trigger {
            to.push(" AND started_by = ").push_bind(trigger.clone());
        }
        if let Some(key) = &filter.key {
            to.push(" AND key_id = ").push_bind(blob(key));
        }
        if let Some(session) = &filter.session {
            to.push(" AND session = ").push_bind(session.clone());
        }
        if let Some((label, value)) = &filter.label {
            to.push(" AND EXISTS (SELECT 1 FROM json_each(labels) AS label WHERE label.key = ")
                .push_bind(label.clone())
                .push(" AND label.value = ")
                .push_bind(value.clone())
                .push(")");
        }
    }
}

impl RunFilter {
    /// The outcome asked for, if it is one that few runs have.
    fn rare_outcome(&self) -> Option<&str> {
        self.outcome.as_deref().filter(|outcome| *outcome != "ok")
    }
}

/// The smallest id of a time: 48 bits of milliseconds come first in a UUID v7.
fn first_of(ms: i64) -> Vec<u8> {
    let ms = ms.clamp(0, (1 << 48) - 1).cast_unsigned();
    (u128::from(ms) << 80).to_be_bytes().to_vec()
}
