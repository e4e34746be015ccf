//! `lockgate config`: what is in force, and where each value comes from.

use lockgate_model::escaped;
use toml::Value;

use super::keys;
use super::layers::Layers;
use crate::args::ShowConfigArgs;
use crate::exit::Failed;
use crate::table;

pub(crate) fn show(args: &ShowConfigArgs) -> Result<(), Failed> {
    let (_, layers) = super::load(&args.config)?;
    match args.toml {
        true => print!("{}", as_toml(&layers)),
        false => print!("{}", as_table(&layers)),
    }
    Ok(())
}

fn as_table(layers: &Layers) -> String {
    let mut table = table::plain(["key", "value", "from"]);
    for (key, value, origin) in layers.iter() {
        let shown = match is_secret(key, value) {
            true => "(set, and not shown)".to_owned(),
            false => written(value),
        };
        table.add_row([key, &shown, &escaped(&origin.to_string())]);
    }
    let lines = table.lines().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}

/// A `lockgate.toml` that says the same, with where each value comes from behind it.
pub(super) fn as_toml(layers: &Layers) -> String {
    let mut text = String::new();
    let mut open = "";
    for (key, value, origin) in layers.iter() {
        let (table, name) = key.split_once('.').unwrap_or(("", key));
        if table != open {
            text.push_str(&format!("\n[{table}]\n"));
            open = table;
        }
        let origin = escaped(&origin.to_string());
        match is_secret(key, value) {
            true => text.push_str(&format!("# {name} is set, and not shown # {origin}\n")),
            false => text.push_str(&format!("{name} = {} # {origin}\n", written(value))),
        }
    }
    text
}

/// Whether a key is set to what is nobody's to see.
fn is_secret(key: &str, value: &Value) -> bool {
    keys::is_secret(key) && value.as_str().is_none_or(|text| !text.is_empty())
}

/// A value as TOML writes it, in one line and fit for a terminal.
fn written(value: &Value) -> String {
    escaped(&value.to_string())
}
