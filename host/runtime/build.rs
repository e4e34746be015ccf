//! Finds the built-in evaluator of schemas, which is a component and so is built before the host.

use std::path::{Path, PathBuf};

fn main() {
    const VARIABLE: &str = "LOCKGATE_SCHEMA_COMPONENT";
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let component = std::env::var_os(VARIABLE).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/builtin/schema.wasm"),
        PathBuf::from,
    );
    println!("cargo::rerun-if-changed={}", component.display());
    match component.canonicalize() {
        Ok(component) => println!("cargo::rustc-env={VARIABLE}={}", component.display()),
        Err(error) => {
            println!(
                "cargo::error={}: {error}: `make host` builds it",
                component.display()
            );
        }
    }
}
