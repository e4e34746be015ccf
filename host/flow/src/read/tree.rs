//! A document as a tree of values that know their places.

use std::ops::Range;

use serde_json::Value as Json;

use crate::source::Source;

/// One value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) span: Range<usize>,
    pub(crate) content: Content,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Tree>),
    Map(Vec<Entry>),
}

/// A scalar: its text, and what the text is by the core schema.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) text: Box<str>,
    pub(crate) style: Style,
    /// Why it is a value where it may not be one, such as `.inf`.
    pub(crate) value: Result<Json, &'static str>,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes.
    Plain,
    /// In quotes.
    Quoted,
    /// Under `|`: line for line.
    Literal,
    /// Under `>`.
    Folded,
}

/// A key, its place, and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Box<str>,
    pub(crate) key_span: Range<usize>,
    pub(crate) value: Tree,
}

impl Tree {
    /// The type as messages name it.
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.content {
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
            Content::Scalar(scalar) => match &scalar.value {
                Ok(Json::Null) => "nothing",
                Ok(Json::Bool(_)) => "a boolean",
                Ok(Json::String(_)) => "text",
                _ => "a number",
            },
        }
    }

    pub(crate) fn as_scalar(&self) -> Option<&Scalar> {
        match &self.content {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text, if the value is text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.as_scalar()?.value {
            Ok(Json::String(_)) => Some(&self.as_scalar()?.text),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Tree]> {
        match &self.content {
            Content::List(elements) => Some(elements),
            _ => None,
        }
    }

    pub(crate) fn as_map(&self) -> Option<&[Entry]> {
        match &self.content {
            Content::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value as JSON. `refuse` hears of every scalar that JSON does not have, which then is null.
    pub(crate) fn to_json(&self, refuse: &mut impl FnMut(&Tree, &'static str)) -> Json {
        match &self.content {
            Content::List(elements) => elements
                .iter()
                .map(|element| element.to_json(refuse))
                .collect(),
            Content::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.to_string(), entry.value.to_json(refuse)))
                .collect(),
            Content::Scalar(scalar) => match &scalar.value {
                Ok(value) => value.clone(),
                Err(reason) => {
                    refuse(self, reason);
                    Json::Null
                }
            },
        }
    }

    /// The value that a JSON pointer (RFC 6901) names, or the nearest one around it; and, where it has one, its key's
    /// place.
    pub(crate) fn at_pointer(&self, pointer: &str) -> (&Tree, Option<&Range<usize>>) {
        let mut found = (self, None);
        for segment in pointer.split('/').skip(1) {
            let segment = segment.replace("~1", "/").replace("~0", "~");
            let inner = match &found.0.content {
                Content::Map(entries) => entries
                    .iter()
                    .find(|entry| *entry.key == segment)
                    .map(|entry| (&entry.value, Some(&entry.key_span))),
                Content::List(elements) => segment
                    .parse()
                    .ok()
                    .and_then(|index: usize| elements.get(index))
                    .map(|inner| (inner, None)),
                Content::Scalar(_) => None,
            };
            match inner {
                Some(inner) => found = inner,
                None => break,
            }
        }
        found
    }

    /// The place in the document of a part of this scalar's text, given in bytes. Exact where the text stands in the
    /// document as it is, and line by line in a block under `|`; the scalar's own place otherwise.
    pub(crate) fn place_within(&self, source: &Source, part: &Range<usize>) -> Range<usize> {
        self.exact_place(source, part)
            .unwrap_or_else(|| self.span.clone())
    }

    fn exact_place(&self, source: &Source, part: &Range<usize>) -> Option<Range<usize>> {
        let scalar = self.as_scalar()?;
        let written = source.text.get(self.span.clone())?;
        match scalar.style {
            Style::Plain | Style::Quoted => {
                let start = self.span.start + usize::from(scalar.style == Style::Quoted);
                let same = source.text.get(start..start + scalar.text.len()) == Some(&scalar.text);
                let inside = start + scalar.text.len() <= self.span.end && !written.contains('\n');
                (same && inside && part.end <= scalar.text.len())
                    .then(|| start + part.start..start + part.end)
            }
            Style::Literal => {
                let before = scalar.text.get(..part.start)?;
                let header = source.line_of(self.block_header(source)?);
                let line = header + 1 + before.matches('\n').count();
                let wanted = scalar
                    .text
                    .lines()
                    .nth(line - header - 1)
                    .unwrap_or_default();
                let bytes = (line < source.line_count()).then(|| source.line(line))?;
                let indent = source.text[bytes.clone()].strip_suffix(wanted)?.len();
                let column = part.start - before.rfind('\n').map_or(0, |at| at + 1);
                let start = bytes.start + indent + column;
                Some(start..(start + part.len()).clamp(start, bytes.end))
            }
            Style::Folded => None,
        }
    }

    /// Where the `|` of a block stands: at the start of its span, or on the line before its content.
    fn block_header(&self, source: &Source) -> Option<usize> {
        if source.text[self.span.start..].starts_with('|') {
            return Some(self.span.start);
        }
        let before = &source.text[..self.span.start];
        before.rfind('|')
    }
}
