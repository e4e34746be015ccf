//! A world of a WIT package, as read from disk.

use std::path::Path;

use anyhow::{Context, Result};
use wit_bindgen_core::wit_parser::{Resolve, WorldId};

/// A world, and the package that explains its types.
pub(crate) struct World {
    pub(crate) resolve: Resolve,
    pub(crate) id: WorldId,
}

impl World {
    /// Reads the package at `path`, a folder or a file, and picks its world `name`.
    pub(crate) fn load(path: &Path, name: &str) -> Result<Self> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve
            .push_path(path)
            .with_context(|| format!("cannot read the WIT package {}", path.display()))?;
        let id = resolve
            .select_world(&[package], Some(name))
            .with_context(|| format!("no world `{name}` in {}", path.display()))?;
        Ok(Self { resolve, id })
    }

    /// The world `it` of a package that a test writes down.
    #[cfg(test)]
    pub(crate) fn it(wit: &str) -> Self {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("it.wit", wit).expect("a package");
        let id = resolve
            .select_world(&[package], Some("it"))
            .expect("a world");
        Self { resolve, id }
    }

    /// The world's name, without its package.
    pub(crate) fn name(&self) -> &str {
        &self.resolve.worlds[self.id].name
    }

    /// Names of the world's imports as a component spells them, such as `lockgate:node/log@0.1.0`.
    pub(crate) fn imports(&self) -> impl Iterator<Item = String> {
        let imports = self.resolve.worlds[self.id].imports.keys();
        imports.map(|key| self.resolve.name_world_key(key))
    }
}
