//! `lockgate config`: what is in force, and where each value comes from.

use lockgate_model::escaped;
use toml::Value;

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
        table.add_row([key, &written(value), &escaped(&origin.to_string())]);
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
        text.push_str(&format!("{name} = {} # {origin}\n", written(value)));
    }
    text
}

/// A value as TOML writes it, in one line and fit for a terminal.
fn written(value: &Value) -> String {
    escaped(&value.to_string())
}
