//! Who serves a data folder: one process at a time.

use std::fs::File;

/// Holds a data folder for this process. Dropping it, or the end of the process however it comes, gives the folder free.
#[derive(Debug)]
pub struct DataOwner {
    _lock: File,
}
