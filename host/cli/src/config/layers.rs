//! Which value of a key wins: a flag's, or else its environment variable's, or else the file's, or else the default.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::document::{self, Entry, Fault};
use super::keys::{self, Keys};
use super::{Config, DEV, FILE, Origin};
use crate::args::ConfigArgs;

/// The value of every key that is in force, and where it comes from.
#[derive(Debug)]
pub(crate) struct Layers(BTreeMap<String, (Value, Origin)>);

/// What was read, or everything that is wrong with it; and what is odd but no fault.
pub(super) type Read = (Result<(Config, Layers), Vec<String>>, Vec<String>);

/// Reads all layers.
pub(super) fn load(args: &ConfigArgs, environment: impl Iterator<Item = (String, String)>) -> Read {
    let keys = Keys::all();
    let mut reading = Reading {
        layers: Layers(defaults(&keys)),
        faults: Vec::new(),
    };
    if let Some(path) = file(args) {
        let (entries, faults) = document::read(&path, &keys);
        reading.faults.extend(faults);
        for entry in entries {
            reading.entry(&path, entry);
        }
        reading.faults.sort_by_key(|(line, _)| *line);
    }
    let warnings = reading.environment(&keys, environment);
    reading.flags(args);
    (reading.finish(), warnings)
}

impl Layers {
    /// Each key with its value and where that comes from, in the order of their names: those without a table first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value, &Origin)> {
        let in_table = |with: bool| move |(key, _): &(&String, _)| key.contains('.') == with;
        let outside = self.0.iter().filter(in_table(false));
        let inside = self.0.iter().filter(in_table(true));
        outside
            .chain(inside)
            .map(|(key, (value, origin))| (key.as_str(), value, origin))
    }
}

/// The file that is named, or else the usual one, if it is there.
fn file(args: &ConfigArgs) -> Option<PathBuf> {
    let usual = || Some(PathBuf::from(FILE)).filter(|file| file.exists());
    args.config.clone().or_else(usual)
}

fn defaults(keys: &Keys) -> BTreeMap<String, (Value, Origin)> {
    let default = |(key, value): (&str, &Value)| (key.to_owned(), (value.clone(), Origin::Default));
    keys.iter().map(default).collect()
}

struct Reading {
    layers: Layers,
    /// Each with its line; those of variables and flags come after all lines.
    faults: Vec<Fault>,
}

impl Reading {
    /// Sets one key over what it was. A value that is wrong is a fault, even if another would win over it.
    fn set(&mut self, key: &str, value: Value, origin: Origin) {
        match alone(key, value.clone()) {
            Ok(()) => {
                self.layers.0.insert(key.to_owned(), (value, origin));
            }
            Err(reason) => self.faults.push(match &origin {
                Origin::File(_, line) => (*line, format!("{origin}: `{key}`: {reason}")),
                Origin::Env(name) => (usize::MAX, format!("{name}: {reason}")),
                origin => (usize::MAX, format!("{origin}: {reason}")),
            }),
        }
    }

    fn entry(&mut self, file: &Path, Entry { key, value, line }: Entry) {
        let value = match value {
            Value::String(path) if keys::is_path(&key) && !path.is_empty() => {
                let folder = file.parent().unwrap_or(Path::new(""));
                Value::String(folder.join(path).display().to_string())
            }
            value => value,
        };
        self.set(&key, value, Origin::File(file.to_owned(), line));
    }

    /// Sets what variables set. Others with our prefix are not refused, because orchestrators set some of their own
    /// (Kubernetes names variables after services); one that is nearly a key's is told.
    fn environment(
        &mut self,
        keys: &Keys,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Vec<String> {
        let known: BTreeMap<_, _> = keys
            .iter()
            .map(|(key, default)| (keys::variable(key), (key, default)))
            .collect();
        let mut warnings = Vec::new();
        let mut variables: Vec<_> = environment.collect();
        variables.sort(); // what is told has an order
        for (name, text) in variables {
            if let Some((key, default)) = known.get(&name) {
                self.set(key, typed(default, text), Origin::Env(name));
            } else if let Some(near) = nearly(&name, known.keys()) {
                warnings.push(format!("{name}: sets nothing: did you mean `{near}`?"));
            }
        }
        warnings
    }

    fn flags(&mut self, args: &ConfigArgs) {
        let text = |path: &PathBuf| path.display().to_string();
        let flags = [
            ("--listen", "server.listen", args.listen.clone()),
            ("--data", "data.folder", args.data.as_ref().map(text)),
            (
                "--plugins",
                "plugins.folder",
                args.plugins.as_ref().map(text),
            ),
            ("--flows", "flows.folder", args.flows.as_ref().map(text)),
            ("--dev", "environment", args.dev.then(|| DEV.to_owned())),
        ];
        for (flag, key, value) in flags {
            if let Some(value) = value {
                self.set(key, Value::String(value), Origin::Flag(flag));
            }
        }
    }

    fn finish(self) -> Result<(Config, Layers), Vec<String>> {
        if !self.faults.is_empty() {
            let faults = self.faults.into_iter();
            return Err(faults.map(|(_, fault)| fault).collect());
        }
        let mut table = Table::new();
        for (key, (value, _)) in &self.layers.0 {
            keys::set(&mut table, key, value.clone());
        }
        // Each value was read by itself before, so all of them can be.
        let config = table.try_into::<Config>();
        config
            .map(|config| (config, self.layers))
            .map_err(|error| vec![error.message().to_owned()])
    }
}

/// Reads a configuration in which only this key is not as by default: what is wrong then is this value.
fn alone(key: &str, value: Value) -> Result<(), String> {
    let mut table = Table::try_from(Config::default()).map_err(|error| error.to_string())?;
    keys::set(&mut table, key, value);
    let read = table.try_into::<Config>();
    read.map(drop)
        .map_err(|error| error.message().trim().to_owned())
}

/// The text of a variable as a value of the default's type; as text where it is none, so that the key's own check refuses it.
fn typed(default: &Value, text: String) -> Value {
    let parsed = match default {
        Value::Integer(_) => text.parse().ok().map(Value::Integer),
        Value::Boolean(_) => text.parse().ok().map(Value::Boolean),
        Value::Float(_) => text.parse().ok().map(Value::Float),
        Value::Table(_) => text.parse().ok(), // an inline table
        _ => None,
    };
    parsed.unwrap_or(Value::String(text))
}

fn nearly<'k>(name: &str, known: impl Iterator<Item = &'k String>) -> Option<&'k str> {
    // Variables of other commands, which are near to nothing but each other.
    let is_ours = name.starts_with("LOCKGATE_");
    let near = || keys::nearest(name, known.map(String::as_str));
    is_ours.then(near).flatten()
}

#[cfg(test)]
mod tests;
