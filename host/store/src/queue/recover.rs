//! Runs whose owner is gone.

use lockgate_model::Kebab;
use sqlx::Row as _;
use uuid::Uuid;

use super::end;
use crate::columns::{id as id_of, name};
use crate::fault::Fault;
use crate::writer::{Durability, Tx};
use crate::{Result, Store};

/// What a recovery did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Runs that are back in the queue.
    pub requeued: u64,
    /// Runs that were tried often enough: dead letters now.
    pub dead: Vec<(Kebab, Uuid)>,
}

impl Store {
    /// Takes runs back from every owner that is not `owner`, and from this one those whose lease is over at `now_ms`.
    ///
    /// Each counts one attempt more. With `max_attempts` it becomes a dead letter, and with less it waits again, at the
    /// place that it had. Only one process serves a folder, so whoever else has a lease is an earlier one.
    pub async fn recover(&self, owner: &str, now_ms: i64, max_attempts: u32) -> Result<Recovered> {
        let owner = owner.to_owned();
        self.0
            .writer
            .write(Durability::Process, move |tx| {
                Box::pin(async move { recover(tx, &owner, now_ms, max_attempts.max(1)).await })
            })
            .await
    }
}

async fn recover(
    tx: &mut Tx,
    owner: &str,
    now_ms: i64,
    max_attempts: u32,
) -> Result<Recovered, Fault> {
    let back = sqlx::query(
        "UPDATE queue SET state = 0, attempts = attempts + 1, owner = NULL, lease_until = NULL \
         WHERE state = 1 AND (owner <> ?1 OR lease_until <= ?2) AND attempts + 1 < ?3 RETURNING priority",
    )
    .bind(owner)
    .bind(now_ms)
    .bind(max_attempts)
    .fetch_all(&mut tx.connection)
    .await?;
    for row in &back {
        tx.queued(row.try_get("priority")?);
    }
    let lost = sqlx::query(
        "SELECT seq, project, id FROM queue WHERE state = 1 AND (owner <> ?1 OR lease_until <= ?2) ORDER BY seq",
    )
    .bind(owner)
    .bind(now_ms)
    .try_map(|row| {
        let run = (name(&row, "project")?, id_of(&row, "id")?);
        Ok((row.try_get::<i64, _>("seq")?, run))
    })
    .fetch_all(&mut tx.connection)
    .await?;
    let (places, dead): (Vec<_>, Vec<_>) = lost.into_iter().unzip();
    if !places.is_empty() {
        let times = match max_attempts {
            1 => "once".to_owned(),
            times => format!("{times} times"),
        };
        let reason = format!("it was begun {times}, and the host ended or lost it each time");
        end::bury(tx, &places, &reason, now_ms).await?;
    }
    Ok(Recovered {
        requeued: back.len() as u64,
        dead,
    })
}
