//! A core module becomes a component.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use wasmparser::Parser;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use crate::{output::write_if_changed, world::World};

/// Encodes the core module in the file `module` as a component, validates it and writes it to `output`.
///
/// `world` is for modules that do not describe their world themselves.
pub(crate) fn make(module: &Path, world: Option<&World>, output: &Path) -> Result<()> {
    let bytes = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let component = encode(bytes, world)
        .with_context(|| format!("cannot make a component of {}", module.display()))?;
    write_if_changed(output, &component)
}

/// The component that a core module makes, validated.
pub(crate) fn encode(mut module: Vec<u8>, world: Option<&World>) -> Result<Vec<u8>> {
    if Parser::is_component(&module) {
        bail!("it is one already");
    }
    if !Parser::is_core_wasm(&module) {
        bail!("it is not a WebAssembly module");
    }
    if let Some(world) = world {
        embed_component_metadata(&mut module, &world.resolve, world.id, StringEncoding::UTF8)?;
    }
    ComponentEncoder::default()
        .validate(true)
        .module(&module)?
        .encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest module there is: the header alone.
    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn an_empty_world_is_met_by_an_empty_module() {
        let world = World::it("package a:b; world it {}");
        let component = encode(EMPTY.to_vec(), Some(&world)).expect("a component");
        assert!(Parser::is_component(&component));
        let again = encode(component, None).expect_err("not a module any more");
        assert_eq!(again.to_string(), "it is one already");
    }

    #[test]
    fn a_missing_export_is_an_error_that_names_it() {
        let world = World::it("package a:b; world it { export shout: func(); }");
        let error = encode(EMPTY.to_vec(), Some(&world)).expect_err("nothing is exported");
        assert!(format!("{error:#}").contains("shout"), "{error:#}");
    }

    #[test]
    fn other_files_are_refused() {
        let error = encode(b"#include <stdio.h>".to_vec(), None).expect_err("it is C");
        assert_eq!(error.to_string(), "it is not a WebAssembly module");
    }
}
