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
    /// What all of them have and take: there may be millions, so it is not added up each time.
    total: Entry,
    /// Those that are being sent stay, however full it is.
    sending: BTreeSet<u64>,
    counters: Arc<Counters>,
    /// Held for as long as the spool is used.
    _lock: File,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
                total: Entry::default(),
                sending: BTreeSet::new(),
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

    /// Keeps batches, each if it can. It is one piece of work for a thread that may wait for a disk: once begun it is done to its end,
    /// also where whoever waits for it goes away.
    pub(super) async fn put_all(
        &self,
        batches: impl Iterator<Item = (u64, Arc<Vec<Datum>>)> + Send + 'static,
    ) {
        let put = self.with(move |files| {
            files.put_all(batches);
            Ok(())
        });
        // It fails only where the runtime ends before it begins.
        let _ = put.await;
    }

    /// A batch, to be sent. None if it is damaged, and dropped.
    ///
    /// # Errors
    ///
    /// It cannot be read for now. It stays.
    pub(super) async fn read(&self, number: u64) -> io::Result<Option<Vec<Datum>>> {
        self.with(move |files| files.read(number)).await
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
    pub(super) fn release(&self, number: u64) {
        self.lock().sending.remove(&number);
    }

    /// The number of the oldest batch that is not being sent, of those that are `wanted`.
    pub(super) fn first(&self, wanted: impl Fn(u64) -> bool) -> Option<u64> {
        let files = self.lock();
        let numbers = files.index.keys().copied();
        numbers
            .filter(|number| !files.sending.contains(number))
            .find(|number| wanted(*number))
    }

    /// Whether it has a batch of this number.
    pub(super) fn has(&self, number: u64) -> bool {
        self.lock().index.contains_key(&number)
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
            let other = self.insert(name.number, entry);
            if let Some(other) = other {
                let kept = if other.data < data { other } else { entry };
                self.insert(name.number, kept);
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
        add(&self.counters.found, self.total.data);
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
        let data = name.data;
        self.insert(number, Entry { data, bytes });
        if let Some(before) = before.filter(|before| before.data != name.data) {
            let data = before.data;
            std::fs::remove_file(Name { number, data }.path(&self.folder))?;
        }
        Ok(())
    }

    fn put_all(&mut self, batches: impl Iterator<Item = (u64, Arc<Vec<Datum>>)>) {
        let (mut failed, mut last) = (0, None);
        for (number, batch) in batches {
            if let Err(error) = self.put(number, &batch) {
                last = Some(error);
                // One that is there already stays as it was.
                if !self.index.contains_key(&number) {
                    failed += batch.len();
                }
            }
        }
        if let Some(error) = last {
            tracing::warn!(%error, lost = failed, "the spool of metrics cannot be written");
            add(&self.counters.spool_failed, failed);
        }
    }

    fn read(&mut self, number: u64) -> io::Result<Option<Vec<Datum>>> {
        let Some(&Entry { data, .. }) = self.index.get(&number) else {
            return Ok(None);
        };
        let batch = file::read(&self.folder, &Name { number, data })?;
        if batch.is_some() {
            self.sending.insert(number);
        } else {
            add(&self.counters.damaged, data);
            tracing::warn!(
                batch = number,
                data,
                "a batch in the spool is damaged, and dropped"
            );
            self.remove(number);
        }
        Ok(batch)
    }

    /// Drops the oldest until a batch of this number and so many bytes has room. Not if it is the oldest itself.
    fn make_room(&mut self, number: u64, bytes: u64) -> bool {
        while self.total.bytes + bytes > self.max_bytes {
            let may_go = |(number, _): &(&u64, &Entry)| !self.sending.contains(number);
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

    fn insert(&mut self, number: u64, entry: Entry) -> Option<Entry> {
        let before = self.index.insert(number, entry);
        self.total.data += entry.data;
        self.total.bytes += entry.bytes;
        if let Some(before) = before {
            self.forget(before);
        }
        before
    }

    fn forget(&mut self, entry: Entry) {
        self.total.data -= entry.data;
        self.total.bytes -= entry.bytes;
    }

    fn remove(&mut self, number: u64) {
        if let Some(entry) = self.index.remove(&number) {
            self.forget(entry);
            let data = entry.data;
            let path = Name { number, data }.path(&self.folder);
            if let Err(error) = std::fs::remove_file(path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, batch = number, "a file of the spool cannot be removed");
            }
        }
        self.sending.remove(&number);
    }

    fn count(&self) {
        self.counters.spooled(self.total.data, self.total.bytes);
    }
}
