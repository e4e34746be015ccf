//! Compiled components on disk, each sealed so that only what this host wrote is ever run.
//!
//! An entry's name is the component's digest and the engine's compatibility hash. Its content is the code and a seal
//! (HMAC-SHA-256 over the name and the code). The key of the seal lies beside the entries, readable by the host's user
//! alone. An entry that is damaged, renamed, or written by somebody else has no valid seal and is compiled again.
//!
//! Beside the code of a plugin lies what it said of itself, sealed in the same way, once it was found to be right.
//!
//! The code is run where it lies: the file is mapped, so that a plugin costs the memory of what runs of it, and not of all
//! that was compiled. An entry is therefore never written again once it has its name; only the host's user could, who can
//! do anything to the host anyway.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::Rng as _;
use sha2::Sha256;
use wasmtime::Engine;

/// The form of an entry: part of its name, so that another form is another entry.
const FORM: u32 = 2;

const SEAL_BYTES: usize = 32;
const KEY_BYTES: usize = 64; // SHA-256's block: HMAC uses such a key as it is
const CODE: &str = "code";
const SAID: &str = "said";

/// The longest thing that a plugin may have said of itself, in bytes.
const MAX_SAID_BYTES: u64 = 64 << 20;

/// How much of an entry is read at once to check its seal.
const PIECE_BYTES: usize = 256 << 10;

/// Why the folder cannot serve as a cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Others may write to it, so nothing in it can be trusted.
    #[error(
        "{} can be written by others than its owner, or is not yours: choose another folder, or `chmod 700` it",
        .0.display()
    )]
    NotPrivate(PathBuf),
    /// It cannot be read or written.
    #[error("{}: {error}", .folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The cache of compiled components.
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
    most_bytes: u64,
}

/// An entry whose seal is ours. It stays what it is, whatever becomes of its name.
#[derive(Debug)]
pub(crate) struct Entry(File);

impl Entry {
    /// Where the code can be mapped from, as long as the entry is held. The seal follows it: code says itself where it ends.
    pub(crate) fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}

impl Cache {
    /// Opens the cache in `folder`, making it if it is not there. Beyond `most_bytes` the oldest entries go.
    pub(crate) fn open(folder: &Path, most_bytes: u64) -> Result<Self, CacheError> {
        let io = |error| CacheError::Io {
            folder: folder.to_owned(),
            error,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(io)?;
        let private = fs::symlink_metadata(folder).map_err(io)?;
        let owner = rustix::process::geteuid().as_raw();
        if !private.is_dir() || private.uid() != owner || private.mode() & 0o022 != 0 {
            return Err(CacheError::NotPrivate(folder.to_owned()));
        }
        let key = key(folder).map_err(io)?;
        Ok(Self {
            folder: folder.to_owned(),
            key,
            most_bytes,
        })
    }

    /// The entry of the component with this digest, if it is there and its seal is ours.
    pub(crate) fn get(&self, engine: &Engine, digest: &str) -> Option<Entry> {
        self.checked(&name(engine, digest), |_| ()).map(Entry)
    }

    /// Keeps the code of the component with this digest.
    pub(crate) fn put(&self, engine: &Engine, digest: &str, code: &[u8]) -> io::Result<()> {
        self.keep(&name(engine, digest), code)
    }

    /// What the plugin with this digest said of itself, and this judge found to be right.
    pub(crate) fn said(&self, digest: &str, judge: &str) -> Option<Vec<u8>> {
        let name = said_name(digest, judge);
        if self.folder.join(&name).metadata().ok()?.len() > MAX_SAID_BYTES {
            return None;
        }
        let mut said = Vec::new();
        self.checked(&name, |piece| said.extend_from_slice(piece))?;
        Some(said)
    }

    /// Keeps what the plugin with this digest said of itself, and this judge found to be right.
    pub(crate) fn put_said(&self, digest: &str, judge: &str, said: &[u8]) -> io::Result<()> {
        self.keep(&said_name(digest, judge), said)
    }

    /// The file of an entry, if its seal is ours. `hear` is given its content, which counts only then.
    fn checked(&self, name: &str, mut hear: impl FnMut(&[u8])) -> Option<File> {
        let mut file = File::open(self.folder.join(name)).ok()?;
        let mut left = file.metadata().ok()?.len().checked_sub(SEAL_BYTES as u64)?;
        let mut mac = self.mac(name);
        let mut piece = vec![0; PIECE_BYTES];
        while left > 0 {
            let most = usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
            file.read_exact(&mut piece[..most]).ok()?;
            mac.update(&piece[..most]);
            hear(&piece[..most]);
            left -= most as u64;
        }
        let mut seal = [0; SEAL_BYTES];
        file.read_exact(&mut seal).ok()?;
        mac.verify_slice(&seal).ok()?;
        Some(file)
    }

    /// Writes an entry. Another process that reads sees the whole entry or none.
    fn keep(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(&self.folder)?;
        let mut mac = self.mac(name);
        mac.update(content);
        file.write_all(content)?;
        file.write_all(&mac.finalize().into_bytes())?;
        file.persist(self.folder.join(name))
            .map_err(|error| error.error)?;
        self.make_room(name)
    }

    /// The seal's beginning: what follows is the content.
    fn mac(&self, name: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.key.into());
        mac.update(name.as_bytes());
        mac.update(b"\0");
        mac
    }

