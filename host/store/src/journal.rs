//! Journals as they are stored: one zstd frame each. Whoever stores or reads a run compresses it, never the writer.

use std::cell::RefCell;
use std::io::{self, Read as _};
use std::path::Path;

use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use crate::{Result, StoreError};

/// The longest journal that is stored, in bytes before it is compressed: 128 MiB. A stored one that would become longer
/// is not read: somebody changed it to fill the host's memory.
pub const MAX_JOURNAL_BYTES: u64 = 128 << 20;

/// The last at which zstd leaves literals as they are: half of the time of level 1 for the journal of a small run, and a seventh
/// more bytes. Journals repeat their keys so much that higher levels save little.
const LEVEL: i32 = -1;

/// From here on it is done on a thread of its own, in bytes: about a millisecond of work.
const LARGE: usize = 256 << 10;

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

/// Compresses a journal. An empty one stays empty.
pub(crate) async fn compressed(events: Vec<u8>, file: &Path) -> Result<Vec<u8>> {
    let bytes = events.len() as u64;
    if bytes > MAX_JOURNAL_BYTES {
        return Err(too_large(bytes));
    }
    let done = if events.len() < LARGE {
        compress(&events)
    } else {
        aside(move || compress(&events)).await
    };
    done.map_err(|source| StoreError::File {
        path: file.to_owned(),
        doing: "compressed for",
        source: source.into(),
    })
}

fn compress(events: &[u8]) -> io::Result<Vec<u8>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    COMPRESSOR.with_borrow_mut(|slot| {
        let compressor = match slot {
            Some(compressor) => compressor,
            None => {
                let mut made = Compressor::new(LEVEL)?;
                made.set_parameter(CParameter::ChecksumFlag(true))?;
                slot.insert(made)
            }
        };
        compressor.compress(events)
    })
}

/// The journal again.
pub(crate) async fn decompressed(journal: Vec<u8>, file: &Path) -> Result<Vec<u8>> {
    let done = if journal.len() < LARGE {
        decompress(&journal)
    } else {
        aside(move || decompress(&journal)).await
    };
    let events = done.map_err(|error| StoreError::Damaged {
        file: file.to_owned(),
        detail: format!("a journal cannot be decompressed: {error}"),
    })?;
    let bytes = events.len() as u64;
    if bytes > MAX_JOURNAL_BYTES {
        return Err(too_large(bytes));
    }
    Ok(events)
}

/// Gives one byte more than the bound at most, and no memory that is not filled: what the frame says of its length may be
/// a lie.
fn decompress(journal: &[u8]) -> io::Result<Vec<u8>> {
    let mut events = Vec::new();
    if !journal.is_empty() {
        let decoder = zstd::stream::read::Decoder::with_buffer(journal)?;
        decoder
            .take(MAX_JOURNAL_BYTES + 1)
            .read_to_end(&mut events)?;
    }
    Ok(events)
}

fn too_large(bytes: u64) -> StoreError {
    StoreError::TooLarge {
        what: "a journal",
        bytes,
        max: MAX_JOURNAL_BYTES,
    }
}

async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> &'static Path {
        Path::new("x.db")
    }

    #[tokio::test]
    async fn a_journal_comes_back() {
        for length in [0, 1, 5_000, LARGE + 1, 3 * LARGE] {
            let events: Vec<u8> = (0..length).map(|n| (n * n / 7) as u8).collect();
            let stored = compressed(events.clone(), file())
                .await
                .expect("small enough");
            assert_eq!(decompressed(stored, file()).await.expect("whole"), events);
        }
    }

    #[tokio::test]
    async fn one_that_was_changed_is_damaged() {
        let mut stored = compressed(vec![b'a'; 1000], file())
            .await
            .expect("small enough");
        let last = stored.len() - 1;
        stored[last] ^= 1;
        let error = decompressed(stored, file())
            .await
            .expect_err("the checksum");
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }

    #[tokio::test]
    async fn one_that_grows_beyond_the_bound_is_refused() {
        let bomb =
            zstd::bulk::compress(&vec![0; MAX_JOURNAL_BYTES as usize + 1], 1).expect("zeros");
        assert!(bomb.len() < 64 << 10);
        let error = decompressed(bomb, file()).await.expect_err("too large");
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    }

    #[tokio::test]
    async fn one_beyond_the_bound_is_not_stored() {
        let error = compressed(vec![0; MAX_JOURNAL_BYTES as usize + 1], file())
            .await
            .expect_err("too large");
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    }
}
