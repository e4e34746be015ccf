//! The places of many parts of a document.

use std::ops::Range;

use super::view::ExaminedPlace;
use crate::source::{Source, floor_boundary};

/// How many bytes there are between two of the counts that are kept.
const STEP: usize = 256;

/// Tells places without counting a line from its beginning each time: a document can be one line of a megabyte.
pub(super) struct Places<'d> {
    source: &'d Source,
    /// How many characters begin before each multiple of [`STEP`] bytes.
    counts: Vec<usize>,
}

impl<'d> Places<'d> {
    pub(super) fn new(source: &'d Source) -> Self {
        let mut total = 0;
        let counts = source.text.as_bytes().chunks(STEP).map(|chunk| {
            let before = total;
            total += begun(chunk);
            before
        });
        Self {
            source,
            counts: counts.collect(),
        }
    }

    pub(super) fn of(&self, span: &Range<usize>) -> ExaminedPlace {
        let start = floor_boundary(&self.source.text, span.start);
        let line = self.source.line_of(start);
        let begins = self.source.line(line).start;
        ExaminedPlace {
            line: line + 1,
            column: self.characters(start) - self.characters(begins) + 1,
            length: self.characters(span.end.max(start)) - self.characters(start),
        }
    }

    /// How many characters there are before a byte.
    fn characters(&self, byte: usize) -> usize {
        let bytes = self.source.text.as_bytes();
        let byte = floor_boundary(&self.source.text, byte);
        let step = byte / STEP;
        match self.counts.get(step) {
            Some(before) => before + begun(&bytes[step * STEP..byte]),
            None => self.counts.last().map_or(0, |before| {
                before + begun(&bytes[(self.counts.len() - 1) * STEP..byte])
            }),
        }
    }
}

/// How many characters begin in these bytes.
fn begun(bytes: &[u8]) -> usize {
    let continues = |byte: &&u8| (**byte & 0b1100_0000) == 0b1000_0000;
    bytes.len() - bytes.iter().filter(continues).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_the_source() {
        for text in [
            "",
            "a",
            "诗\n\u{1b}é\r\n",
            &"诗x\n".repeat(300),
            &"é".repeat(256),
            &"x".repeat(512),
        ] {
            let source = Source::new("t", text);
            let places = Places::new(&source);
            for byte in 0..=text.len() + 3 {
                let (place, expected) = (places.of(&(byte..byte)), source.place(byte));
                assert_eq!((place.line, place.column), (expected.line, expected.column));
                assert_eq!(place.length, 0);
                let rest = floor_boundary(text, byte);
                assert_eq!(
                    places.of(&(byte..text.len())).length,
                    text[rest..].chars().count()
                );
            }
        }
    }
}
