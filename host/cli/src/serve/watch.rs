//! Watches the folders of a developer, and loads what changes there.
//!
//! That something changed is all that is taken from the system: what it was is found by looking, so that no event that was
//! lost, merged or came early leaves anything out.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tokio::sync::Notify;

use super::folders::Folders;
use super::say::say;

/// How long a folder has to be quiet before it is looked at: editors and compilers write a file in several steps.
const QUIET: Duration = Duration::from_millis(150);

/// Watches until it is dropped.
pub(super) struct Watching {
    _watcher: Debouncer<RecommendedWatcher, RecommendedCache>,
    changed: Arc<Notify>,
}

/// Begins to watch. What changes from here on is not missed, even before [`Watching::load`] is called.
pub(super) fn watch(folders: &Folders) -> anyhow::Result<Watching> {
    let changed = Arc::new(Notify::new());
    let heard = Arc::clone(&changed);
    let tell = move |told: DebounceEventResult| {
        // That a file was read is told as well, and looking reads files: without this, looking would never end. Errors
        // say that events were lost, and then looking is all the more needed.
        let is_change = match told {
            Ok(events) => events.iter().any(|event| !event.kind.is_access()),
            Err(_) => true,
        };
        if is_change {
            heard.notify_one();
        }
    };
    let mut watcher = new_debouncer(QUIET, None, tell).context("watching folders")?;
    for folder in folders.paths() {
        let watched = watcher.watch(folder, RecursiveMode::NonRecursive);
        watched.with_context(|| format!("watching {}", folder.display()))?;
        say(format_args!("watching {}", folder.display()));
    }
    Ok(Watching {
        _watcher: watcher,
        changed,
    })
}

impl Watching {
    /// Loads what changes, for as long as it is waited for.
    pub(super) async fn load(&self, mut folders: Folders) {
        loop {
            self.changed.notified().await;
            folders.load().await;
        }
    }
}
