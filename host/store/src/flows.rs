//! Flows: their versions, and the locks of those.

pub(crate) mod change;

use lockgate_model::Kebab;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::columns::{name, parsed};
use crate::{Result, Store};

/// A flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowRow {
    /// Its name.
    pub flow: Kebab,
    /// The version in force. None: none is.
    pub active: Option<u32>,
    /// The newest version.
    pub newest: u32,
    /// When the first version came, in milliseconds since 1970.
    pub created_at: i64,
    /// When the newest version came or the active one changed.
    pub updated_at: i64,
}

/// One version of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowVersionRow {
    /// The flow.
    pub flow: Kebab,
    /// 1, 2, …
    pub version: u32,
    /// The digest of what the document means. No two versions of a flow have the same.
    pub digest: String,
    /// `yaml` or `json`.
    pub format: String,
    /// The document. None where it was not asked for.
    pub text: Option<String>,
    /// When it was saved, in milliseconds since 1970.
    pub created_at: i64,
    /// Who saved it: a key's name.
    pub created_by: String,
}

/// One revision of the lock of a flow's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRow {
    /// The flow.
    pub flow: Kebab,
    /// The flow's version.
    pub version: u32,
    /// 1, 2, …, for this version.
    pub revision: u32,
    /// The lock's digest.
    pub digest: String,
    /// The lock, as JSON.
    pub lock: String,
    /// Why it came, as JSON.
    pub cause: String,
    /// When it came, in milliseconds since 1970.
    pub created_at: i64,
}

/// What a start needs of a flow in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveFlow {
    /// The flow.
    pub flow: Kebab,
    /// The version in force.
    pub version: u32,
    /// Its document.
    pub text: String,
    /// `yaml` or `json`.
    pub format: String,
    /// Its newest lock.
    pub lock: LockRow,
}

impl Store {
    /// The flows of a project, by name.
    pub async fn flows(&self, project: &Kebab) -> Result<Vec<FlowRow>> {
        sqlx::query("SELECT * FROM flows WHERE project = ? ORDER BY name")
            .bind(project.as_str())
            .try_map(flow)
            .fetch_all(&self.0.readers)
            .await
            .map_err(|error| self.fault(error))
    }

    /// One version of a flow, with its text.
    pub async fn flow_version(
        &self,
        project: &Kebab,
        flow: &Kebab,
        version: u32,
    ) -> Result<Option<FlowVersionRow>> {
        sqlx::query("SELECT * FROM flow_versions WHERE project = ? AND flow = ? AND version = ?")
            .bind(project.as_str())
            .bind(flow.as_str())
            .bind(version)
            .try_map(|row| {
                let text = row.try_get("text")?;
                Ok(FlowVersionRow {
                    text: Some(text),
                    ..flow_version(row)?
                })
            })
            .fetch_optional(&self.0.readers)
            .await
            .map_err(|error| self.fault(error))
    }

    /// All versions of a flow, newest first, without their texts.
    pub async fn flow_versions(
        &self,
        project: &Kebab,
        flow: &Kebab,
    ) -> Result<Vec<FlowVersionRow>> {
        sqlx::query(
            "SELECT flow, version, digest, format, created_at, created_by FROM flow_versions \
             WHERE project = ? AND flow = ? ORDER BY version DESC",
        )
        .bind(project.as_str())
        .bind(flow.as_str())
        .try_map(flow_version)
        .fetch_all(&self.0.readers)
        .await
        .map_err(|error| self.fault(error))
    }

    /// The version of a flow that has this digest.
    pub async fn flow_by_digest(
        &self,
        project: &Kebab,
        flow: &Kebab,
        digest: &str,
    ) -> Result<Option<u32>> {
        sqlx::query_scalar(
            "SELECT version FROM flow_versions WHERE project = ? AND flow = ? AND digest = ?",
        )
        .bind(project.as_str())
        .bind(flow.as_str())
        .bind(digest)
        .fetch_optional(&self.0.readers)
        .await
        .map_err(|error| self.fault(error))
    }

    /// The locks of a flow, or of one of its versions: the newest version first, and of that the newest revision.
    pub async fn locks(
        &self,
        project: &Kebab,
        flow: &Kebab,
        version: Option<u32>,
    ) -> Result<Vec<LockRow>> {
        sqlx::query(
            "SELECT * FROM locks WHERE project = ?1 AND flow = ?2 AND (?3 IS NULL OR version = ?3) \
             ORDER BY version DESC, revision DESC",
        )
        .bind(project.as_str())
        .bind(flow.as_str())
        .bind(version)
        .try_map(lock)
        .fetch_all(&self.0.readers)
        .await
        .map_err(|error| self.fault(error))
    }

    /// Every flow in force, with its document and its newest lock, by name. One without a lock is not in force.
    pub async fn active_flows(&self, project: &Kebab) -> Result<Vec<ActiveFlow>> {
        sqlx::query(
            "SELECT v.text, v.format, l.* FROM flows AS f \
             JOIN flow_versions AS v ON v.project = f.project AND v.flow = f.name AND v.version = f.active \
             JOIN locks AS l ON l.project = v.project AND l.flow = v.flow AND l.version = v.version \
             WHERE f.project = ?1 AND l.revision = (SELECT max(revision) FROM locks \
                 WHERE project = ?1 AND flow = v.flow AND version = v.version) \
             ORDER BY f.name",
        )
        .bind(project.as_str())
        .try_map(|row| {
            let (text, format) = (row.try_get("text")?, row.try_get("format")?);
            let lock = lock(row)?;
            Ok(ActiveFlow {
                flow: lock.flow.clone(),
                version: lock.version,
                text,
                format,
                lock,
            })
        })
        .fetch_all(&self.0.readers)
        .await
        .map_err(|error| self.fault(error))
    }

    /// The projects that have plugins, flows, drafts, keys, or runs that wait; by name.
    pub async fn projects(&self) -> Result<Vec<Kebab>> {
        sqlx::query(
            "SELECT project FROM plugins UNION SELECT project FROM flows UNION SELECT project FROM drafts \
             UNION SELECT project FROM keys UNION SELECT project FROM queue ORDER BY project",
        )
        .try_map(|row| parsed(&row, "project"))
        .fetch_all(&self.0.readers)
        .await
        .map_err(|error| self.fault(error))
    }
}

fn flow(row: SqliteRow) -> sqlx::Result<FlowRow> {
    Ok(FlowRow {
        flow: name(&row, "name")?,
        active: row.try_get("active")?,
        newest: row.try_get("newest")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

/// All but the text.
fn flow_version(row: SqliteRow) -> sqlx::Result<FlowVersionRow> {
    Ok(FlowVersionRow {
        flow: name(&row, "flow")?,
        version: row.try_get("version")?,
        digest: row.try_get("digest")?,
        format: row.try_get("format")?,
        text: None,
        created_at: row.try_get("created_at")?,
        created_by: row.try_get("created_by")?,
    })
}

fn lock(row: SqliteRow) -> sqlx::Result<LockRow> {
    Ok(LockRow {
        flow: name(&row, "flow")?,
        version: row.try_get("version")?,
        revision: row.try_get("revision")?,
        digest: row.try_get("digest")?,
        lock: row.try_get("lock")?,
        cause: row.try_get("cause")?,
        created_at: row.try_get("created_at")?,
    })
}
