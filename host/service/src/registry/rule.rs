//! The one rule of resolution: a reference means, among the versions of its plugin that its range admits, the one that was
//! made active last. A version that never was active is no candidate.

use std::collections::BTreeMap;
use std::sync::Arc;

use lockgate_model::{NodeRef, UnknownNode};
use semver::Version;

use super::snapshot::{PluginVersion, Plugins};

/// How alike two names have to be for one to be suggested for the other: 1 is the same.
const ALIKE: f64 = 0.6;

/// The most names that are suggested.
const MAX_SUGGESTIONS: usize = 3;

/// The most names that are looked at for suggestions: comparing takes time, and is done for every fault.
const MAX_COMPARED: usize = 10_000;

/// The version that a reference means now.
pub(crate) fn resolve<'p>(
    plugins: &'p Plugins,
    reference: &NodeRef,
) -> Option<&'p Arc<PluginVersion>> {
    let versions = plugins.get(&reference.plugin)?.values();
    versions
        .filter(|version| version.activated.is_some() && admits(reference, &version.key.version))
        .max_by_key(|version| version.activated)
}

/// Whether a reference admits a version. Without a range it admits all, also those before a release.
fn admits(reference: &NodeRef, version: &Version) -> bool {
    let range = reference.range.as_ref();
    range.is_none_or(|range| range.contains(version))
}

/// Why a reference means nothing, for people. `plugin_known`: its plugin is there, and only the node is not.
pub(crate) fn unknown(plugins: &Plugins, reference: &NodeRef, plugin_known: bool) -> UnknownNode {
    let versions = plugins.get(&reference.plugin).into_iter();
    let (active, inactive): (Vec<_>, Vec<_>) = versions
        .flat_map(BTreeMap::values)
        .partition(|version| version.activated.is_some());
    let admitted = inactive.into_iter();
    let admitted: Vec<_> = admitted
        .filter(|version| admits(reference, &version.key.version) && !plugin_known)
        .collect();
    let inactive = !admitted.is_empty();
    let versions = if inactive { admitted } else { active };
    UnknownNode {
        reference: reference.clone(),
        plugin_known,
        versions: versions
            .iter()
            .map(|version| version.key.version.clone())
            .collect(),
        inactive,
        nearest: nearest(plugins, reference),
    }
}

fn nearest(plugins: &Plugins, reference: &NodeRef) -> Vec<String> {
    let wanted = format!("{}/{}", reference.plugin, reference.node);
    let candidates = plugins.values().flat_map(BTreeMap::values);
    let candidates = candidates.filter(|version| version.activated.is_some());
    let known = candidates.flat_map(|version| {
        let names = version.node_names();
        names.map(|node| format!("{}/{node}", version.key.name))
    });
    let mut alike: Vec<_> = known
        .take(MAX_COMPARED)
        .map(|name| (strsim::normalized_damerau_levenshtein(&wanted, &name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    alike.dedup_by(|a, b| a.1 == b.1);
    let nearest = alike.into_iter().take(MAX_SUGGESTIONS);
    nearest.map(|(_, name)| name).collect()
}
