//! The plugins that a host has, by name.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lockgate_model::{Kebab, Node, NodeCatalog, NodeRef, PluginName, UnknownNode};
use semver::Version;

use crate::error::LoadError;
use crate::plugin::Plugin;
use crate::runtime::Runtime;

/// How alike two names have to be for one to be suggested for the other: 1 is the same.
const ALIKE: f64 = 0.6;

/// The most names that are suggested.
const MAX_SUGGESTIONS: usize = 3;

/// The largest file that is read: more than the largest component, so that its own error says so.
const MAX_FILE_BYTES: u64 = 128 << 20;

/// The plugins that a host has, by name and version.
#[derive(Debug, Default)]
pub struct Catalog {
    plugins: BTreeMap<PluginName, BTreeMap<Version, Plugin>>,
}

/// A file in a folder of plugins that is none.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", .path.display())]
pub struct NotLoaded {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub reason: NotLoadedReason,
}

/// Why a file in a folder of plugins is none.
#[derive(Debug, thiserror::Error)]
pub enum NotLoadedReason {
    /// It could not be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// It is no plugin that this host can load.
    #[error(transparent)]
    Refused(#[from] Box<LoadError>),
    /// Another file is a plugin of the same name and version.
    #[error("version {1} of the plugin `{0}` is loaded already")]
    SameVersion(PluginName, Version),
}

impl Catalog {
    /// Loads every `*.wasm` in `folder`, in the order of their names, for `publisher`. What is no plugin does not keep the
    /// others from being loaded.
    pub async fn add_folder(
        &mut self,
        runtime: &Runtime,
        publisher: &Kebab,
        folder: &Path,
    ) -> Vec<NotLoaded> {
        let files = match wasm_files(folder) {
            Ok(files) => files,
            Err(error) => {
                return vec![NotLoaded {
                    path: folder.to_owned(),
                    reason: error.into(),
                }];
            }
        };
        let mut not_loaded = Vec::new();
        for path in files {
            if let Err(reason) = self.add_file(runtime, publisher, &path).await {
                not_loaded.push(NotLoaded { path, reason });
            }
        }
        not_loaded
    }

    /// Loads one file.
    pub async fn add_file(
        &mut self,
        runtime: &Runtime,
        publisher: &Kebab,
        path: &Path,
    ) -> Result<Plugin, NotLoadedReason> {
        let bytes = read_bounded(path)?;
        let plugin = runtime
            .load(publisher.clone(), bytes)
            .await
            .map_err(Box::new)?;
        let id = plugin.id().clone();
        let versions = self.plugins.entry(id.name.clone()).or_default();
        if versions.contains_key(&id.version) {
            return Err(NotLoadedReason::SameVersion(id.name, id.version));
        }
        versions.insert(id.version, plugin.clone());
        Ok(plugin)
    }

    /// The plugins, in the order of their names and versions.
    pub fn plugins(&self) -> impl Iterator<Item = &Plugin> {
        self.plugins.values().flat_map(BTreeMap::values)
    }

    /// The newest version in a range; without a range, the newest that is released, or else the newest.
    fn newest(&self, reference: &NodeRef) -> Option<&Plugin> {
        let versions = self.plugins.get(&reference.plugin)?;
        let mut newest_first = versions.iter().rev();
        let newest = match &reference.range {
            Some(range) => newest_first.find(|(version, _)| range.contains(version)),
            None => newest_first
                .find(|(version, _)| version.pre.is_empty())
                .or_else(|| versions.last_key_value()),
        };
        newest.map(|(_, plugin)| plugin)
    }

    fn nearest(&self, reference: &NodeRef) -> Vec<String> {
        let wanted = format!("{}/{}", reference.plugin, reference.node);
        let known = self.plugins().flat_map(|plugin| {
            plugin
                .info()
                .nodes
                .iter()
                .map(|node| format!("{}/{}", plugin.id().name, node.name))
        });
        let mut alike: Vec<_> = known
            .map(|name| (strsim::normalized_damerau_levenshtein(&wanted, &name), name))
            .filter(|(likeness, _)| *likeness >= ALIKE)
            .collect();
        alike.dedup();
        alike.sort_by(|a, b| b.0.total_cmp(&a.0));
        alike
            .into_iter()
            .take(MAX_SUGGESTIONS)
            .map(|(_, name)| name)
            .collect()
    }
}

impl NodeCatalog for Catalog {
    fn find(&self, reference: &NodeRef) -> Result<Arc<dyn Node>, UnknownNode> {
        let plugin = self.newest(reference);
        plugin
            .and_then(|plugin| plugin.node(reference.node.as_str()))
            .ok_or_else(|| {
                let versions = self.plugins.get(&reference.plugin);
                UnknownNode {
                    reference: reference.clone(),
                    plugin_known: plugin.is_some(),
                    versions: versions
                        .into_iter()
                        .flat_map(|versions| versions.keys().cloned())
                        .collect(),
                    inactive: false,
                    nearest: self.nearest(reference),
                }
            })
    }
}

fn wasm_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    let is_wasm = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "wasm");
    let mut files: Vec<_> = entries.into_iter().filter(is_wasm).collect();
    files.sort();
    Ok(files)
}

/// Reads a file whole, but never more than a bound: it may be a device or grow.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(MAX_FILE_BYTES)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
