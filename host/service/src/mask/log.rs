//! Lines of a node's log: each is a text by itself, but a private key has many.

use std::collections::HashMap;

use lockgate_model::At;

use super::{Mask, mark};

/// How long the lines of a key are, but for its last one, in bytes: the least that programs write.
const FULL_LINE_BYTES: usize = 60;

/// The nodes that are at a private key in their logs.
#[derive(Debug, Default)]
pub(crate) struct Logs(HashMap<At, Next>);

/// What may come of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Any,
    /// Its end: the last line was short.
    End,
}

impl Logs {
    /// Masks what a line has of a private key that began in a line before. Whether it has any.
    pub(super) fn line(&mut self, mask: &Mask, at: &At, line: &mut String) -> bool {
        if !mask.has_keys {
            return false;
        }
        let until = self.0.remove(at).and_then(|next| self.rest(at, next, line));
        let begins = line
            .rfind("-----BEGIN ")
            .filter(|begin| until.is_none_or(|until| until <= *begin));
        if begins.is_some_and(|begin| is_open(&line[begin..])) {
            self.0.insert(at.clone(), Next::Any);
        }
        if let Some(until) = until {
            line.replace_range(..until, &mark("keys"));
        }
        until.is_some()
    }

    /// How much of a line is of the key; None: nothing.
    fn rest(&mut self, at: &At, next: Next, line: &str) -> Option<usize> {
        let text = line.trim();
        if let Some(end) = end_of(line) {
            return Some(end);
        }
        let is_body = !text.is_empty() && text.bytes().all(is_base64);
        let is_header = text.is_empty()
            || ["Proc-Type:", "DEK-Info:", "Version:", "Comment:"]
                .iter()
                .any(|name| text.starts_with(name));
        if next == Next::End || !(is_body || is_header) {
            return None;
        }
        let is_last = is_body && text.len() < FULL_LINE_BYTES;
        self.0
            .insert(at.clone(), if is_last { Next::End } else { Next::Any });
        (!text.is_empty()).then_some(line.len())
    }

    /// No more comes of the node.
    pub(super) fn end(&mut self, at: &At) {
        self.0.remove(at);
    }
}

/// Where the key's end ends in a line that begins with it, or with the last of the key before it.
fn end_of(line: &str) -> Option<usize> {
    let (before, rest) = line.split_once("-----END ")?;
    let (name, after) = rest.split_once("-----")?;
    let is_end = before.trim().bytes().all(is_base64) && name.ends_with("PRIVATE KEY");
    is_end.then_some(line.len() - after.len())
}

/// Whether a key begins there whose end is not in the line.
fn is_open(begin: &str) -> bool {
    let rest = begin.trim_start_matches('-').split_once("-----");
    rest.is_some_and(|(name, body)| {
        let is_body = |byte: u8| is_base64(byte) || byte.is_ascii_whitespace();
        name.ends_with("PRIVATE KEY") && body.bytes().all(is_body)
    })
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
