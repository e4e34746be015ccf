//! JSON from the command line: written out, in a file, or on standard input.

use std::fs::File;
use std::io::{self, Read};

use anyhow::{Context as _, bail};
use lockgate_model::Json;

/// The most bytes that are read.
const MAX_BYTES: u64 = 64 << 20;

/// Reads `argument`: JSON, `@FILE`, or `-` for standard input. `option` is how the command line calls it.
pub(crate) fn json(option: &str, argument: &str) -> anyhow::Result<Json> {
    let (from, text) = match argument.strip_prefix('@') {
        Some(path) => {
            let file = File::open(path).with_context(|| format!("{option} @{path}"))?;
            (
                format!("{option} @{path}"),
                bounded(file).with_context(|| format!("{option} @{path}"))?,
            )
        }
        None if argument == "-" => {
            let from = format!("{option} - (standard input)");
            let text = bounded(io::stdin()).with_context(|| from.clone())?;
            (from, text)
        }
        None => (option.to_owned(), argument.to_owned()),
    };
    Json::parse(text)
        .with_context(|| format!("{from}: give JSON, `@FILE`, or `-` for standard input"))
}

/// Reads an object, as a tree.
pub(crate) fn object(
    option: &str,
    argument: &str,
) -> anyhow::Result<serde_json::Map<String, serde_json::Value>> {
    match json(option, argument)?.to_tree() {
        serde_json::Value::Object(object) => Ok(object),
        _ => bail!("{option}: give a JSON object, such as '{{\"text\": \"…\"}}'"),
    }
}

fn bounded(from: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    from.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        bail!("it has more than {} MiB", MAX_BYTES >> 20);
    }
    Ok(text)
}
