//! Steps of a change that are about flows.

use lockgate_model::Kebab;

use crate::fault::{Fault, homeless, taken};
use crate::writer::Tx;
use crate::{FlowVersionRow, LockRow, Result, drafts};

fn title(flow: &Kebab, version: u32) -> String {
    format!("version {version} of flow `{flow}`")
}

/// Adds a version, and with the first one the flow.
pub(crate) async fn add_version(
    tx: &mut Tx,
    project: &Kebab,
    row: FlowVersionRow,
) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO flows (project, name, newest, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4) \
         ON CONFLICT DO UPDATE SET newest = max(newest, ?3), updated_at = ?4",
    )
    .bind(project.as_str())
    .bind(row.flow.as_str())
    .bind(row.version)
    .bind(row.created_at)
    .execute(&mut tx.connection)
    .await?;
    let text = row.text.unwrap_or_default();
    tx.wrote(text.len());
    sqlx::query(
        "INSERT INTO flow_versions (project, flow, version, digest, format, created_at, created_by, text) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(project.as_str())
    .bind(row.flow.as_str())
    .bind(row.version)
    .bind(row.digest)
    .bind(row.format)
    .bind(row.created_at)
    .bind(row.created_by)
    .bind(text)
    .execute(&mut tx.connection)
    .await
    .map_err(taken(|| title(&row.flow, row.version)))?;
    Ok(())
}

/// Writes a version's document differently.
pub(crate) async fn set_text(
    tx: &mut Tx,
    project: &Kebab,
    flow: &Kebab,
    version: u32,
    text: String,
    format: String,
) -> Result<(), Fault> {
    tx.wrote(text.len());
    let done = sqlx::query(
        "UPDATE flow_versions SET text = ?, format = ? WHERE project = ? AND flow = ? AND version = ?",
    )
    .bind(text)
    .bind(format)
    .bind(project.as_str())
    .bind(flow.as_str())
    .bind(version)
    .execute(&mut tx.connection)
    .await?;
    match done.rows_affected() {
        0 => Err(Fault::missing(title(flow, version))),
        _ => Ok(()),
    }
}

/// Makes a version the one in force.
pub(crate) async fn activate(
    tx: &mut Tx,
    project: &Kebab,
    flow: &Kebab,
    version: u32,
    at: i64,
) -> Result<(), Fault> {
    let done = sqlx::query(
        "UPDATE flows SET active = ?3, updated_at = ?4 WHERE project = ?1 AND name = ?2 AND EXISTS \
         (SELECT 1 FROM flow_versions WHERE project = ?1 AND flow = ?2 AND version = ?3)",
    )
    .bind(project.as_str())
    .bind(flow.as_str())
    .bind(version)
    .bind(at)
    .execute(&mut tx.connection)
    .await?;
    match done.rows_affected() {
        0 => Err(Fault::missing(title(flow, version))),
        _ => Ok(()),
    }
}

/// Adds a revision of a version's lock.
pub(crate) async fn add_lock(tx: &mut Tx, project: &Kebab, row: LockRow) -> Result<(), Fault> {
    tx.wrote(row.lock.len());
    let what = |flow: &Kebab| {
        format!(
            "revision {} of the lock of {}",
            row.revision,
            title(flow, row.version)
        )
    };
    sqlx::query(
        "INSERT INTO locks (project, flow, version, revision, digest, cause, created_at, lock) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(project.as_str())
    .bind(row.flow.as_str())
    .bind(row.version)
    .bind(row.revision)
    .bind(row.digest)
    .bind(row.cause)
    .bind(row.created_at)
    .bind(row.lock)
    .execute(&mut tx.connection)
    .await
    .map_err(|error| {
        if homeless(&error) {
            return Fault::missing(title(&row.flow, row.version));
        }
        taken(|| what(&row.flow))(error)
    })?;
    Ok(())
}

/// Removes a flow with its draft. Versions, locks and webhooks go with it.
pub(crate) async fn remove(tx: &mut Tx, project: &Kebab, flow: &Kebab) -> Result<(), Fault> {
    let done = sqlx::query("DELETE FROM flows WHERE project = ? AND name = ?")
        .bind(project.as_str())
        .bind(flow.as_str())
        .execute(&mut tx.connection)
        .await?;
    if done.rows_affected() == 0 {
        return Err(Fault::missing(format!("flow `{flow}`")));
    }
    drafts::remove(tx, project, flow).await
}
