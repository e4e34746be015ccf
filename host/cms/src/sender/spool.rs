//! What could not be sent, on disk: one file a batch, so that the oldest can go without touching the others.
//!
//! A file is written under another name first, so one that has its name is whole unless the system went down with it; a checksum tells.
//! Its name says its number, which is its age, and how many data it has: so what is lost is counted even where nothing can be read.

mod file;
mod folder;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::SenderConfig;
use super::counters::{Counters, add};
use crate::clock::disk_works;
use crate::{Clock, Datum};
use file::{Found, Name};

/// A spool has room for a few batches, however long they are.
const MIN_BYTES: u64 = 1024 * 1024;

/// Why there is no spool.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The folder cannot be used.
    #[error("the spool {} cannot be used: {source}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another sender uses it.
    #[error("the spool {} is in use by another sender", .0.display())]
    InUse(PathBuf),
    /// Too small for a single batch.
    #[error("a spool needs at least {MIN_BYTES} bytes")]
    TooSmall,
}

/// A spool. Its files are used on threads that may wait for a disk.
#[derive(Debug, Clone)]
pub(super) struct Spool {
    files: Arc<Mutex<Files>>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Files {
    folder: PathBuf,
    max_bytes: u64,
    /// By number. The number says how old one is.
    index: BTreeMap<u64, Entry>,
    /// The one that is being sent stays, however full it is.
    sending: Option<u64>,
    counters: Arc<Counters>,
    /// Held for as long as the spool is used.
    _lock: File,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    data: usize,
    /// What it takes of the disk.
    bytes: u64,
}

impl Spool {
    /// Opens a folder, and looks at what is there.
    pub(super) async fn open(
        config: &SenderConfig,
        counters: Arc<Counters>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SpoolError> {
        if config.spool_bytes < MIN_BYTES {
            return Err(SpoolError::TooSmall);
        }
        let (folder, max_bytes) = (config.folder.clone(), config.spool_bytes);
        let unusable = {
            let folder = folder.clone();
            move |source| SpoolError::Folder { folder, source }
        };
        let _works = disk_works(&clock);
        let opened = tokio::task::spawn_blocking(move || {
            let lock = folder::take(&folder)?;
            let mut files = Files {
                folder,
                max_bytes,
                index: BTreeMap::new(),
                sending: None,
                counters,
                _lock: lock,
            };
            files.load().map_err(|source| SpoolError::Folder {
                folder: files.folder.clone(),
                source,
            })?;
            Ok(Arc::new(Mutex::new(files)))
        });
        let files = opened
            .await
            .map_err(|error| unusable(io::Error::other(error)))??;
        Ok(Self { files, clock })
    }

    /// Keeps a batch. Where there is no room for it the oldest go, and it itself if it is the oldest.
    pub(super) async fn put(&self, number: u64, data: Arc<Vec<Datum>>) -> io::Result<()> {
        self.with(move |files| files.put(number, &data)).await
    }

    /// The oldest batch, to be sent. A damaged one is dropped, and the next is the oldest.
    pub(super) async fn oldest(&self) -> Option<(u64, Vec<Datum>)> {
        let oldest = self.with(|files| Ok(files.oldest())).await;
        oldest.ok().flatten()
    }

    /// The batch was settled.
    pub(super) async fn remove(&self, number: u64) {
        let removed = self.with(move |files| {
            files.remove(number);
            Ok(())
        });
        // It fails only where the runtime ends.
        let _ = removed.await;
    }

    /// The batch is not being sent any more.
    pub(super) fn release(&self) {
        self.lock().sending = None;
    }

    /// The number of the oldest batch.
    pub(super) fn first(&self) -> Option<u64> {
        self.lock().index.keys().next().copied()
    }

    /// A number that is above all others.
    pub(super) fn next_number(&self) -> u64 {
        let last = self.lock().index.keys().next_back().copied();
        last.map_or(0, |last| last + 1)
    }

    async fn with<T: Send + 'static>(
        &self,
        does: impl FnOnce(&mut Files) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let this = self.clone();
        let _works = disk_works(&self.clock);
        let done = tokio::task::spawn_blocking(move || {
            let mut files = this.lock();
            let done = does(&mut files);
            files.count();
            done
        });
        done.await.map_err(io::Error::other)?
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    /// Looks at what the last sender left: whole files, halves of files, and what is none of ours.
    fn load(&mut self) -> io::Result<()> {
        let Found {
            whole,
            torn,
            impossible,
        } = file::find(&self.folder)?;
        let mut older = BTreeSet::new();
        for (name, bytes) in whole {
            let data = name.data;
            let entry = Entry { data, bytes };
            // The same batch twice: it was about to be replaced by what was left of it.
            let other = self.index.insert(name.number, entry);
            if let Some(other) = other {
                let kept = if other.data < data { other } else { entry };
                self.index.insert(name.number, kept);
                let number = name.number;
                let data = other.data.max(data);
                older.insert(Name { number, data });
            }
        }
        for name in &older {
            let _ = std::fs::remove_file(name.path(&self.folder));
        }
        for name in torn {
            let _ = std::fs::remove_file(name.unfinished(&self.folder));
            if !self.index.contains_key(&name.number) {
                add(&self.counters.found, name.data);
                add(&self.counters.damaged, name.data);
            }
        }
        for name in impossible {
            let _ = std::fs::remove_file(name.path(&self.folder));
            add(&self.counters.found, name.data);
            add(&self.counters.damaged, name.data);
        }
        let found = self.index.values().map(|entry| entry.data).sum();
        add(&self.counters.found, found);
        self.make_room(u64::MAX, 0);
        self.count();
        Ok(())
    }

    fn put(&mut self, number: u64, data: &[Datum]) -> io::Result<()> {
        let text = file::encode(data)?;
        let bytes = file::on_disk(text.len() as u64);
        let before = self.index.get(&number).copied();
        // What replaces a batch is a part of it, and has room.
        if before.is_none() && !self.make_room(number, bytes) {
            add(&self.counters.spool_full, data.len());
            return Ok(());
        }
        let name = Name {
            number,
            data: data.len(),
        };
        file::write(&self.folder, &name, &text)?;
        self.index.insert(
            name.number,
            Entry {
                data: name.data,
                bytes,
            },
        );
        if let Some(before) = before.filter(|before| before.data != name.data) {
            let data = before.data;
            std::fs::remove_file(Name { number, data }.path(&self.folder))?;
        }
        Ok(())
    }

    fn oldest(&mut self) -> Option<(u64, Vec<Datum>)> {
        while let Some((&number, &Entry { data, .. })) = self.index.first_key_value() {
            let name = Name { number, data };
            match file::read(&self.folder, &name) {
                Some(batch) => {
                    self.sending = Some(number);
                    return Some((number, batch));
                }
                None => {
                    add(&self.counters.damaged, data);
                    tracing::warn!(
                        batch = number,
                        data,
                        "a batch in the spool is damaged, and dropped"
                    );
                    self.remove(number);
                }
            }
        }
        None
    }

    /// Drops the oldest until a batch of this number and so many bytes has room. Not if it is the oldest itself.
    fn make_room(&mut self, number: u64, bytes: u64) -> bool {
        while self.bytes() + bytes > self.max_bytes {
            let may_go = |(number, _): &(&u64, &Entry)| Some(**number) != self.sending;
            match self.index.iter().find(may_go) {
                Some((&oldest, &Entry { data, .. })) if oldest < number => {
                    add(&self.counters.spool_full, data);
                    self.remove(oldest);
                }
                _ => return false,
            }
        }
        true
    }

    fn remove(&mut self, number: u64) {
        if let Some(Entry { data, .. }) = self.index.remove(&number) {
            let path = Name { number, data }.path(&self.folder);
            if let Err(error) = std::fs::remove_file(path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, batch = number, "a file of the spool cannot be removed");
            }
        }
        if self.sending == Some(number) {
            self.sending = None;
        }
    }

    fn bytes(&self) -> u64 {
        self.index.values().map(|entry| entry.bytes).sum()
    }

    fn count(&self) {
        let data = self.index.values().map(|entry| entry.data).sum();
        self.counters.spooled(data, self.bytes());
    }
}
