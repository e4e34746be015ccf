//! The files of components, by digest.

use std::path::PathBuf;

use crate::{Result, StoreError};

/// Components as files, named by what they contain. A digest is written `sha256:` and 64 hexadecimal digits.
#[derive(Debug)]
pub struct Components {
    #[expect(dead_code, reason = "used as soon as the methods are")]
    folder: PathBuf,
}

impl Components {
    /// Stores a component and gives its digest. When this returns, the file is on disk, whole. Storing it twice is fine.
    pub async fn put(&self, bytes: Vec<u8>) -> Result<String> {
        let _ = bytes;
        Err(StoreError::Closed)
    }

    /// A component's bytes, or None if it is not there. A file that does not have the digest it is named by is
    /// [`StoreError::Damaged`].
    pub async fn get(&self, digest: &str) -> Result<Option<Vec<u8>>> {
        let _ = digest;
        Err(StoreError::Closed)
    }

    /// Removes a component. Whether it was there.
    pub async fn remove(&self, digest: &str) -> Result<bool> {
        let _ = digest;
        Err(StoreError::Closed)
    }
}
