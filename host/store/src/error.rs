//! What can go wrong with a store, told apart by who can do something about it.
//!
//! Belongs here: the error, and what SQLite's codes mean. Does not belong here: HTTP statuses.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// What every method of the store gives.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Why the store did not do what it was asked. Cheap to clone: one failed transaction may answer many callers.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or folder could not be used.
    #[error("{} cannot be {doing}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was tried, as a participle: `read`.
        doing: &'static str,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Another process serves this folder.
    #[error("{} is in use: another process serves it; stop that one, or choose another folder with --data", folder.display())]
    InUse {
        /// The data folder.
        folder: PathBuf,
    },
    /// A newer version of Lockgate wrote this store.
    #[error(
        "{} was written by a newer version of Lockgate (its schema has step {found}, this version knows {known}): use that version, or another folder",
        file.display()
    )]
    Newer {
        /// The database.
        file: PathBuf,
        /// The newest step of the schema in it.
        found: i64,
        /// The newest that this version knows.
        known: i64,
    },
    /// What is stored is not what was written.
    #[error("{} is damaged: {detail}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The database may not be written.
    #[error("{} cannot be written: {detail}; see who owns it and how its disk is mounted", file.display())]
    ReadOnly {
        /// The database.
        file: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// The disk is full.
    #[error("{} cannot grow: the disk is full", file.display())]
    Full {
        /// The database.
        file: PathBuf,
    },
    /// Another process kept the database locked for too long.
    #[error("{} is locked by another process", file.display())]
    Busy {
        /// The database.
        file: PathBuf,
    },
    /// The host's key cannot be used.
    #[error("the host's key {} {problem}", file.display())]
    HostKey {
        /// The key's file.
        file: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Something sealed does not open with the host's key.
    #[error("{what} cannot be opened with this host's key")]
    Unsealable {
        /// What was sealed.
        what: &'static str,
    },
    /// A name, a version or a digest is taken.
    #[error("{what} is there already")]
    Taken {
        /// What.
        what: String,
    },
    /// A change names something that is not there.
    #[error("there is no {what}")]
    Missing {
        /// What.
        what: String,
    },
    /// Something is larger than what is stored.
    #[error("{what} has {bytes} bytes; at most {max} are stored")]
    TooLarge {
        /// What.
        what: &'static str,
        /// How large it is. For what is read compressed: at least this much.
        bytes: u64,
        /// The bound.
        max: u64,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Anything else that SQLite reports.
    #[error("{}: {source}", file.display())]
    Database {
        /// The database.
        file: PathBuf,
        /// What was reported.
        source: Arc<sqlx::Error>,
    },
}
