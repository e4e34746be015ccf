//! Taking runs from the queue, keeping them, giving them back.

use std::collections::{HashMap, HashSet};

use lockgate_model::Kebab;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::{accept, end};
use crate::columns::{id as id_of, ids as id_list, name, numbers, optional_id, optional_name};
use crate::fault::Fault;
use crate::runs::row::batch_place;
use crate::traces;
use crate::writer::Durability;
use crate::{BatchPlace, Result, Store, TraceRow};

/// A run taken from the queue.
#[derive(Debug, Clone)]
pub struct ClaimedRun {
    /// Its project.
    pub project: Kebab,
    /// Its id.
    pub id: Uuid,
    /// The flow. None for a document that came with the request.
    pub flow: Option<Kebab>,
    /// The version that was asked for. None: the one in force.
    pub version: Option<u32>,
    /// The revision of that version's lock.
    pub revision: Option<u32>,
    /// The input.
    pub input: Vec<u8>,
    /// What else the run needs to begin.
    pub request: serde_json::Value,
    /// Its priority.
    pub priority: i32,
    /// What started it.
    pub trigger: String,
    /// The key that started it.
    pub key: Option<Uuid>,
    /// The session that it belongs to.
    pub session: Option<String>,
    /// The run that it is a rerun of, or was started by.
    pub parent: Option<Uuid>,
    /// Its line in a batch.
    pub batch: Option<BatchPlace>,
    /// Labels, as a JSON object.
    pub labels: Option<String>,
    /// When it was accepted, in milliseconds since 1970.
    pub created_at: i64,
    /// How often it was taken and lost before this time.
    pub attempts: u32,
    /// Where it goes on in a trace. None for runs from before there were traces.
    pub trace: Option<TraceRow>,
}

impl Store {
    /// Takes at most `most` runs (and at most 1,000), the highest priority first and of that the one accepted first.
    /// They are leased to `owner` until `lease_until_ms`.
    ///
    /// A run whose input cannot be opened becomes a dead letter with the reason, and is not among the answers.
    pub async fn claim(
        &self,
        owner: &str,
        most: u32,
        lease_until_ms: i64,
    ) -> Result<Vec<ClaimedRun>> {
        let (lessee, most) = (owner.to_owned(), most.min(MOST));
        let mut taken: Vec<(i64, ClaimedRun)> = self
            .0
            .writer
            .write(Durability::Process, move |tx| {
                Box::pin(async move {
                    let taken = sqlx::query(
                        "UPDATE queue SET state = 1, owner = ?, lease_until = ? WHERE seq IN \
                         (SELECT seq FROM queue WHERE state = 0 ORDER BY priority DESC, seq LIMIT ?) RETURNING *",
                    )
                    .bind(lessee)
                    .bind(lease_until_ms)
                    .bind(most)
                    .try_map(claimed)
                    .fetch_all(&mut tx.connection)
                    .await?;
                    for (_, run) in &taken {
                        tx.dequeued(run.priority);
                    }
                    Ok::<_, Fault>(taken)
                })
            })
            .await?;
        // The writer gives them in no order.
        taken.sort_by_key(|(place, run)| (-run.priority, *place));
        self.with_inputs(taken, owner).await
    }

    /// Keeps runs that this owner has for longer. Gives those that it has no longer.
    pub async fn renew(
        &self,
        owner: &str,
        ids: Vec<Uuid>,
        lease_until_ms: i64,
    ) -> Result<Vec<Uuid>> {
        let (owner, list) = (owner.to_owned(), id_list(&ids));
        let kept: HashSet<Uuid> = self
            .0
            .writer
            .write(Durability::Process, move |tx| {
                Box::pin(async move {
                    let kept = sqlx::query(
                        "UPDATE queue SET lease_until = ? WHERE state = 1 AND owner = ? AND id IN \
                         (SELECT unhex(value) FROM json_each(?)) RETURNING id",
                    )
                    .bind(lease_until_ms)
                    .bind(owner)
                    .bind(list)
                    .try_map(|row| id_of(&row, "id"))
                    .fetch_all(&mut tx.connection)
                    .await?;
                    Ok::<_, Fault>(kept.into_iter().collect())
                })
            })
            .await?;
        Ok(ids.into_iter().filter(|id| !kept.contains(id)).collect())
    }

