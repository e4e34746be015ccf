//! Drafts of flows: one for each name, never in force, with a tag that tells whether somebody else wrote meanwhile.

use lockgate_model::Kebab;

use crate::{AuditRow, Result, Store, StoreError};

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
        let _ = (project, flow);
        Err(StoreError::Closed)
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
        let _ = (project, flow, text, expected, by, at);
        Err(StoreError::Closed)
    }

    /// Removes a flow's draft, if what is there is what is expected. No draft and [`Expected::Anything`] is fine.
    pub async fn remove_draft(
        &self,
        project: &Kebab,
        flow: &Kebab,
        expected: Expected,
        audit: Option<AuditRow>,
    ) -> Result<DraftPut> {
        let _ = (project, flow, expected, audit);
        Err(StoreError::Closed)
    }
}
