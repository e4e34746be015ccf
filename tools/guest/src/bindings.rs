//! Source files through which a language without a generator of its own speaks a world.

use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;
use wit_bindgen_core::Files;

use crate::{output::write_if_changed, world::World};

/// A language that there is a generator for here. Rust, Python and JavaScript bring their own.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Language {
    /// A header, a source file, and an object file that describes the world.
    C,
}

/// Writes the bindings for `world` into the folder `output`.
pub(crate) fn write(language: Language, mut world: World, output: &Path) -> Result<()> {
    let mut generator = match language {
        Language::C => wit_bindgen_c::Opts::default().build(),
    };
    let mut files = Files::default();
    generator
        .generate(&mut world.resolve, world.id, &mut files)
        .with_context(|| format!("cannot write bindings for the world `{}`", world.name()))?;
    for (name, bytes) in files.iter() {
        write_if_changed(&output.join(name), bytes)?;
    }
    Ok(())
}