    /// Gives runs that this owner has back to the queue, at the places that they had. It does not count as an attempt.
    /// How many it were.
    pub async fn release(&self, owner: &str, ids: Vec<Uuid>) -> Result<u64> {
        let (owner, list) = (owner.to_owned(), id_list(&ids));
        self.0
            .writer
            .write(Durability::Process, move |tx| {
                Box::pin(async move {
                    let released = sqlx::query(
                        "UPDATE queue SET state = 0, owner = NULL, lease_until = NULL WHERE state = 1 AND owner = ? \
                         AND id IN (SELECT unhex(value) FROM json_each(?)) RETURNING priority",
                    )
                    .bind(owner)
                    .bind(list)
                    .fetch_all(&mut tx.connection)
                    .await?;
                    for row in &released {
                        tx.queued(row.try_get("priority")?);
                    }
                    Ok::<_, Fault>(released.len() as u64)
                })
            })
            .await
    }

    /// Reads and opens the inputs of runs that were taken, beside the writer. What does not open is buried.
    async fn with_inputs(
        &self,
        taken: Vec<(i64, ClaimedRun)>,
        owner: &str,
    ) -> Result<Vec<ClaimedRun>> {
        if taken.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<i64> = taken.iter().map(|(place, _)| *place).collect();
        let inputs = sqlx::query(
            "SELECT seq, sealed FROM queue_inputs WHERE seq IN (SELECT value FROM json_each(?))",
        )
        .bind(numbers(&places))
        .try_map(|row| Ok((row.try_get("seq")?, row.try_get("sealed")?)))
        .fetch_all(&self.0.readers)
        .await;
        let mut inputs: HashMap<i64, Vec<u8>> = match inputs {
            Ok(inputs) => inputs.into_iter().collect(),
            Err(error) => {
                // Nobody has them if the caller gets an error: they wait again.
                let ids = taken.iter().map(|(_, run)| run.id).collect();
                self.release(owner, ids).await?;
                return Err(self.fault(error));
            }
        };
        let (mut runs, mut closed) = (Vec::with_capacity(taken.len()), Vec::new());
        for (place, mut run) in taken {
            let sealed = inputs.remove(&place).unwrap_or_default();
            match accept::opened(&self.0.key, &run.id, &sealed) {
                Some((request, input)) => {
                    run.request = request;
                    run.input = input;
                    runs.push(run);
                }
                None => closed.push(place),
            }
        }
        if !closed.is_empty() {
            self.bury_closed(closed).await?;
        }
        Ok(runs)
    }

    async fn bury_closed(&self, places: Vec<i64>) -> Result<()> {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| {
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            });
        tracing::warn!(
            runs = places.len(),
            "inputs of queued runs cannot be opened with this host's key; they are dead letters now"
        );
        self.0
            .writer
            .write(Durability::Process, move |tx| {
                Box::pin(async move { end::bury(tx, &places, CLOSED, now).await })
            })
            .await
    }
}

/// How many runs are taken at once at most.
const MOST: u32 = 1000;

/// Why a run is a dead letter whose input does not open.
const CLOSED: &str =
    "its input cannot be opened with this host's key: it was sealed with another, or changed";

/// All but the input and the request, and its place.
fn claimed(row: SqliteRow) -> sqlx::Result<(i64, ClaimedRun)> {
    let run = ClaimedRun {
        project: name(&row, "project")?,
        id: id_of(&row, "id")?,
        flow: optional_name(&row, "flow")?,
        version: row.try_get("version")?,
        revision: row.try_get("revision")?,
        input: Vec::new(),
        request: serde_json::Value::Null,
        priority: row.try_get("priority")?,
        trigger: row.try_get("started_by")?,
        key: optional_id(&row, "key_id")?,
        session: row.try_get("session")?,
        parent: optional_id(&row, "parent")?,
        batch: batch_place(&row)?,
        labels: row.try_get("labels")?,
        created_at: row.try_get("created_at")?,
        attempts: row.try_get("attempts")?,
        trace: traces::trace(&row)?,
    };
    Ok((row.try_get("seq")?, run))
}
