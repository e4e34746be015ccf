//! The keys of a map: which there may be, which there have to be, and what to say about the others.

use serde_json::Value as Json;

use crate::excerpt::quoted;
use crate::fault::{Code, Findings};
use crate::read::{Entry, Tree};

/// A map whose keys are checked.
pub(crate) struct Keys<'a>(&'a [Entry]);

impl<'a> Keys<'a> {
    /// Checks the keys of a map, or that it is one: `shape` says what belongs there.
    pub(crate) fn new(
        tree: &'a Tree,
        known: &[&str],
        findings: &mut Findings,
        shape: &str,
    ) -> Option<Self> {
        let Some(entries) = tree.as_map() else {
            findings.add(
                Code::WrongType,
                &tree.span,
                format!("this is {}: {shape}", tree.type_name()),
            );
            return None;
        };
        for entry in entries.iter().filter(|entry| !known.contains(&&*entry.key)) {
            let key = quoted(&entry.key);
            let near = findings.did_you_mean(&entry.key, known.iter().copied());
            let help = near.unwrap_or_else(|| format!("the keys here are {}", known.join(", ")));
            findings
                .add(
                    Code::UnknownKey,
                    &entry.key_span,
                    format!("there is no key `{key}` here"),
                )
                .help(help);
        }
        Some(Self(entries))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Entry> {
        self.0.iter().find(|entry| &*entry.key == key)
    }

    /// The entry of a key that has to be there.
    pub(crate) fn require(
        &self,
        key: &str,
        tree: &Tree,
        findings: &mut Findings,
    ) -> Option<&'a Entry> {
        let found = self.get(key);
        if found.is_none() {
            let start = tree.span.start;
            findings.add(
                Code::MissingKey,
                &(start..start),
                format!("the key `{key}` is missing here"),
            );
        }
        found
    }
}

/// The text of a value that has to be text.
pub(crate) fn text<'a>(value: &'a Tree, findings: &mut Findings, key: &str) -> Option<&'a str> {
    let text = value.as_text();
    if text.is_none() {
        findings.add(
            Code::WrongType,
            &value.span,
            format!("`{key}` is {}, and has to be text", value.type_name()),
        );
    }
    text
}

/// A value as JSON, literally.
pub(crate) fn literal(value: &Tree, findings: &mut Findings) -> Option<Json> {
    let before = findings.len();
    let json = value.to_json(&mut |scalar, reason| {
        findings
            .add(
                Code::BadNumber,
                &scalar.span,
                format!("this is no JSON number: {reason}"),
            )
            .help("put quotes around it if it is text");
    });
    (findings.len() == before).then_some(json)
}
