//! What work in a transaction has: the connection, and what the writer remembers of the queue.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteQueryResult};

use crate::columns::count;
use crate::queue::PRIORITIES;

/// The writer's connection, in a transaction.
pub(crate) struct Tx {
    pub(crate) connection: SqliteConnection,
    /// How many runs wait. Counting them takes a while when there are many, and accepting asks each time.
    waiting: Option<Waiting>,
    /// About how many bytes were written to the log since somebody asked.
    written: u64,
}

/// How many runs wait, by priority, and the database's version when that was so.
struct Waiting {
    by_priority: [u64; LEVELS],
    version: i64,
}

const LEVELS: usize = (*PRIORITIES.end() - *PRIORITIES.start() + 1) as usize;

fn level(priority: i32) -> usize {
    let clamped = priority.clamp(*PRIORITIES.start(), *PRIORITIES.end());
    usize::try_from(clamped - PRIORITIES.start()).unwrap_or_default()
}

/// What acceptance asks of the queue.
pub(crate) struct QueueEnd {
    /// The last place that is taken.
    pub(crate) last: i64,
    /// How many runs wait.
    pub(crate) waiting: u64,
}

impl Tx {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self {
            connection,
            waiting: None,
            written: 0,
        }
    }

    /// Runs a statement that takes nothing.
    pub(crate) async fn run(&mut self, statement: &'static str) -> sqlx::Result<SqliteQueryResult> {
        sqlx::query(statement).execute(&mut self.connection).await
    }

    /// Notes that about so many bytes of content were written. Pages and indices are added here.
    pub(crate) fn wrote(&mut self, bytes: usize) {
        const PAGES: u64 = 4 * 4096;
        self.written += bytes as u64 + PAGES;
    }

    pub(super) fn take_written(&mut self) -> u64 {
        std::mem::take(&mut self.written)
    }

    /// The queue's end. Counts what waits if it is not known, or if another connection wrote meanwhile.
    pub(crate) async fn queue_end(&mut self) -> sqlx::Result<QueueEnd> {
        let row = sqlx::query(
            "SELECT coalesce((SELECT max(seq) FROM queue), 0) AS last, data_version AS version \
             FROM pragma_data_version",
        )
        .fetch_one(&mut self.connection)
        .await?;
        let version = row.try_get("version")?;
        let known = match self.waiting.take() {
            Some(waiting) if waiting.version == version => waiting,
            _ => self.counted(version).await?,
        };
        let waiting = known.by_priority.iter().sum();
        self.waiting = Some(known);
        Ok(QueueEnd {
            last: row.try_get("last")?,
            waiting,
        })
    }

    async fn counted(&mut self, version: i64) -> sqlx::Result<Waiting> {
        let rows = sqlx::query(
            "SELECT priority, count(*) AS waiting FROM queue WHERE state = 0 GROUP BY priority",
        )
        .fetch_all(&mut self.connection)
        .await?;
        let mut by_priority = [0; LEVELS];
        for row in rows {
            by_priority[level(row.try_get("priority")?)] += count(&row, "waiting")?;
        }
        Ok(Waiting {
            by_priority,
            version,
        })
    }

    /// How many runs wait that a new one of this priority would be behind. After [`Self::queue_end`].
    pub(crate) fn ahead(&self, priority: i32) -> u64 {
        let Some(waiting) = &self.waiting else {
            return 0;
        };
        waiting.by_priority[level(priority)..].iter().sum()
    }

    /// A run waits that did not.
    pub(crate) fn queued(&mut self, priority: i32) {
        if let Some(waiting) = &mut self.waiting {
            waiting.by_priority[level(priority)] += 1;
        }
    }

    /// A run waits no longer.
    pub(crate) fn dequeued(&mut self, priority: i32) {
        if let Some(waiting) = &mut self.waiting {
            let count = &mut waiting.by_priority[level(priority)];
            *count = count.saturating_sub(1);
        }
    }

    /// What is remembered may no longer be so.
    pub(crate) fn forget(&mut self) {
        self.waiting = None;
    }
}
