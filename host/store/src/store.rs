//! The store as a whole: opening and closing it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::{Components, DataOwner, Result, StoreError};

/// Where a store is, and how much it keeps.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The data folder. Made if it is not there, for its owner only.
    pub folder: PathBuf,
    /// How long finished runs are kept. Default: 30 days.
    pub keep_runs: Duration,
    /// How large the database may become before the oldest finished runs go, in bytes. Default: 10 GiB.
    pub keep_bytes: u64,
    /// How many readers there are at most; each is a connection with a thread. Default: 4.
    pub readers: u32,
}

impl StoreConfig {
    /// A store in this folder that keeps what is kept by default.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            keep_runs: Duration::from_secs(30 * 24 * 60 * 60),
            keep_bytes: 10 << 30,
            readers: 4,
        }
    }
}

/// What a host keeps. Clones are handles of the same store.
#[derive(Debug, Clone)]
pub struct Store(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    components: Components,
}

impl Store {
    /// Opens the store of a folder; makes it if there is none. Any process may, also while another serves.
    pub async fn open(config: StoreConfig) -> Result<Self> {
        let _ = config;
        Err(StoreError::Closed)
    }

    /// Makes this process the one that serves the folder, for as long as the answer is held.
    ///
    /// Fails with [`StoreError::InUse`] if another process, or another handle, does.
    pub fn own(&self) -> Result<DataOwner> {
        Err(StoreError::Closed)
    }

    /// Closes it: what was given to it is committed, and the log is merged into the database. Other handles fail
    /// with [`StoreError::Closed`] from then on.
    pub async fn close(self) {}

    /// The files of components.
    pub fn components(&self) -> &Components {
        &self.0.components
    }
}
