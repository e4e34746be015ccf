//! Which trace a run belongs to, as rows have it.

use lockgate_model::TraceId;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// Where a run that waits goes on in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRow {
    /// The trace.
    pub id: TraceId,
    /// The id of the span that caused the run.
    pub parent: Option<[u8; 8]>,
    /// The flags of the trace.
    pub flags: u8,
    /// What tracing systems want to be told again.
    pub state: Option<String>,
}

/// The trace of a row of `runs` or `queue`.
pub(crate) fn trace_id(row: &SqliteRow) -> sqlx::Result<Option<TraceId>> {
    let bytes: Option<&[u8]> = row.try_get("trace_id")?;
    Ok(bytes.and_then(|bytes| bytes.try_into().ok()).map(TraceId))
}

/// Where a row of `queue` goes on. What was not written by this host counts as not there.
pub(crate) fn trace(row: &SqliteRow) -> sqlx::Result<Option<TraceRow>> {
    let Some(id) = trace_id(row)? else {
        return Ok(None);
    };
    let parent: Option<&[u8]> = row.try_get("trace_parent")?;
    let flags: Option<i64> = row.try_get("trace_flags")?;
    Ok(Some(TraceRow {
        id,
        parent: parent.and_then(|bytes| bytes.try_into().ok()),
        flags: flags.and_then(|flags| flags.try_into().ok()).unwrap_or(0),
        state: row.try_get("trace_state")?,
    }))
}
