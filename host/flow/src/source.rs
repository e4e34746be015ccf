//! The text of a document, and where in it a byte is.

use std::ops::Range;
use std::sync::Arc;

/// A place in a document, as editors count: both from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

/// A document's name and text. Cloning it copies pointers.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: Arc<str>,
    pub(crate) text: Arc<str>,
    /// The byte at which each line begins.
    lines: Arc<[usize]>,
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        let starts = std::iter::once(0).chain(after_breaks.map(|(at, _)| at + 1));
        Self {
            name: name.into(),
            text: text.into(),
            lines: starts.collect(),
        }
    }

    pub(crate) fn place(&self, byte: usize) -> Place {
        let byte = floor_boundary(&self.text, byte);
        let line = self.line_of(byte);
        Place {
            line: line + 1,
            column: self.text[self.lines[line]..byte].chars().count() + 1,
        }
    }

    /// How many characters there are between two bytes.
    pub(crate) fn length(&self, span: &Range<usize>) -> usize {
        let start = floor_boundary(&self.text, span.start);
        let end = floor_boundary(&self.text, span.end.max(start));
        self.text[start..end].chars().count()
    }

    /// The index of the line that `byte` is in, from 0.
    pub(crate) fn line_of(&self, byte: usize) -> usize {
        self.lines.partition_point(|&start| start <= byte) - 1
    }

    pub(crate) fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The bytes of a line, its break excluded.
    pub(crate) fn line(&self, index: usize) -> Range<usize> {
        let start = self.lines[index];
        let end = self
            .lines
            .get(index + 1)
            .map_or(self.text.len(), |next| next - 1);
        let cut = self.text[start..end]
            .strip_suffix('\r')
            .map_or(end, |line| start + line.len());
        start..cut
    }
}

/// The nearest place at or before `byte` where a character begins.
pub(crate) fn floor_boundary(text: &str, byte: usize) -> usize {
    text.floor_char_boundary(byte.min(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let source = Source::new("x", "ab\r\n诗c\n");
        let at = |byte| (source.place(byte).line, source.place(byte).column);
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(1), (1, 2));
        assert_eq!(at(4), (2, 1));
        assert_eq!(at(7), (2, 2));
        assert_eq!(at(9), (3, 1));
        assert_eq!(at(900), (3, 1));
        assert_eq!(source.line(0), 0..2);
        assert_eq!(source.line(1), 4..8);
        assert_eq!(source.line(2), 9..9);
    }
}
