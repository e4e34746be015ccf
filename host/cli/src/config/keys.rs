//! The list of all keys. It is what the default configuration has when it is written out: no second list to keep.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Config;

/// How every environment variable of a key begins.
const PREFIX: &str = "LOCKGATE_";

/// The keys that are paths. In a file, a relative one is relative to the file's folder.
const PATHS: [&str; 6] = [
    "alerts.file",
    "data.folder",
    "flows.folder",
    "otlp.certificate",
    "plugins.folder",
    "sandbox.cache",
];

/// The keys whose values are tables, with names that are the operator's.
const NAMED: [&str; 1] = ["mask.patterns"];

/// Every key with its default, by its path, such as `server.listen`.
#[derive(Debug, Clone)]
pub(crate) struct Keys(BTreeMap<String, Value>);

impl Keys {
    /// The keys that there are.
    pub(crate) fn all() -> Self {
        // Writing out numbers, texts and yes or no does not fail.
        let defaults = Table::try_from(Config::default()).unwrap_or_default();
        let mut keys = BTreeMap::new();
        collect(&defaults, "", &mut keys);
        Self(keys)
    }

    /// The default of a key, if there is such a key.
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        self.0.get(path)
    }

    /// Each key and its default.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(path, value)| (path.as_str(), value))
    }

    /// Whether this is a table of keys.
    pub(super) fn is_table(&self, path: &str) -> bool {
        let below = |key: &String| {
            key.strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        self.0.keys().any(below)
    }

    /// `did you mean …` with the keys and tables that are most like `path`; empty where none is.
    pub(super) fn hint(&self, path: &str) -> String {
        let tables = self.0.keys().filter_map(|key| Some(key.split_once('.')?.0));
        let known = self.0.keys().map(String::as_str).chain(tables);
        match nearest(path, known) {
            Some(known) => format!(": did you mean `{known}`?"),
            // The right key in the wrong table, or in none.
            None => {
                let name = path.rsplit('.').next().unwrap_or(path);
                let same = |key: &&String| key.rsplit('.').next() == Some(name);
                let found = self.0.keys().find(same);
                found.map_or(String::new(), |key| format!(": did you mean `{key}`?"))
            }
        }
    }
}

/// Whether a key's value is a secret.
pub(super) fn is_secret(key: &str) -> bool {
    key == "otlp.headers"
}

/// Whether a key is a path.
pub(super) fn is_path(key: &str) -> bool {
    PATHS.contains(&key)
}

/// The environment variable of a key.
pub(crate) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "_").to_ascii_uppercase())
}

/// What is most like `text`, if it is near enough to be meant.
pub(super) fn nearest<'k>(text: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    /// No key is as long; comparing takes time with the product of the lengths.
    const LONGEST: usize = 64;
    if text.len() > LONGEST {
        return None;
    }
    let far = |known: &str| strsim::osa_distance(text, known);
    let near = known.into_iter().filter(|known| far(known) <= 2);
    near.min_by_key(|known| far(known))
}

fn collect(table: &Table, within: &str, keys: &mut BTreeMap<String, Value>) {
    for (name, value) in table {
        let path = below(within, name);
        match value {
            Value::Table(table) if !NAMED.contains(&path.as_str()) => collect(table, &path, keys),
            value => {
                keys.insert(path, value.clone());
            }
        }
    }
}

/// The path of `name` in the table `within`.
pub(super) fn below(within: &str, name: &str) -> String {
    match within {
        "" => name.to_owned(),
        within => format!("{within}.{name}"),
    }
}

/// Sets one key of a table of tables.
pub(super) fn set(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((outer, rest)) => {
            let inner = table
                .entry(outer)
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}
