//! Ends of queued runs that no run made: cancelled before their turn, or given up.

use crate::columns::numbers;
use crate::fault::Fault;
use crate::writer::Tx;

/// Writes the end of runs in the queue, which began nothing that is worth keeping. They are still in the queue after it.
pub(super) async fn write(
    tx: &mut Tx,
    places: &[i64],
    outcome: &'static str,
    error: Option<&str>,
    at: i64,
) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO runs (id, project, flow, version, revision, outcome, started_by, key_id, session, parent, batch, \
             batch_index, labels, created_at, finished_at, cut, masked, attempts, error, trace_id, \
             journal) \
         SELECT id, project, flow, version, revision, ?1, started_by, key_id, session, parent, batch, \
             batch_index, labels, created_at, ?2, 0, 0, attempts, ?3, trace_id, x'' \
         FROM queue WHERE seq IN (SELECT value FROM json_each(?4)) ORDER BY seq ON CONFLICT DO NOTHING",
    )
    .bind(outcome)
    .bind(at)
    .bind(error)
    .bind(numbers(places))
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

/// Makes runs that were taken dead letters.
pub(super) async fn bury(tx: &mut Tx, places: &[i64], reason: &str, at: i64) -> Result<(), Fault> {
    sqlx::query(
        "UPDATE queue SET state = 2, attempts = attempts + 1, owner = NULL, lease_until = NULL, reason = ?, dead_at = ? \
         WHERE seq IN (SELECT value FROM json_each(?)) AND state = 1",
    )
    .bind(reason)
    .bind(at)
    .bind(numbers(places))
    .execute(&mut tx.connection)
    .await?;
    write(tx, places, "failed", Some(reason), at).await
}
