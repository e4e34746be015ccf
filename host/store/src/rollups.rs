//! Rollups: what was counted of runs, by minute, hour and day.
//!
//! Belongs here: which rows there are and when they go. Does not belong here: what is counted. Counts are bytes, and whoever
//! writes them says how two are added ([`MergeCounts`]).
//!
//! A minute is added to its hour and its day in the transaction that writes it, so the three never say different things,
//! however often a minute is written and whenever the host ends. It costs three rows where one would do, and no hour that is
//! built later from minutes of which some are late.

mod add;
mod read;

use std::sync::Arc;

pub use read::{MAX_ROLLUP_TIMES, RollupPiece, RollupQuery};

/// How two of one series are added. None where the first is not what was written.
pub type MergeCounts = fn(&[u8], &[u8]) -> Option<Vec<u8>>;

/// How long a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grain {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day, in UTC.
    Day,
}

impl Grain {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// How long it is, in milliseconds.
    pub fn ms(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// When the one began that has this moment, in milliseconds since 1970.
    pub fn floor(self, at: i64) -> i64 {
        at.saturating_sub(at.rem_euclid(self.ms()))
    }

    fn number(self) -> i64 {
        match self {
            Self::Minute => 0,
            Self::Hour => 1,
            Self::Day => 2,
        }
    }
}

/// What a row is about. Texts are what was counted under, checked by nobody here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RollupSeries {
    /// The project.
    pub project: Arc<str>,
    /// The flow.
    pub flow: Arc<str>,
    /// Its version.
    pub version: u32,
    /// The node; empty for the flow's version itself.
    pub node: Arc<str>,
    /// The node's plugin, `publisher:name`; empty where there is none.
    pub plugin: Arc<str>,
    /// The plugin's version.
    pub plugin_version: Arc<str>,
}

/// What was counted of a series in a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupMinute {
    /// Of what.
    pub series: RollupSeries,
    /// A moment of the minute, in milliseconds since 1970.
    pub at: i64,
    /// What was counted.
    pub counts: Vec<u8>,
}

/// What goes, for the upkeep.
pub(crate) mod old {
    use super::Grain;
    use crate::fault::Fault;
    use crate::writer::Tx;

    /// Removes rows that began before this time, at most so many.
    pub(crate) async fn rows(
        tx: &mut Tx,
        grain: Grain,
        before: i64,
        most: i64,
    ) -> Result<u64, Fault> {
        let done = sqlx::query(
            "DELETE FROM rollups WHERE (grain, at, series) IN \
             (SELECT grain, at, series FROM rollups WHERE grain = ? AND at < ? ORDER BY at LIMIT ?)",
        )
        .bind(grain.number())
        .bind(before)
        .bind(most)
        .execute(&mut tx.connection)
        .await?;
        Ok(done.rows_affected())
    }

    /// Removes series without a row since this time, at most so many.
    pub(crate) async fn series(tx: &mut Tx, before: i64, most: i64) -> Result<u64, Fault> {
        let done = sqlx::query(
            "DELETE FROM rollup_series WHERE id IN (SELECT id FROM rollup_series WHERE newest < ? LIMIT ?)",
        )
        .bind(before)
        .bind(most)
        .execute(&mut tx.connection)
        .await?;
        Ok(done.rows_affected())
    }
}
