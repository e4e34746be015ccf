//! Drafts: what an editor keeps of a flow before it is saved. They are never active, and need not be documents.

use lockgate_flow::MAX_DOCUMENT_BYTES;
use lockgate_model::Kebab;
use lockgate_store::{DraftPut, Expected};

use super::{DraftView, Flows, Seen};
use crate::error::ServiceError;
use crate::registry::now;
use crate::{Caller, Moment, Scope};

impl Flows {
    /// The draft of a flow.
    ///
    /// # Errors
    ///
    /// There is none.
    pub async fn draft(&self, caller: &Caller, name: &Kebab) -> Result<DraftView, ServiceError> {
        caller.may_with(Scope::Read, name)?;
        let draft = self.registry.store().draft(&caller.project, name).await?;
        let draft = draft.ok_or_else(|| ServiceError::not_found("draft", name))?;
        Ok(DraftView {
            flow: draft.flow,
            text: draft.text,
            etag: draft.etag,
            updated_at: Moment(draft.updated_at),
            updated_by: draft.updated_by,
        })
    }

    /// Writes the draft of a flow, which need not be there. `seen` is what the writer saw; it has to be so still. A text
    /// has at most [`MAX_DOCUMENT_BYTES`].
    ///
    /// # Errors
    ///
    /// [`ServiceError::DraftChanged`], or the text is too large.
    pub async fn put_draft(
        &self,
        caller: &Caller,
        name: &Kebab,
        text: String,
        seen: Seen,
    ) -> Result<DraftView, ServiceError> {
        caller.may_with(Scope::Deploy, name)?;
        super::check_name(name)?;
        if text.len() > MAX_DOCUMENT_BYTES {
            return Err(ServiceError::TooLarge {
                what: "the draft",
                bytes: text.len() as u64,
                most: MAX_DOCUMENT_BYTES as u64,
            });
        }
        let store = self.registry.store();
        self.check_room_for_draft(&caller.project, name).await?;
        let at = now();
        let put = store.put_draft(
            &caller.project,
            name,
            text.clone(),
            seen.into(),
            &caller.name,
            at.0,
        );
        match put.await? {
            DraftPut::Put(etag) => Ok(DraftView {
                flow: name.clone(),
                text,
                etag: etag.unwrap_or_default(),
                updated_at: at,
                updated_by: caller.name.to_string(),
            }),
            DraftPut::Conflict(etag) => Err(ServiceError::DraftChanged { etag }),
        }
    }

    /// Deletes the draft of a flow.
    ///
    /// # Errors
    ///
    /// There is none, or [`ServiceError::DraftChanged`].
    pub async fn remove_draft(
        &self,
        caller: &Caller,
        name: &Kebab,
        seen: Seen,
    ) -> Result<(), ServiceError> {
        caller.may_with(Scope::Deploy, name)?;
        let store = self.registry.store();
        let removed = store.remove_draft(&caller.project, name, seen.into(), None);
        match removed.await? {
            DraftPut::Put(_) => Ok(()),
            DraftPut::Conflict(None) => Err(ServiceError::not_found("draft", name)),
            DraftPut::Conflict(etag) => Err(ServiceError::DraftChanged { etag }),
        }
    }
}

impl Flows {
    /// One more than there is room for can come from each of several writers at the same time: it is a bound, not a count.
    async fn check_room_for_draft(
        &self,
        project: &Kebab,
        name: &Kebab,
    ) -> Result<(), ServiceError> {
        let store = self.registry.store();
        let most = self.registry.config.max_drafts as u64;
        if store.count_drafts(project).await? < most || store.draft(project, name).await?.is_some()
        {
            return Ok(());
        }
        Err(ServiceError::TooMany {
            what: "drafts",
            most,
        })
    }
}

impl From<Seen> for Expected {
    fn from(seen: Seen) -> Self {
        match seen {
            Seen::Nothing => Self::Absent,
            Seen::This(etag) => Self::Tag(etag),
            Seen::Any => Self::Present,
        }
    }
}
