//! Guests in WebAssembly's text format. A guest says what is special about it; what it does not define comes from the
//! prelude, piece by piece.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The pieces of the prelude, each with the export that a guest replaces it by.
const PRELUDE: [(&str, &str); 5] = [
    ("memory", "(export \"memory\")"),
    ("realloc", "(export \"cabi_realloc\")"),
    ("describe", "#describe\")"),
    ("configure", "#configure\")"),
    ("run", "(export \"lockgate:node/plugin@0.1.0#run\")"),
];

/// Makes a component of a guest's text: a whole component, or the fields of a core module.
pub(crate) fn component(text: &str) -> Result<Vec<u8>> {
    let code = text.lines().find(|line| !line.starts_with(";;"));
    if code.is_some_and(|line| line.starts_with("(component")) {
        return Ok(wat::parse_str(text)?);
    }
    let mut module = text.to_owned();
    for (piece, export) in PRELUDE {
        if !text.contains(export) {
            module += &fs::read_to_string(folder().join(format!("prelude/{piece}.wat")))?;
        }
    }
    encode(wat::parse_str(&module)?)
}

/// Where the guests and the prelude are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/wat")
}

fn encode(mut module: Vec<u8>) -> Result<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut resolve = Resolve::default();
    resolve.push_path(root.join("../wit/node@0.1.0"))?;
    let (package, _) = resolve.push_path(root.join("guests/wit"))?;
    let world = resolve.select_world(&[package], Some("guest"))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&module)?
        .encode()
        .context("a component of a core module")
}
