//! Drafts of flows: one for each name, never in force, with a tag that tells whether somebody else wrote meanwhile.

use lockgate_model::Kebab;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::columns::name;
use crate::fault::Fault;
use crate::writer::{Durability, Tx};
use crate::{AuditRow, Result, Store, audit};

/// A draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftRow {
    /// The flow that it is a draft of. There need not be one yet.
    pub flow: Kebab,
    /// Changes with each writing, and never comes back, not even after the draft was removed.
    pub etag: String,
    /// The document.
    pub text: String,
    /// When it was written, in milliseconds since 1970.
    pub updated_at: i64,
    /// Who wrote it: a key's name.
    pub updated_by: String,
}

/// What a writer believes to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// No draft.
    Absent,
    /// Some draft, whichever.
    Present,
    /// The draft with this tag.
    Tag(String),
    /// It does not matter.
    Anything,
}

/// What became of a draft that was written or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftPut {
    /// It was done. With the new tag, if there is a draft now.
    Put(Option<String>),
    /// What is there is not what was expected: the tag of what is there.
    Conflict(Option<String>),
}

impl Store {
    /// A flow's draft.
    pub async fn draft(&self, project: &Kebab, flow: &Kebab) -> Result<Option<DraftRow>> {
        sqlx::query("SELECT * FROM drafts WHERE project = ? AND flow = ?")
            .bind(project.as_str())
            .bind(flow.as_str())
            .try_map(draft)
            .fetch_optional(&self.0.readers)
            .await
            .map_err(|error| self.fault(error))
    }

    /// How many drafts a project has.
    pub async fn count_drafts(&self, project: &Kebab) -> Result<u64> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM drafts WHERE project = ?")
            .bind(project.as_str())
            .fetch_one(&self.0.readers)
            .await
            .map_err(|error| self.fault(error))?;
        Ok(count.unsigned_abs())
    }

    /// Writes a flow's draft, if what is there is what is expected. `by` is a key's name.
    pub async fn put_draft(
        &self,
        project: &Kebab,
        flow: &Kebab,
        text: String,
        expected: Expected,
        by: &str,
        at: i64,
    ) -> Result<DraftPut> {
        let (project, flow, by) = (project.clone(), flow.clone(), by.to_owned());
        self.0
            .writer
            .write(Durability::Process, move |tx| {
                Box::pin(async move {
                    let there = tag(tx, &project, &flow).await?;
                    if !expected.fits(there) {
                        return Ok(DraftPut::Conflict(written(there)));
                    }
                    tx.wrote(text.len());
                    // The row goes and another comes, because a tag is the number of a row.
                    let done = sqlx::query(
                        "INSERT OR REPLACE INTO drafts (project, flow, updated_at, updated_by, text) VALUES (?, ?, ?, ?, ?)",
                    )
                    .bind(project.as_str())
                    .bind(flow.as_str())
                    .bind(at)
                    .bind(by)
                    .bind(text)
                    .execute(&mut tx.connection)
                    .await?;
                    Ok(DraftPut::Put(written(Some(done.last_insert_rowid()))))
                })
            })
            .await
    }

    /// Removes a flow's draft, if what is there is what is expected. No draft and [`Expected::Anything`] is fine.
    pub async fn remove_draft(
        &self,
        project: &Kebab,
        flow: &Kebab,
        expected: Expected,
        audit: Option<AuditRow>,
    ) -> Result<DraftPut> {
        let (project, flow, log) = (project.clone(), flow.clone(), audit);
        self.0
            .writer
            .write(Durability::Process, move |tx| {
                Box::pin(async move {
                    let there = tag(tx, &project, &flow).await?;
                    if !expected.fits(there) {
                        return Ok(DraftPut::Conflict(written(there)));
                    }
                    remove(tx, &project, &flow).await?;
                    if let Some(row) = log {
                        audit::add(tx, row).await?;
                    }
                    Ok(DraftPut::Put(None))
                })
            })
            .await
    }
}

impl Expected {
    fn fits(&self, there: Option<i64>) -> bool {
        match self {
            Self::Absent => there.is_none(),
            Self::Present => there.is_some(),
            Self::Tag(tag) => written(there).as_ref() == Some(tag),
            Self::Anything => true,
        }
    }
}

fn written(tag: Option<i64>) -> Option<String> {
    tag.map(|tag| tag.to_string())
}

fn draft(row: SqliteRow) -> sqlx::Result<DraftRow> {
    Ok(DraftRow {
        flow: name(&row, "flow")?,
        etag: row.try_get::<i64, _>("etag")?.to_string(),
        text: row.try_get("text")?,
        updated_at: row.try_get("updated_at")?,
        updated_by: row.try_get("updated_by")?,
    })
}

async fn tag(tx: &mut Tx, project: &Kebab, flow: &Kebab) -> Result<Option<i64>, Fault> {
    let tag = sqlx::query_scalar("SELECT etag FROM drafts WHERE project = ? AND flow = ?")
        .bind(project.as_str())
        .bind(flow.as_str())
        .fetch_optional(&mut tx.connection)
        .await?;
    Ok(tag)
}

/// Removes a flow's draft, if there is one.
pub(crate) async fn remove(tx: &mut Tx, project: &Kebab, flow: &Kebab) -> Result<(), Fault> {
    sqlx::query("DELETE FROM drafts WHERE project = ? AND flow = ?")
        .bind(project.as_str())
        .bind(flow.as_str())
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}