    /// Removes the entries that were written first, until the rest fits. The newest stays whatever its size.
    fn make_room(&self, newest: &str) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry
                .path()
                .extension()
                .is_some_and(|ending| ending == CODE || ending == SAID)
                && entry.file_name() != newest
            {
                let about = entry.metadata()?;
                entries.push((
                    about.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                    about.len(),
                    entry.path(),
                ));
            }
        }
        entries.sort_by(|a, b| b.cmp(a));
        let mut sum = fs::metadata(self.folder.join(newest))?.len();
        for (_, bytes, path) in entries {
            sum = sum.saturating_add(bytes);
            if sum > self.most_bytes {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

fn name(engine: &Engine, digest: &str) -> String {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let engine = hasher.hash_one(engine.precompile_compatibility_hash());
    format!("{digest}-{engine:016x}-{FORM}.{CODE}")
}

fn said_name(digest: &str, judge: &str) -> String {
    format!("{digest}-{judge:.16}-{FORM}.{SAID}")
}

/// The folder's key; a new one where there is none, or none of the right length.
fn key(folder: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let path = folder.join("key");
    for _ in 0..2 {
        let mut key = [0; KEY_BYTES];
        match File::open(&path).and_then(|mut file| file.read_exact(&mut key)) {
            Ok(()) => return Ok(key),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => fs::remove_file(&path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        rand::rng().fill_bytes(&mut key);
        let mut file = tempfile::Builder::new()
            .prefix(".key-")
            .make_in(folder, |path| {
                OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path)
            })?;
        file.write_all(&key)?;
        // If another process was faster, its key is the key: read that one.
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok(key),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.error),
        }
    }
    Err(io::Error::other("the key of the cache comes and goes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn cache(most_bytes: u64) -> (tempfile::TempDir, Cache, Engine) {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(&folder.path().join("cache"), most_bytes).expect("a cache");
        (folder, cache, crate::engine::compiler().expect("an engine"))
    }

    /// The code of an entry, as it would be mapped.
    fn code(cache: &Cache, engine: &Engine, digest: &str) -> Option<Vec<u8>> {
        let entry = cache.get(engine, digest)?;
        let mut whole = fs::read(entry.path()).expect("the entry");
        whole.truncate(whole.len() - SEAL_BYTES);
        Some(whole)
    }

    #[test]
    fn what_was_put_comes_back() {
        let (_folder, cache, engine) = cache(1 << 20);
        assert!(cache.get(&engine, "aa").is_none());
        cache.put(&engine, "aa", b"code").expect("kept");
        assert_eq!(code(&cache, &engine, "aa").as_deref(), Some(&b"code"[..]));
        let again = Cache::open(&cache.folder, 1 << 20).expect("opens again");
        assert_eq!(code(&again, &engine, "aa").as_deref(), Some(&b"code"[..]));
        let large: Vec<u8> = (0..3 * PIECE_BYTES + 7).map(|n| (n % 251) as u8).collect();
        cache.put(&engine, "bb", &large).expect("kept");
        assert!(code(&cache, &engine, "bb") == Some(large));
        // What is held stays, whatever becomes of its name.
        let held = cache.get(&engine, "aa").expect("the entry");
        cache.put(&engine, "aa", b"other").expect("kept");
        assert!(
            fs::read(held.path())
                .expect("the entry")
                .starts_with(b"code")
        );
    }

    #[test]
    fn a_damaged_renamed_or_foreign_entry_is_none() {
        let (_folder, cache, engine) = cache(1 << 20);
        cache.put(&engine, "aa", b"code").expect("kept");
        let path = |digest| cache.folder.join(name(&engine, digest));
        let whole = fs::read(path("aa")).expect("the entry");

        fs::copy(path("aa"), path("bb")).expect("renamed");
        assert!(cache.get(&engine, "bb").is_none());

        for index in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[index] ^= 1;
            fs::write(path("aa"), damaged).expect("damaged");
            assert!(cache.get(&engine, "aa").is_none(), "byte {index}");
        }
        for length in 0..whole.len() {
            fs::write(path("aa"), &whole[..length]).expect("cut");
            assert!(cache.get(&engine, "aa").is_none(), "{length} bytes");
        }
        let (_folder, other, _) = self::cache(1 << 20);
        other.put(&engine, "aa", b"code").expect("kept");
        fs::copy(other.folder.join(name(&engine, "aa")), path("aa")).expect("another host's");
        assert!(cache.get(&engine, "aa").is_none());
    }

    #[test]
    fn what_a_plugin_said_is_known_to_its_judge_alone() {
        let (_folder, cache, _) = cache(1 << 20);
        assert_eq!(cache.said("aa", "one"), None);
        cache.put_said("aa", "one", b"said").expect("kept");
        assert_eq!(cache.said("aa", "one").as_deref(), Some(&b"said"[..]));
        assert_eq!(cache.said("aa", "two"), None);
        let path = |digest| cache.folder.join(said_name(digest, "one"));
        fs::copy(path("aa"), path("bb")).expect("renamed");
        assert_eq!(cache.said("bb", "one"), None);
        fs::write(path("aa"), b"what somebody else wrote, and no seal of ours").expect("changed");
        assert_eq!(cache.said("aa", "one"), None);
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("opened up");
        assert!(matches!(
            Cache::open(folder.path(), 1),
            Err(CacheError::NotPrivate(_))
        ));
    }

    #[test]
    fn the_oldest_entries_make_room() {
        let (_folder, cache, engine) = cache(2 * (SEAL_BYTES as u64 + 4));
        for (age, digest) in ["aa", "bb", "cc"].into_iter().enumerate() {
            cache.put(&engine, digest, b"code").expect("kept");
            let written = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1 + age as u64);
            let file = File::options()
                .write(true)
                .open(cache.folder.join(name(&engine, digest)));
            file.expect("the entry")
                .set_modified(written)
                .expect("aged");
        }
        let there = ["aa", "bb", "cc"].map(|digest| cache.get(&engine, digest).is_some());
        assert_eq!(there, [false, true, true]);
    }
}
