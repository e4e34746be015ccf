//! Hostile files that are no guests, or too large to keep: made here.

use anyhow::Result;
use lockgate_model::Limits;
use lockgate_runtime::LoadError;

use super::cases::{Case, Ends};
use crate::support::guests;

/// Each file with its case.
pub(super) fn cases() -> Result<Vec<(Case, Vec<u8>)>> {
    let whole = guests::hostile("spin")?;
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xff);
    Ok(vec![
        not_loaded(
            "nothing",
            Vec::new(),
            |error| matches!(error, LoadError::NotWasm),
            "not WebAssembly",
        ),
        not_loaded(
            "a script",
            b"#!/bin/sh\nrm -rf /\n".to_vec(),
            |error| matches!(error, LoadError::NotWasm),
            "not WebAssembly",
        ),
        not_loaded(
            "a header",
            whole[..8].to_vec(),
            |error| matches!(error, LoadError::NoContract { .. }),
            "no plugin",
        ),
        not_loaded(
            "a truncated file",
            whole[..whole.len() - 100].to_vec(),
            invalid,
            "not a valid component",
        ),
        not_loaded(
            "half a file",
            whole[..middle].to_vec(),
            invalid,
            "not a valid component",
        ),
        not_loaded("a damaged file", damaged, invalid, "not a valid component"),
        not_loaded(
            "a core module",
            wat::parse_str("(module)")?,
            |error| matches!(error, LoadError::CoreModule),
            "core module",
        ),
        not_loaded(
            "a huge file",
            huge(whole),
            |error| matches!(error, LoadError::TooLarge { .. }),
            "67108864 is the most",
        ),
        not_loaded(
            "many long imports",
            many_long_imports()?,
            |error| matches!(error, LoadError::NotOffered { .. }),
            "and 80 more",
        ),
        not_loaded(
            "a deep component",
            deep()?,
            invalid,
            "nested 100001 deep; 50 is the most",
        ),
    ])
}

fn not_loaded(
    guest: &'static str,
    file: Vec<u8>,
    fits: fn(&LoadError) -> bool,
    says: &'static str,
) -> (Case, Vec<u8>) {
    let case = Case {
        guest,
        limits: Limits::DEFAULT,
        inputs: Vec::new,
        ends: Ends::NotLoaded(fits),
        says,
    };
    (case, file)
}

fn invalid(error: &LoadError) -> bool {
    use lockgate_runtime::CompileError;
    matches!(
        error,
        LoadError::Invalid(_) | LoadError::Compile(CompileError::Invalid(_))
    )
}

fn huge(mut file: Vec<u8>) -> Vec<u8> {
    file.resize((64 << 20) + 1, 0);
    file
}

/// A hundred imports, each with a name of 90,000 characters.
fn many_long_imports() -> Result<Vec<u8>> {
    let import = |index| format!("(import \"a{index}-{}\" (func))", "x".repeat(90_000));
    let imports: String = (0..100).map(import).collect();
    let plugin = "(instance $plugin) (export \"lockgate:node/plugin@0.1.0\" (instance $plugin))";
    Ok(wat::parse_str(format!("(component {imports} {plugin})"))?)
}

/// Components in components, a hundred thousand deep.
fn deep() -> Result<Vec<u8>> {
    use wasm_encoder::Encode as _;
    const DEPTH: usize = 100_000;
    const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
    // From the inside out, and reversed: a component's length stands before it.
    let mut reversed: Vec<u8> = HEADER.iter().rev().copied().collect();
    for _ in 0..DEPTH {
        let mut length = Vec::new();
        (reversed.len()).encode(&mut length);
        reversed.extend(length.iter().rev());
        reversed.push(4); // a section that holds a component
        reversed.extend(HEADER.iter().rev());
    }
    reversed.reverse();
    let plugin =
        "(component (instance $plugin) (export \"lockgate:node/plugin@0.1.0\" (instance $plugin)))";
    reversed.extend(&wat::parse_str(plugin)?[HEADER.len()..]);
    Ok(reversed)
}
