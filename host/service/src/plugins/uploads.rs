//! The uploads that were still compiled when their callers were answered, and what became of them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use lockgate_model::Kebab;
use uuid::Uuid;

use super::UploadStatus;

/// How many are remembered. The oldest that came to its end is forgotten first; those that go on are bounded elsewhere, by less.
const MAX_REMEMBERED: usize = 256;

/// Uploads by their ids, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Uploads(Mutex<VecDeque<Entry>>);

#[derive(Debug)]
struct Entry {
    id: Uuid,
    project: Kebab,
    status: UploadStatus,
}

impl Uploads {
    /// One begins.
    pub(super) fn begin(&self, id: Uuid, project: Kebab) {
        let mut entries = self.entries();
        if entries.len() >= MAX_REMEMBERED {
            let ended = |entry: &Entry| !matches!(entry.status, UploadStatus::Compiling);
            if let Some(oldest) = entries.iter().position(ended) {
                entries.remove(oldest);
            }
        }
        entries.push_back(Entry {
            id,
            project,
            status: UploadStatus::Compiling,
        });
    }

    /// One came to its end.
    pub(super) fn end(&self, id: Uuid, status: UploadStatus) {
        if let Some(entry) = self.entries().iter_mut().find(|entry| entry.id == id) {
            entry.status = status;
        }
    }

    /// One whose caller was told what became of it.
    pub(super) fn forget(&self, id: Uuid) {
        self.entries().retain(|entry| entry.id != id);
    }

    /// How far one is.
    pub(super) fn status(&self, project: &Kebab, id: Uuid) -> Option<UploadStatus> {
        let entries = self.entries();
        let entry = entries.iter().find(|entry| entry.id == id);
        let own = entry.filter(|entry| entry.project == *project);
        own.map(|entry| entry.status.clone())
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, VecDeque<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_is_never_forgotten_and_the_rest_is_bounded() {
        let project: Kebab = "p".parse().expect("a name");
        let uploads = Uploads::default();
        let ids: Vec<_> = (0..MAX_REMEMBERED + 10).map(|_| Uuid::now_v7()).collect();
        for (index, id) in ids.iter().enumerate() {
            uploads.begin(*id, project.clone());
            if index > 0 {
                let refused = crate::ServiceError::InvalidRequest(String::new());
                uploads.end(*id, UploadStatus::Refused(refused));
            }
        }
        assert_eq!(uploads.entries().len(), MAX_REMEMBERED);
        let status = |index: usize| uploads.status(&project, ids[index]);
        assert!(matches!(status(0), Some(UploadStatus::Compiling)));
        assert!(status(1).is_none());
        assert!(matches!(
            status(MAX_REMEMBERED + 9),
            Some(UploadStatus::Refused(_))
        ));
        let other = "q".parse().expect("a name");
        assert!(uploads.status(&other, ids[0]).is_none());
        uploads.forget(ids[0]);
        assert!(status(0).is_none());
    }
}
