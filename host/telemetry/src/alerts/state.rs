//! Where rules stand, kept over a restart.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::message::Notice;
use super::moment::Moment;

/// The most bytes of a state that are read.
const MAX_BYTES: u64 = 16 << 20;

/// Where the state is kept: a text, read once and written often.
pub trait AlertState: Send + Sync {
    /// The text that was kept last; None where there is none.
    fn load(&self) -> BoxFuture<'_, Result<Option<String>, StateError>>;

    /// Keeps a text, whole or not at all.
    fn save(&self, text: String) -> BoxFuture<'_, Result<(), StateError>>;
}

/// The state cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StateError(pub String);

/// What is kept.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Saved {
    /// Up to when everything was looked at; None where nothing was yet.
    pub(super) seen: Option<Seen>,
    /// By the rule's name.
    pub(super) rules: BTreeMap<String, SavedRule>,
    /// What was not delivered yet, by the receiver's name.
    pub(super) waiting: BTreeMap<String, Vec<Notice>>,
}

/// Up to when everything was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// The end of the last minute.
    pub(super) minutes: Moment,
    /// The end of the last run.
    pub(super) runs: Moment,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedRule {
    /// What it waited for: where that changed, it is another rule.
    pub(super) of: String,
    pub(super) machine: Machine,
    /// What was told of it last, and whom, while it fires.
    #[serde(default)]
    pub(super) told: Option<LastTold>,
}

/// What was told of a rule that fires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LastTold {
    /// The receivers.
    pub(super) tell: Vec<String>,
    pub(super) notice: Notice,
}

/// A file, which is written beside itself and then takes its own place.
#[derive(Debug, Clone)]
pub struct FileState {
    path: PathBuf,
}

impl FileState {
    /// The state in this file, which need not be there. One host writes it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl AlertState for FileState {
    fn load(&self) -> BoxFuture<'_, Result<Option<String>, StateError>> {
        let path = self.path.clone();
        apart(self.path.clone(), move || match read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        })
    }

    fn save(&self, text: String) -> BoxFuture<'_, Result<(), StateError>> {
        let path = self.path.clone();
        apart(self.path.clone(), move || write(&path, &text))
    }
}

/// Does something with files where that holds nobody up.
fn apart<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> BoxFuture<'static, Result<T, StateError>> {
    async move {
        let done = tokio::task::spawn_blocking(work).await;
        let done = done.unwrap_or_else(|error| Err(io::Error::other(error)));
        done.map_err(|error| StateError(format!("{}: {error}", path.display())))
    }
    .boxed()
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is too large",
        ));
    }
    Ok(text)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_has_what_was_written_last() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = FileState::new(folder.path().join("alerts.json"));
        assert_eq!(state.load().await.expect("read"), None);
        for text in ["{\"a\":1}", "{}"] {
            state.save(text.to_owned()).await.expect("written");
            assert_eq!(state.load().await.expect("read").as_deref(), Some(text));
        }
        let files = std::fs::read_dir(folder.path()).expect("the folder");
        assert_eq!(files.count(), 1);
    }

    #[tokio::test]
    async fn what_cannot_be_kept_is_told_with_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = FileState::new(folder.path().join("not-there/alerts.json"));
        let error = state.save(String::new()).await.expect_err("no folder");
        assert!(error.to_string().contains("not-there"), "{error}");
        std::fs::write(folder.path().join("bytes"), [0xff, 0xfe]).expect("written");
        let state = FileState::new(folder.path().join("bytes"));
        assert!(state.load().await.is_err());
    }
}
