//! The lines of a document that a message shows, made fit for a terminal: no control character and nothing that turns
//! the reading direction leaves here, and a line of a megabyte shows the part that matters.

use std::ops::Range;

use lockgate_model::{escape_into, escaped};
use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::source::{Source, floor_boundary};

/// How many bytes of a line are shown around the place of the fault.
const WINDOW_BYTES: usize = 160;

/// A few lines of a document, escaped.
#[derive(Debug, Clone)]
pub(crate) struct Excerpt {
    name: String,
    text: String,
    /// Where the fault is in `text`.
    pub(crate) label: Range<usize>,
    /// The line in the document that `text` begins with, from 0.
    first_line: usize,
    /// The column of the fault in the document, from 0.
    column: usize,
}

impl Excerpt {
    pub(crate) fn new(source: &Source, span: &Range<usize>) -> Self {
        let start = floor_boundary(&source.text, span.start);
        let line = source.line_of(start);
        let first_line = line.saturating_sub(1);
        let last_line = (line + 1).min(source.line_count() - 1);
        let mut text = String::new();
        let mut label = 0..0;
        for index in first_line..=last_line {
            let bytes = source.line(index);
            let shown = window(
                &source.text,
                &bytes,
                if index == line { start } else { bytes.start },
            );
            if index == line {
                let end = floor_boundary(&source.text, span.end).clamp(start, shown.end.max(start));
                escape_into(&source.text[shown.start..start.max(shown.start)], &mut text);
                label.start = text.len();
                escape_into(
                    &source.text[start.min(shown.end)..end.min(shown.end)],
                    &mut text,
                );
                label.end = text.len();
                escape_into(&source.text[end.min(shown.end)..shown.end], &mut text);
            } else {
                escape_into(&source.text[shown], &mut text);
            }
            text.push('\n');
        }
        Self {
            name: escaped(&source.name),
            text,
            label,
            first_line,
            column: source.place(start).column - 1,
        }
    }
}

/// The part of a line that is shown when `at` matters.
fn window(text: &str, line: &Range<usize>, at: usize) -> Range<usize> {
    let start = floor_boundary(text, at.saturating_sub(WINDOW_BYTES / 2)).max(line.start);
    let end = floor_boundary(text, (start + WINDOW_BYTES).min(line.end)).max(start);
    if line.len() <= WINDOW_BYTES {
        line.clone()
    } else {
        start..end
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let part = self.text.read_span(span, before, after)?;
        // Without lines around it, this is the question for the fault's own place.
        let column = if before == 0 && after == 0 {
            self.column
        } else {
            part.column()
        };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            part.data(),
            *part.span(),
            self.first_line + part.line(),
            column,
            part.line_count(),
        )))
    }
}

/// A name or the like from elsewhere, escaped and cut to a length that fits within a message.
pub(crate) fn quoted(text: &str) -> String {
    cut(text, 80)
}

/// A message from elsewhere, escaped and cut.
pub(crate) fn clipped(text: &str) -> String {
    cut(text, 400)
}

fn cut(text: &str, most: usize) -> String {
    let cut = floor_boundary(text, most);
    let mut out = escaped(&text[..cut]).replace('\t', "\\t");
    if cut < text.len() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controls_a_terminal_is_written_out() {
        assert_eq!(
            escaped("a\u{1b}[31m\u{202e}b\tc诗"),
            "a\\u{1b}[31m\\u{202e}b\tc诗"
        );
        assert_eq!(quoted(&"é".repeat(100)).chars().count(), 41);
    }

    #[test]
    fn the_label_stays_on_its_words_after_escaping() {
        let source = Source::new("f\n.yaml", "one\n\u{7}two: bad\nthree\nfour");
        let at = source.text.find("bad").expect("it is there");
        let excerpt = Excerpt::new(&source, &(at..at + 3));
        assert_eq!(excerpt.text, "one\n\\u{7}two: bad\nthree\n");
        assert_eq!(&excerpt.text[excerpt.label.clone()], "bad");
        assert_eq!(excerpt.name, "f\\u{a}.yaml");
    }

    #[test]
    fn a_long_line_shows_the_part_that_matters() {
        let text = format!("{}bad{}", "诗".repeat(100_000), "x".repeat(100_000));
        let source = Source::new("f", &text);
        let excerpt = Excerpt::new(&source, &(300_000..text.len()));
        assert!(excerpt.text.len() < 400, "{}", excerpt.text.len());
        assert!(excerpt.text[excerpt.label.clone()].starts_with("bad"));
        assert_eq!(excerpt.column, 100_000);
    }

    #[test]
    fn every_span_of_an_odd_text_makes_an_excerpt() {
        let text = "a\r\n\u{1b}诗\n\n\tb\r";
        let source = Source::new("f", text);
        for start in 0..=text.len() + 2 {
            for end in start..=text.len() + 2 {
                let excerpt = Excerpt::new(&source, &(start..end));
                assert!(excerpt.text.get(excerpt.label.clone()).is_some());
            }
        }
    }
}
