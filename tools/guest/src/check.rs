//! Does a component fit a world?

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::{imports, world::World};

/// Checks that the component in a file exports what `world` exports, and imports nothing that it does not offer.
pub(crate) fn check(component: &Path, world: &World) -> Result<()> {
    let bytes =
        fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
    fits(&bytes, world).with_context(|| {
        let name = world.name();
        format!("{} does not fit the world `{name}`", component.display())
    })
}

fn fits(component: &[u8], world: &World) -> Result<()> {
    let offered: Vec<String> = world.imports().collect();
    let foreign: Vec<String> = imports::names(component)?
        .into_iter()
        .filter(|name| !offered.contains(name))
        .collect();
    if !foreign.is_empty() {
        bail!("it imports what the world does not offer: {foreign:?}");
    }
    // Types, and exports: the validator's own words are the best there are.
    wit_component::targets(&world.resolve, world.id, component)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component;

    const WORLD: &str = "package a:b; world it { import listen: func(); export speak: func(); }";

    /// A module that imports `listen` from the world, and gives it out again as `speak`.
    const MODULE: &[u8] = b"\0asm\x01\0\0\0\
        \x01\x04\x01\x60\0\0\
        \x02\x10\x01\x05$root\x06listen\0\0\
        \x07\x09\x01\x05speak\0\0";

    fn fit(world: &str) -> Result<()> {
        let made_for = World::it(WORLD);
        let component = component::encode(MODULE.to_vec(), Some(&made_for))?;
        fits(&component, &World::it(world))
    }

    #[test]
    fn a_component_fits_its_own_world_and_a_richer_one() {
        fit(WORLD).expect("made for it");
        fit("package a:b; world it { import listen: func(); import look: func(); export speak: func(); }")
            .expect("nobody has to use all of it");
    }

    #[test]
    fn an_import_that_is_not_offered_is_named() {
        let error = fit("package a:b; world it { export speak: func(); }").expect_err("too poor");
        assert!(error.to_string().ends_with(r#"["listen"]"#), "{error:#}");
    }

    #[test]
    fn an_export_that_is_missing_is_named() {
        let error = fit("package a:b; world it { import listen: func(); export sing: func(); }")
            .expect_err("it speaks and does not sing");
        assert!(format!("{error:#}").contains("sing"), "{error:#}");
    }

    #[test]
    fn an_import_of_another_type_does_not_fit() {
        fit("package a:b; world it { import listen: func() -> string; export speak: func(); }")
            .expect_err("another type");
    }
}
