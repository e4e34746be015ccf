//! A fault that a server found in a document which is here: drawn as `lockgate check` draws it.

use std::fmt;

use lockgate_model::escaped;
use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use super::problem::ServerFault;

/// The longest line that is drawn, in bytes. A fault in a longer one is told with its place and without the line.
const MAX_LINE_BYTES: usize = 500;

/// A fault and the document that it is in.
#[derive(Debug)]
pub(super) struct Placed {
    fault: ServerFault,
    source: Option<Excerpt>,
}

#[derive(Debug)]
struct Excerpt {
    /// The document up to the line after the fault, escaped line by line.
    text: NamedSource<String>,
    at: usize,
    length: usize,
}

impl Placed {
    /// Finds a fault's place in a document. `name` is what the document is called.
    pub(super) fn new(fault: ServerFault, name: &str, document: &str) -> Self {
        let place = fault.line.zip(fault.column);
        let source = place.and_then(|place| excerpt(name, document, place));
        Self { fault, source }
    }
}

/// None where there is no such place, or where the lines around it are too long to be drawn.
fn excerpt(name: &str, document: &str, (line, column): (usize, usize)) -> Option<Excerpt> {
    let lines: Vec<_> = document.split('\n').take(line.saturating_add(1)).collect();
    let faulty = lines.get(line.checked_sub(1)?)?;
    let near = &lines[line.saturating_sub(2)..];
    if near.iter().any(|line| line.len() > MAX_LINE_BYTES) {
        return None;
    }
    let (start, character) = faulty.char_indices().nth(column.checked_sub(1)?).unzip();
    let before = &faulty[..start.unwrap_or(faulty.len())];
    // Lines that are not drawn are only counted.
    let blank = "\n".repeat(line.saturating_sub(2));
    let escaped_lines: Vec<_> = near.iter().map(|line| escaped(line)).collect();
    let text = format!("{blank}{}", escaped_lines.join("\n"));
    let first = if line > 1 {
        escaped_lines.first().map_or(0, |line| line.len() + 1)
    } else {
        0
    };
    Some(Excerpt {
        at: blank.len() + first + escaped(before).len(),
        length: character.map_or(0, |one| escaped(one.encode_utf8(&mut [0; 4])).len()),
        text: NamedSource::new(escaped(name), text),
    })
}

impl fmt::Display for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.fault.line.zip(self.fault.column);
        if let (None, Some((line, column))) = (&self.source, place) {
            write!(f, "{line}:{column}: ")?;
        }
        write!(f, "{}", escaped(&self.fault.message))
    }
}

impl std::error::Error for Placed {}

impl Diagnostic for Placed {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(escaped(&self.fault.code)))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.fault.help.as_deref()?;
        Some(Box::new(escaped(help)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        let excerpt = self.source.as_ref()?;
        Some(&excerpt.text)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let excerpt = self.source.as_ref()?;
        let span = excerpt.at..excerpt.at + excerpt.length;
        let label = LabeledSpan::new_primary_with_span(None, span);
        Some(Box::new(std::iter::once(label)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_found_in_its_line() {
        let document = "flow: a\n\u{7}two: 诗bad\nthree: 3\nfour: 4\n";
        for (line, column, at) in [
            (1, 1, "f"),
            (1, 7, "a"),
            (2, 7, "诗"),
            (2, 8, "b"),
            (4, 7, "4"),
        ] {
            let excerpt = excerpt("a.yaml", document, (line, column)).expect("a place");
            let text = excerpt.text.inner();
            assert_eq!(&text[excerpt.at..excerpt.at + excerpt.length], at);
            assert_eq!(text[..excerpt.at].matches('\n').count(), line - 1);
        }
        assert!(excerpt("a.yaml", document, (9, 1)).is_none());
        assert!(excerpt("a.yaml", document, (0, 0)).is_none());
        assert!(excerpt("a.yaml", &"x".repeat(1 << 20), (1, 5)).is_none());
    }
}
