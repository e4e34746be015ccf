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

/// Whether a key is set to what is nobody's to see: a secret, or an address with a user and a password, which no key takes.
fn is_secret(key: &str, value: &Value) -> bool {
    let text = value.as_str();
    let names_user = |text: &str| {
        let address = text.split_once("://").map(|(_, address)| address);
        let host = address.and_then(|address| address.split(['/', '?', '#']).next());
        host.is_some_and(|host| host.contains('@'))
    };
    keys::is_secret(key) && text.is_none_or(|text| !text.is_empty()) || text.is_some_and(names_user)
}

/// A value as TOML writes it, in one line and fit for a terminal.
fn written(value: &Value) -> String {
    escaped(&value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_addresses_are_not_shown() {
        for (address, is_hidden) in [
            ("https://metrics.cn-hangzhou.aliyuncs.com", false),
            ("https://example.com/a@b?c@d", false),
            ("https://user:secret@example.com/", true),
            ("http://token@127.0.0.1:1", true),
            ("user@example.com", false),
            ("", false),
        ] {
            let value = Value::String(address.to_owned());
            assert_eq!(is_secret("cms.endpoint", &value), is_hidden, "{address}");
        }
    }
}
