//! The folder of a spool: its owner's only, and one sender's at a time.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::SpoolError;

/// Makes the folder if it is not there, and holds it for this sender. Dropping the file, or the end of the process however it comes,
/// sets it free.
pub(super) fn take(folder: &Path) -> Result<File, SpoolError> {
    let unusable = |source| SpoolError::Folder {
        folder: folder.to_owned(),
        source,
    };
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(unusable)?;
    let lock = open(&folder.join("sender.lock")).map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(SpoolError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
}
