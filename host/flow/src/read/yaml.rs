//! YAML's events become a tree. Anchors, aliases and tags are refused with their place, and the tree is still made, so
//! that everything else that is wrong is reported with them.

use std::collections::HashSet;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};
use serde_json::Value as Json;

use super::scalar::resolve;
use super::tree::{Content, Entry, Scalar, Style, Tree};
use crate::excerpt::quoted;
use crate::fault::{Code, Findings};
use crate::source::Source;

/// The largest document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 1 << 20;

/// How deep a document may nest: with room for what stands around a configuration, less than a JSON document may.
pub const MAX_DEPTH: usize = 100;

/// How many values a document may have, keys not counted.
pub const MAX_VALUES: usize = 250_000;

/// Reads a document. What keeps it from becoming a tree is the only fault then; what else is wrong is in `findings`.
pub(crate) fn read(source: &Source, findings: &mut Findings) -> Option<Tree> {
    if source.text.len() > MAX_DOCUMENT_BYTES {
        let bytes = source.text.len();
        findings
            .add(
                Code::DocumentTooLarge,
                &(0..0),
                format!(
                    "the document has {bytes} bytes, and at most {MAX_DOCUMENT_BYTES} are read"
                ),
            )
            .help("move long texts into the flow's input");
        return None;
    }
    let options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
        emit_unresolved_aliases: true,
    };
    let mut reader = Reader {
        events: Parser::new_from_str_with_options(&source.text, options),
        source,
        findings,
        values: 0,
    };
    match reader.stream() {
        Ok(tree) => tree,
        Err(Stop::Scan(error)) => {
            let at = error.marker().byte_offset().unwrap_or(source.text.len());
            findings.add(
                Code::NotYaml,
                &(at..at),
                format!("this is not YAML: {}", quoted(&error.info())),
            );
            None
        }
        Err(Stop::TooMuch(span, message)) => {
            findings.add(Code::DocumentTooLarge, &span, message);
            None
        }
    }
}

/// Why there is no tree.
enum Stop {
    Scan(ScanError),
    TooMuch(Range<usize>, String),
}

