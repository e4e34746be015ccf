//! Guests by name.

use std::fs;

use anyhow::{Context as _, Result};

use super::{host, wat};

/// The hostile guest `name`, as a component's bytes.
pub(crate) fn hostile(name: &str) -> Result<Vec<u8>> {
    let text = wat::folder().join(name).with_extension("wat");
    if text.exists() {
        return wat::component(&fs::read_to_string(text)?)
            .with_context(|| format!("the guest {name}"));
    }
    built(&format!("guests/{name}"))
}

/// What `make guests` built below the target folder, such as `plugins/echo`.
pub(crate) fn built(name: &str) -> Result<Vec<u8>> {
    let path = host::target()?.join(name).with_extension("wasm");
    fs::read(&path)
        .with_context(|| format!("{} is not there: `make guests` builds it", path.display()))
}

/// The names of all hostile guests: those in Rust, and those in WebAssembly's text format.
pub(crate) fn names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (folder, ending) in [
        (wat::folder(), "wat"),
        (wat::folder().join("../examples"), "rs"),
    ] {
        for file in fs::read_dir(folder)? {
            let path = file?.path();
            if path.extension().is_some_and(|found| found == ending) {
                let name = path.file_stem().and_then(|name| name.to_str());
                names.push(name.context("a guest's name is text")?.to_owned());
            }
        }
    }
    Ok(names)
}
