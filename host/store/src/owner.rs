//! Who serves a data folder: one process at a time.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::{Result, StoreError};

/// Holds a data folder for this process. Dropping it, or the end of the process however it comes, sets the folder free.
#[derive(Debug)]
pub struct DataOwner {
    _lock: File,
}

impl DataOwner {
    pub(crate) fn take(folder: &Path) -> Result<Self> {
        let lock = open(&folder.join("serve.lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
                folder: folder.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(StoreError::File {
                path: folder.join("serve.lock"),
                doing: "locked",
                source: source.into(),
            }),
        }
    }
}

/// Waits until no other process is opening the same folder. Held while the database and the key are made.
pub(crate) fn alone(folder: &Path) -> Result<File> {
    let path = folder.join("open.lock");
    let lock = open(&path)?;
    lock.lock().map_err(|source| StoreError::File {
        path,
        doing: "locked",
        source: source.into(),
    })?;
    Ok(lock)
}

fn open(path: &Path) -> Result<File> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|source| StoreError::File {
            path: path.to_owned(),
            doing: "opened",
            source: source.into(),
        })
}
