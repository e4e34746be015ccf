//! Rollups of one flow, row by row.

use futures::TryStreamExt as _;
use lockgate_model::Kebab;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _};

use super::Grain;
use crate::columns::numbers;
use crate::{Result, Store};

/// How many series are read at most, those of the newest versions first.
const MOST_SERIES: i64 = 5_000;

/// How many minutes, hours or days are read at most, the newest.
pub const MAX_ROLLUP_TIMES: i64 = 4_000;

/// Which rollups are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupQuery {
    /// Whose.
    pub project: Kebab,
    /// Of which flow.
    pub flow: Kebab,
    /// Of one version.
    pub version: Option<u32>,
    /// Of one node; the empty one is the flow itself.
    pub node: Option<String>,
    /// Of which length.
    pub grain: Grain,
    /// From the one that has this moment on.
    pub from: i64,
    /// Those that began before this.
    pub until: i64,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupPiece {
    /// The flow's version.
    pub version: u32,
    /// The node; empty for the flow itself.
    pub node: String,
    /// The node's plugin; empty where there is none.
    pub plugin: String,
    /// The plugin's version.
    pub plugin_version: String,
    /// When it began, in milliseconds since 1970.
    pub at: i64,
    /// What was counted, as it was written.
    pub counts: Vec<u8>,
}

impl Store {
    /// Gives `each` what there is, series by series and then in the order of time, without holding it all. Gives whether that
    /// was all: a flow may have had more versions and nodes than are read.
    pub async fn rollups(
        &self,
        query: &RollupQuery,
        mut each: impl FnMut(RollupPiece) + Send,
    ) -> Result<bool> {
        let (grain, until) = (query.grain, query.until);
        let first = grain.floor(until.saturating_sub(1));
        let count =
            (first.saturating_sub(grain.floor(query.from)) / grain.ms()).min(MAX_ROLLUP_TIMES - 1);
        if until <= query.from || count < 0 {
            return Ok(true);
        }
        let times: Vec<_> = (0..=count).map(|back| first - back * grain.ms()).collect();
        let oldest = times.last().copied().unwrap_or(first);
        let named = "FROM rollup_series WHERE project = ?1 AND flow = ?2 AND (?3 IS NULL OR version = ?3) \
                     AND (?4 IS NULL OR node = ?4) AND newest >= ?5 AND first <= ?6";
        // A range of times would read the rows of all flows in it: they lie together by time.
        let statement = format!(
            "SELECT s.version, s.node, s.plugin, s.plugin_version, r.at, r.counts \
             FROM (SELECT * {named} ORDER BY version DESC, id DESC LIMIT ?7) AS s \
             CROSS JOIN json_each(?8) AS asked CROSS JOIN rollups AS r \
             WHERE asked.value BETWEEN s.first AND s.newest + ?9 \
               AND r.grain = ?10 AND r.at = asked.value AND r.series = s.id"
        );
        let mut rows = query
            .bind(AssertSqlSafe(statement), oldest, first)
            .bind(MOST_SERIES)
            .bind(numbers(&times.into_iter().rev().collect::<Vec<_>>()))
            .bind(Grain::Day.ms())
            .bind(grain.number())
            .try_map(piece)
            .fetch(&self.0.readers);
        while let Some(piece) = rows.try_next().await.map_err(|error| self.fault(error))? {
            each(piece);
        }
        drop(rows);
        let statement = format!("SELECT count(*) AS series {named}");
        let series = query
            .bind(AssertSqlSafe(statement), oldest, first)
            .try_map(|row: SqliteRow| row.try_get::<i64, _>("series"))
            .fetch_one(&self.0.readers)
            .await
            .map_err(|error| self.fault(error))?;
        Ok(series <= MOST_SERIES)
    }
}

impl Store {
    /// The flows of a project of which something was counted in this time, by day: those that were deleted too.
    pub async fn counted_flows(
        &self,
        project: &Kebab,
        from: i64,
        until: i64,
    ) -> Result<Vec<String>> {
        sqlx::query(
            "SELECT DISTINCT flow FROM rollup_series WHERE project = ? AND newest >= ? AND first < ? ORDER BY flow",
        )
        .bind(project.as_str())
        .bind(Grain::Day.floor(from))
        .bind(until)
        .try_map(|row: SqliteRow| row.try_get("flow"))
        .fetch_all(&self.0.readers)
        .await
        .map_err(|error| self.fault(error))
    }
}

impl RollupQuery {
    /// A statement with the arguments that name series.
    fn bind(
        &self,
        statement: AssertSqlSafe<String>,
        oldest: i64,
        newest: i64,
    ) -> Query<'_, Sqlite, SqliteArguments> {
        sqlx::query(statement)
            .bind(self.project.as_str())
            .bind(self.flow.as_str())
            .bind(self.version)
            .bind(self.node.as_deref())
            .bind(Grain::Day.floor(oldest))
            .bind(newest)
    }
}

fn piece(row: SqliteRow) -> sqlx::Result<RollupPiece> {
    Ok(RollupPiece {
        version: row.try_get("version")?,
        node: row.try_get("node")?,
        plugin: row.try_get("plugin")?,
        plugin_version: row.try_get("plugin_version")?,
        at: row.try_get("at")?,
        counts: row.try_get("counts")?,
    })
}
