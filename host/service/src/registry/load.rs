//! Loads plugins that are stored, several at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt as _;
use lockgate_store::Store;

use super::snapshot::PluginKey;
use crate::ports::{LoadedPlugin, PluginLoader};

/// How many are loaded at once. Most are found compiled; one that is not is a child process.
const AT_ONCE: usize = 4;

/// What became of each; where it was not loaded, why, as a sentence without its full stop.
pub(crate) type Outcomes = BTreeMap<PluginKey, Result<Arc<dyn LoadedPlugin>, Arc<str>>>;

/// Where plugins come from.
#[derive(Clone)]
pub(crate) struct Shelf {
    pub(crate) store: Store,
    pub(crate) loader: Arc<dyn PluginLoader>,
}

impl Shelf {
    /// Loads these.
    pub(crate) async fn load(&self, keys: BTreeSet<PluginKey>) -> Outcomes {
        let loading = keys.into_iter().map(|key| {
            let shelf = self.clone();
            async move {
                let outcome = shelf.load_one(&key).await;
                if let Err(reason) = &outcome {
                    tracing::warn!(plugin = %key, reason = %reason.escape_debug(), "a plugin was not loaded");
                }
                (key, outcome)
            }
        });
        let loading = futures::stream::iter(loading).buffer_unordered(AT_ONCE);
        loading.collect().await
    }

    async fn load_one(&self, key: &PluginKey) -> Result<Arc<dyn LoadedPlugin>, Arc<str>> {
        let bytes = match self.store.components().get(&key.digest).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                return Err(
                    format!("the file of the plugin `{key}` is missing: upload it again").into(),
                );
            }
            Err(error) => {
                return Err(
                    format!("the file of the plugin `{key}` cannot be read: {error}").into(),
                );
            }
        };
        let loading = self.loader.load(key.name.publisher.clone(), bytes.into());
        let plugin = loading
            .await
            .map_err(|refused| format!("this host refuses the plugin `{key}`: {refused}"))?;
        // What a plugin says of itself may change with the host: what it was stored as is what locks mean.
        if PluginKey::of(plugin.id()) != *key {
            return Err(format!("the plugin `{key}` says that it is another one").into());
        }
        Ok(plugin)
    }
}
