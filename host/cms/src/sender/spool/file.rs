//! One file of a spool: its name, and what is in it.
//!
//! The first line says the form, the second is the CRC-32 of the rest, which is JSON.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::{Datum, MAX_ENTRIES};

const FORM: &str = "lockgate-cms 1";

const WHOLE: &str = "batch";

const UNFINISHED: &str = "new";

/// No batch of this crate's making is longer: entries are at most as long as a query, which has them encoded.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// What a disk hands out.
const BLOCK: u64 = 4096;

/// A batch's name: its number, and how many data are in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) number: u64,
    pub(super) data: usize,
}

/// What was in a folder.
#[derive(Default)]
pub(super) struct Found {
    /// Files that have their name, and what they take of the disk.
    pub(super) whole: Vec<(Name, u64)>,
    /// Files that nobody finished.
    pub(super) torn: Vec<Name>,
    /// Files that cannot be ours, though they are called so: too long, or no files at all.
    pub(super) impossible: Vec<Name>,
}

impl Name {
    pub(super) fn path(&self, folder: &Path) -> PathBuf {
        self.with(folder, WHOLE)
    }

    pub(super) fn unfinished(&self, folder: &Path) -> PathBuf {
        self.with(folder, UNFINISHED)
    }

    fn with(&self, folder: &Path, end: &str) -> PathBuf {
        folder.join(format!("{:020}-{}.{end}", self.number, self.data))
    }

    /// Reads a name. One that is not as this crate writes it is none.
    fn read(stem: &str) -> Option<Self> {
        let (number, data) = stem.split_once('-')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if number.len() != 20 || !digits(number) || !digits(data) || data.starts_with('0') {
            return None;
        }
        // The last number is left free: the next one is one more.
        let number = number.parse().ok().filter(|&number| number < u64::MAX)?;
        let data = data.parse().ok()?;
        (1..=MAX_ENTRIES)
            .contains(&data)
            .then_some(Self { number, data })
    }
}

/// The spool's files in a folder. What has another name is none of them, and stays.
pub(super) fn find(folder: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some((stem, end)) = name.to_str().and_then(|name| name.rsplit_once('.')) else {
            continue;
        };
        let Some(name) = Name::read(stem) else {
            continue;
        };
        // Of a link it is the link's own, which is no file.
        let metadata = entry.metadata()?;
        let possible = metadata.is_file() && metadata.len() <= MAX_FILE_BYTES;
        match end {
            WHOLE if possible => found.whole.push((name, on_disk(metadata.len()))),
            WHOLE => found.impossible.push(name),
            UNFINISHED => found.torn.push(name),
            _ => {}
        }
    }
    Ok(found)
}

/// What a file of so many bytes takes of the disk.
pub(super) fn on_disk(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK)
}

pub(super) fn encode(data: &[Datum]) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(data)?;
    let mut text = format!("{FORM}\n{:08x}\n", crc32fast::hash(&json)).into_bytes();
    text.extend_from_slice(&json);
    Ok(text)
}

/// Writes a file under another name, and gives it its own when it is whole.
pub(super) fn write(folder: &Path, name: &Name, text: &[u8]) -> io::Result<()> {
    let unfinished = name.unfinished(folder);
    let written = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(no_follow())
        .open(&unfinished)
        .and_then(|mut file| file.write_all(text))
        .and_then(|()| std::fs::rename(&unfinished, name.path(folder)));
    if written.is_err() {
        // It may be the disk that is full: a half is of no use.
        let _ = std::fs::remove_file(&unfinished);
    }
    written
}

/// What is in a file, if it is what was written.
///
/// # Errors
///
/// It cannot be read for now: there are no descriptors, say. That says nothing about what is in it.
pub(super) fn read(folder: &Path, name: &Name) -> io::Result<Option<Vec<Datum>>> {
    let opened = File::options()
        .read(true)
        .custom_flags(no_follow())
        .open(name.path(folder));
    let mut text = Vec::new();
    let read = opened.and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text));
    match read {
        Ok(_) => Ok(decode(name, &text)),
        Err(error) if is_none_of_ours(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether there will never be a batch there: nothing, a link, a folder, a socket.
fn is_none_of_ours(error: &io::Error) -> bool {
    let codes = [libc::ENOENT, libc::ELOOP, libc::EISDIR, libc::ENXIO];
    error
        .raw_os_error()
        .is_some_and(|code| codes.contains(&code))
}

fn decode(name: &Name, text: &[u8]) -> Option<Vec<Datum>> {
    if text.len() as u64 > MAX_FILE_BYTES {
        return None;
    }
    let rest = text.strip_prefix(FORM.as_bytes())?.strip_prefix(b"\n")?;
    let (checksum, rest) = rest.split_first_chunk::<8>()?;
    let json = rest.strip_prefix(b"\n")?;
    if *checksum != *format!("{:08x}", crc32fast::hash(json)).as_bytes() {
        return None;
    }
    let data: Vec<Datum> = serde_json::from_slice(json).ok()?;
    (data.len() == name.data && data.iter().all(Datum::is_sound)).then_some(data)
}

/// A link, or a pipe that somebody put there, is not opened or not waited for.
fn no_follow() -> i32 {
    libc::O_NOFOLLOW | libc::O_NONBLOCK
}