impl From<ScanError> for Stop {
    fn from(error: ScanError) -> Self {
        Self::Scan(error)
    }
}

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    source: &'a Source,
    findings: &'a mut Findings,
    values: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Range<usize>), Stop> {
        match self.events.next_event() {
            Some(event) => {
                let (event, span) = event?;
                self.refuse_tag(&event, &span);
                Ok((event, self.bytes(&span)))
            }
            None => Ok((Event::StreamEnd, self.end())),
        }
    }

    fn bytes(&self, span: &Span) -> Range<usize> {
        span.byte_range().unwrap_or_else(|| self.end())
    }

    fn end(&self) -> Range<usize> {
        self.source.text.len()..self.source.text.len()
    }

    fn stream(&mut self) -> Result<Option<Tree>, Stop> {
        let mut first = None;
        let mut documents = 0;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents == 2 {
                        self.findings
                            .add(
                                Code::DocumentCount,
                                &span,
                                "another document begins here, and a flow is one document",
                            )
                            .help("put each flow into a file of its own");
                    }
                    let (event, span) = self.next()?;
                    let tree = self.value(event, span, 0)?;
                    first.get_or_insert(tree);
                }
                _ => {}
            }
        }
        if first.is_none() {
            self.findings
                .add(Code::DocumentCount, &(0..0), "there is no document here");
        }
        Ok(first)
    }

    fn value(&mut self, event: Event<'a>, span: Range<usize>, depth: usize) -> Result<Tree, Stop> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Stop::TooMuch(
                span,
                format!("the document has more than {MAX_VALUES} values"),
            ));
        }
        if depth > MAX_DEPTH {
            return Err(Stop::TooMuch(
                span,
                format!("the document nests deeper than {MAX_DEPTH} levels"),
            ));
        }
        self.refuse_anchor(&event, &span);
        match event {
            Event::Scalar(text, style, ..) => Ok(scalar(&text, style, span)),
            Event::SequenceStart(..) => self.list(span, depth),
            Event::MappingStart(..) => self.map(span, depth),
            // An alias, which is refused.
            _ => Ok(scalar("", ScalarStyle::Plain, span)),
        }
    }

    fn list(&mut self, start: Range<usize>, depth: usize) -> Result<Tree, Stop> {
        let mut elements = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd || event == Event::StreamEnd {
                return Ok(Tree {
                    span: start.start..span.end.max(start.end),
                    content: Content::List(elements),
                });
            }
            elements.push(self.value(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, start: Range<usize>, depth: usize) -> Result<Tree, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut keys = HashSet::new();
        loop {
            let (event, key_span) = self.next()?;
            if event == Event::MappingEnd || event == Event::StreamEnd {
                return Ok(Tree {
                    span: start.start..key_span.end.max(start.end),
                    content: Content::Map(entries),
                });
            }
            let key = self.value(event, key_span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.value(event, span, depth + 1)?;
            let Some(scalar) = key.as_scalar() else {
                self.findings.add(
                    Code::BadKey,
                    &key.span,
                    "a key is text here, and this one is not",
                );
                continue;
            };
            if !keys.insert(scalar.text.clone()) {
                let message = format!("the key `{}` is here twice", quoted(&scalar.text));
                self.findings
                    .add(Code::DuplicateKey, &key.span, message)
                    .help("remove one of the two");
                continue;
            }
            entries.push(Entry {
                key: scalar.text.clone(),
                key_span: key.span.clone(),
                value,
            });
        }
    }

    fn refuse_anchor(&mut self, event: &Event<'_>, span: &Range<usize>) {
        let word = match event {
            Event::Alias(_) | Event::UnresolvedAlias(_) => "an alias",
            _ if event.anchor_id().is_some_and(|id| id != 0) => "an anchor",
            _ => return,
        };
        self.findings
            .add(
                Code::Anchor,
                span,
                format!("{word} of YAML is not read here"),
            )
            .help("write the value out where it is used");
    }

    fn refuse_tag(&mut self, event: &Event<'_>, span: &Span) {
        let Some(tag) = event.tag() else { return };
        let place = span
            .tag_span()
            .and_then(|tag| tag.byte_range())
            .unwrap_or_else(|| self.bytes(span));
        self.findings
            .add(
                Code::Tag,
                &place,
                format!("the tag `{}` is not read here", quoted(&tag.original())),
            )
            .help("leave it out; quotes make a value text");
    }
}

fn scalar(text: &str, style: ScalarStyle, span: Range<usize>) -> Tree {
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    };
    // The parser writes `~` for a value that is not there.
    let text = if style == Style::Plain && span.is_empty() {
        ""
    } else {
        text
    };
    let value = match style {
        Style::Plain => resolve(text),
        _ => Ok(Json::String(text.to_owned())),
    };
    Tree {
        span,
        content: Content::Scalar(Scalar {
            text: text.into(),
            style,
            value,
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tree(text: &str) -> (Source, Tree) {
        let source = Source::new("test", text);
        let mut findings = Findings::default();
        let tree = read(&source, &mut findings).expect("a tree");
        assert_eq!(findings.len(), 0, "{findings:?}");
        (source, tree)
    }

    fn codes(text: &str) -> Vec<Code> {
        let source = Source::new("test", text);
        let mut findings = Findings::default();
        read(&source, &mut findings);
        let faults = findings.into_faults(&source);
        faults.iter().map(|fault| fault.code).collect()
    }

    #[test]
    fn yaml_and_json_become_the_same_values() {
        let (_, yaml) = tree("a: [1, 'x']\nb:\n  c: |\n    one\n    two\n  d: 0x10\n");
        let (_, json) = tree(r#"{"a": [1, "x"], "b": {"c": "one\ntwo\n", "d": 16}}"#);
        let values = yaml.to_json(&mut |_, _| {});
        assert_eq!(
            values,
            json!({"a": [1, "x"], "b": {"c": "one\ntwo\n", "d": 16}})
        );
        assert_eq!(values, json.to_json(&mut |_, _| {}));
    }

    #[test]
    fn every_value_knows_its_place() {
        let (source, tree) = tree("诗: 春\nlist:\n  - a b\n  - \"q\"\n");
        let slice = |tree: &Tree| source.text[tree.span.clone()].to_owned();
        assert_eq!(slice(tree.at_pointer("/诗").0), "春");
        assert_eq!(slice(tree.at_pointer("/list/0").0), "a b");
        assert_eq!(slice(tree.at_pointer("/list/1").0), "\"q\"");
        assert_eq!(slice(tree.at_pointer("/list/1/deeper").0), "\"q\"");
    }

    #[test]
    fn a_part_of_a_scalar_has_a_place() {
        let text = "plain: abc def\nq: 'abc def'\nesc: \"a\\tdef\"\nblock: |  # why\n    first\n    x def y\n\n    def\nfold: >-\n    x\n    def\nin: {z: |\n  def\n  }\n";
        let text = text.split("in: {z").next().expect("a part");
        let (source, tree) = tree(text);
        let at = |key: &str, nth: usize| {
            let (value, _) = tree.at_pointer(&format!("/{key}"));
            let text = &value.as_scalar().expect("a scalar").text;
            let (start, _) = text.match_indices("def").nth(nth).expect("it is there");
            source.text[value.place_within(&source, &(start..start + 3))].to_owned()
        };
        assert_eq!(at("plain", 0), "def");
        assert_eq!(at("q", 0), "def");
        assert_eq!(at("block", 0), "def");
        assert_eq!(at("block", 1), "def");
        assert_eq!(at("esc", 0), "\"a\\tdef\"");
        assert!(at("fold", 0).contains("def"));
    }

    #[test]
    fn what_flows_do_not_use_is_refused_all_at_once() {
        assert_eq!(
            codes("a: &x 1\nb: *x\nc: !!str 2\na: 3\n? [k]\n: 4\n---\nd: 5\n"),
            [
                Code::Anchor,
                Code::Anchor,
                Code::Tag,
                Code::DuplicateKey,
                Code::BadKey,
                Code::DocumentCount
            ]
        );
        assert_eq!(codes(""), [Code::DocumentCount]);
        assert_eq!(codes("# only this\n"), [Code::DocumentCount]);
    }

    #[test]
    fn what_is_too_much_is_refused() {
        for text in [
            "x".repeat(MAX_DOCUMENT_BYTES + 1),
            format!("[{}]", "1,".repeat(MAX_VALUES)),
        ] {
            assert_eq!(codes(&text), [Code::DocumentTooLarge]);
        }
        for text in [
            "[".repeat(1 << 20),
            "{a: ".repeat(1 << 18),
            "- ".repeat(1 << 19),
            "? ".repeat(1 << 19),
        ] {
            assert_eq!(codes(&text).len(), 1);
        }
    }

    #[test]
    fn what_is_not_yaml_says_where() {
        let source = Source::new("test", "a: 1\nb: [1, 2\nc: 3\n");
        let mut findings = Findings::default();
        assert!(read(&source, &mut findings).is_none());
        let faults = findings.into_faults(&source);
        let fault = faults.iter().next().expect("one");
        assert_eq!(fault.code, Code::NotYaml);
        assert!(
            fault.place.is_some_and(|place| place.line >= 2),
            "{fault:?}"
        );
    }
}
