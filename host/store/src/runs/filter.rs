//! Lists of runs.

use lockgate_model::Kebab;
use uuid::Uuid;

use super::{RunState, RunSummary};
use crate::{Result, Store, StoreError};

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
        let _ = (project, filter);
        Err(StoreError::Closed)
    }
}
