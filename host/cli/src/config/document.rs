//! A `lockgate.toml` as the keys that it sets, each with its line.

use std::path::Path;

use serde::Deserialize as _;
use toml::Value;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::keys::{self, Keys};

/// The most bytes of a file that are read. The longest sensible one has a hundred lines.
const MAX_BYTES: u64 = 1 << 20;

/// A key that a file sets.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: Value,
    /// From 1.
    pub(super) line: usize,
}

/// A line of a file, and what is wrong with it: a sentence that begins with the file and the line.
pub(super) type Fault = (usize, String);

/// Reads a file. What is right beside faults is read all the same.
pub(super) fn read(path: &Path, keys: &Keys) -> (Vec<Entry>, Vec<Fault>) {
    match text(path) {
        Ok(text) => parse(path, &text, keys),
        Err(error) => {
            let fault = format!("{}: {error}", path.display());
            (Vec::new(), vec![(0, fault)])
        }
    }
}

fn parse(path: &Path, text: &str, keys: &Keys) -> (Vec<Entry>, Vec<Fault>) {
    let mut reading = Reading {
        path,
        text,
        keys,
        entries: Vec::new(),
        faults: Vec::new(),
    };
    match DeTable::parse(text) {
        Ok(table) => reading.table(table.get_ref(), ""),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            reading.fault(at, error.message());
        }
    }
    (reading.entries, reading.faults)
}

struct Reading<'t> {
    path: &'t Path,
    text: &'t str,
    keys: &'t Keys,
    entries: Vec<Entry>,
    faults: Vec<Fault>,
}

impl Reading<'_> {
    fn table(&mut self, table: &DeTable<'_>, within: &str) {
        for (name, value) in table {
            let key = keys::below(within, name.get_ref());
            let at = name.span().start;
            match (value.get_ref(), self.keys.get(&key)) {
                (DeValue::Table(inner), None) if self.keys.is_table(&key) => {
                    self.table(inner, &key);
                }
                (_, Some(_)) => {
                    let value = Value::deserialize(ValueDeserializer::from(value.clone()));
                    match value {
                        Ok(value) => {
                            let line = self.line(at);
                            self.entries.push(Entry { key, value, line });
                        }
                        Err(error) => self.fault(at, error.message()),
                    }
                }
                (_, None) if self.keys.is_table(&key) => {
                    self.fault(at, &format!("`{key}` is a table: write `[{key}]`"));
                }
                (_, None) => {
                    let hint = self.keys.hint(&key);
                    self.fault(at, &format!("there is no key `{key}`{hint}"));
                }
            }
        }
    }

    fn fault(&mut self, at: usize, message: &str) {
        let line = self.line(at);
        let fault = format!("{}:{line}: {}", self.path.display(), message.trim());
        self.faults.push((line, fault));
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        before.iter().filter(|&&byte| byte == b'\n').count() + 1
    }
}

fn text(path: &Path) -> std::io::Result<String> {
    use std::io::{Error, ErrorKind, Read as _};
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        let message = format!("it has more than {} KiB", MAX_BYTES >> 10);
        return Err(Error::new(ErrorKind::InvalidData, message));
    }
    Ok(text)
}
