//! The files of components, by digest.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::{Result, StoreError};

/// Components as files, named by what they contain. A digest is written `sha256:` and 64 hexadecimal digits.
#[derive(Debug)]
pub struct Components {
    folder: Arc<Path>,
}

/// What a file is called before it is whole.
const UNFINISHED: &str = "new";

impl Components {
    /// Makes the folder if it is not there.
    pub(crate) fn open(folder: PathBuf) -> Result<Self> {
        match fs::create_dir(&folder) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                Err(fault(&folder, "made", source))
            }
            _ => Ok(Self {
                folder: folder.into(),
            }),
        }
    }

    /// Stores a component and gives its digest. When this returns, the file is on disk, whole. Storing it twice is fine;
    /// a damaged file is replaced.
    pub async fn put(&self, bytes: Vec<u8>) -> Result<String> {
        let folder = self.folder.clone();
        aside(&self.folder, move || {
            let hex = hex(&bytes);
            let digest = format!("sha256:{hex}");
            let file = folder.join(format!("{hex}.wasm"));
            if fs::read(&file).is_ok_and(|there| there == bytes) {
                return Ok(digest);
            }
            let unfinished =
                folder.join(format!("{hex}.{:016x}.{UNFINISHED}", rand::random::<u64>()));
            written(&unfinished, &file, &bytes).map_err(|source| {
                let _ = fs::remove_file(&unfinished);
                fault(&file, "written", source)
            })?;
            Ok(digest)
        })
        .await
    }

    /// A component's bytes, or None if it is not there. A file that does not have the digest it is named by is
    /// [`StoreError::Damaged`].
    pub async fn get(&self, digest: &str) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.file(digest) else {
            return Ok(None);
        };
        let digest = digest.to_owned();
        aside(&self.folder, move || match fs::read(&file) {
            Ok(bytes) if digest.ends_with(&hex(&bytes)) => Ok(Some(bytes)),
            Ok(_) => Err(StoreError::Damaged {
                file,
                detail: "its contents do not have the digest that it is named by; upload the plugin again".to_owned(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fault(&file, "read", error)),
        })
        .await
    }

    /// Removes a component. Whether it was there.
    pub async fn remove(&self, digest: &str) -> Result<bool> {
        let Some(file) = self.file(digest) else {
            return Ok(false);
        };
        aside(&self.folder, move || match fs::remove_file(&file) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(fault(&file, "removed", error)),
        })
        .await
    }

    /// Removes what an earlier process did not finish. Only for the owner of the folder: another may be writing.
    pub(crate) fn sweep(&self) -> Result<()> {
        let unusable = |source| fault(&self.folder, "read", source);
        for entry in fs::read_dir(&self.folder).map_err(unusable)? {
            let path = entry.map_err(unusable)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == UNFINISHED)
            {
                fs::remove_file(&path).map_err(|source| fault(&path, "removed", source))?;
            }
        }
        Ok(())
    }

    /// The file of a digest. None if this is no digest: then it is no file either, and no way out of the folder.
    fn file(&self, digest: &str) -> Option<PathBuf> {
        let hex = digest.strip_prefix("sha256:")?;
        let fits = hex.len() == 64 && hex.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| self.folder.join(format!("{hex}.wasm")))
    }
}

/// Writes a file under another name, waits for the disk, and gives it its name.
fn written(unfinished: &Path, file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut made = File::create_new(unfinished)?;
    made.write_all(bytes)?;
    made.sync_all()?;
    fs::rename(unfinished, file)?;
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a text does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn fault(path: &Path, doing: &'static str, source: io::Error) -> StoreError {
    StoreError::File {
        path: path.to_owned(),
        doing,
        source: source.into(),
    }
}

/// Files and digests of megabytes are no work for a thread that serves others.
async fn aside<T: Send + 'static>(
    folder: &Path,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(fault(folder, "used", io::Error::other(error))),
    }
}
