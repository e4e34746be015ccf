//! What a document means, in 32 bytes: two documents that say the same have the same digest, however they are written.
//!
//! Comments, quotes, styles, YAML or JSON, and the editor's `ui` do not count. The order of keys counts where it means
//! something: that of `nodes` (which starts first, which pipe is laid first), of a node's `in` (the order in which the node
//! is given its inputs) and of `output` (the order of the ports where the flow is a node). A default that is written out
//! counts, and so does the way in which a size or an expression is spelt. Hosts keep digests: what goes in here stays as it
//! is, or begins with another word than [`BEGIN`].

use sha2::{Digest as _, Sha256};

use crate::read::{Content, Tree};

/// What every digest begins with.
const BEGIN: &[u8] = b"lockgate flow 1";

/// The digest of a document.
pub(super) fn of(tree: &Tree) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(BEGIN);
    add(&mut digest, tree, Form::Flow);
    digest.finalize().into()
}

/// What stands at a place of a document, as far as its digest is concerned.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Flow,
    Nodes,
    Node,
    Retry,
    /// Names and expressions, in an order.
    Wires,
    /// Words, numbers and expressions: what is `5` in one document can be `'5'` in another.
    Words,
    /// Words in no order.
    Set,
    /// Values: `5` is not `'5'`.
    Literal,
}

impl Form {
    /// What stands under a key; None where it means nothing.
    fn under(self, key: &str) -> Option<Self> {
        Some(match (self, key) {
            // There is one version of the format, written out or not.
            (Self::Flow, "format" | "ui") => return None,
            (Self::Flow, "nodes") => Self::Nodes,
            (Self::Flow, "output") => Self::Wires,
            (Self::Flow, "overridable") => Self::Set,
            (Self::Flow, "chat" | "description" | "flow" | "labels") => Self::Words,
            (Self::Nodes, _) => Self::Node,
            (Self::Node, "in") => Self::Wires,
            (Self::Node, "retry") => Self::Retry,
            (Self::Node, "with") => Self::Literal,
            (Self::Retry, "kinds") => Self::Set,
            (Self::Node | Self::Retry | Self::Wires | Self::Words | Self::Set, _) => Self::Words,
            (Self::Flow | Self::Literal, _) => Self::Literal,
        })
    }

    fn is_ordered(self) -> bool {
        matches!(self, Self::Nodes | Self::Wires)
    }
}

/// Adds a value. Each begins with what it is and how long it is, so that no other sequence of values gives the same bytes.
fn add(digest: &mut Sha256, tree: &Tree, form: Form) {
    match &tree.content {
        Content::Map(entries) => {
            let entries = entries.iter();
            let mut entries: Vec<_> = entries
                .filter_map(|entry| Some((entry, form.under(&entry.key)?)))
                .collect();
            if !form.is_ordered() {
                entries.sort_by(|(a, _), (b, _)| a.key.cmp(&b.key));
            }
            begin(digest, b'm', entries.len());
            for (entry, form) in entries {
                bytes(digest, b'k', entry.key.as_bytes());
                add(digest, &entry.value, form);
            }
        }
        Content::List(elements) => {
            begin(digest, b'l', elements.len());
            let mut elements: Vec<_> = elements.iter().collect();
            if form == Form::Set {
                elements.sort_by_key(|element| element.as_scalar().map(|scalar| &scalar.text));
            }
            // The elements of a list that should not be one are words, too.
            let inner = match form {
                Form::Literal => Form::Literal,
                _ => Form::Words,
            };
            elements
                .iter()
                .for_each(|element| add(digest, element, inner));
        }
        Content::Scalar(scalar) => match &scalar.value {
            Ok(value) if form == Form::Literal => match value.as_str() {
                Some(text) => bytes(digest, b't', text.as_bytes()),
                None => bytes(digest, b'v', value.to_string().as_bytes()),
            },
            _ => bytes(digest, b'w', scalar.text.as_bytes()),
        },
    }
}

fn begin(digest: &mut Sha256, tag: u8, length: usize) {
    digest.update([tag]);
    digest.update((length as u64).to_le_bytes());
}

fn bytes(digest: &mut Sha256, tag: u8, bytes: &[u8]) {
    begin(digest, tag, bytes.len());
    digest.update(bytes);
}

#[cfg(test)]
mod tests {
    use crate::FlowDocument;

    const FLOW: &str = "
flow: t
input: { type: object, properties: { a: { type: string }, b: { const: '5' } } }
overridable: [vars, until]
vars: { tone: plain, n: 5 }
nodes:
  a: { use: text/upper, in: { text: input.a, other: '5' }, with: { n: 1, t: '1' }, retry: { kinds: [trap, upstream] } }
  b: { use: text/upper, when: true, in: { text: a.text }, timeout: 5s }
output: { x: a.text, y: b.text }
";

    fn digest(text: &str) -> [u8; 32] {
        let document = FlowDocument::parse("t", text).expect("a document");
        document.digest()
    }

    /// The document with one place of it written otherwise.
    fn with(from: &str, to: &str) -> [u8; 32] {
        assert!(FLOW.contains(from), "{from}");
        digest(&FLOW.replacen(from, to, 1))
    }

    #[test]
    fn how_it_is_written_does_not_count() {
        let plain = digest(FLOW);
        for (from, to) in [
            (
                "flow: t",
                "# a comment\nflow: \"t\"\nformat: 1\nui: { a: [1, 2] }",
            ),
            ("flow: t", "ui: { x: 1 }\nflow: t"),
            ("tone: plain, n: 5", "n: 5, tone: \"plain\""),
            (
                "{ use: text/upper, when: true",
                "{ when: 'true', use: text/upper",
            ),
            ("other: '5'", "other: 5"),
            ("[vars, until]", "[until, vars]"),
            ("[trap, upstream]", "[upstream, trap]"),
            ("{ n: 1, t: '1' }", "{ t: \"1\", n: 1 }"),
            (
                "properties: { a: { type: string }, b: { const: '5' } }",
                "properties: { b: { const: '5' }, a: { type: string } }",
            ),
            (
                "{ x: a.text, y: b.text }",
                "\n  x: |-\n    a.text\n  y: >-\n    b.text",
            ),
            ("{ x: a.text, y: b.text }", "\n  x: a.text\n\n  y:   b.text"),
        ] {
            assert_eq!(with(from, to), plain, "{to}");
        }
        let json = r#"{"nodes": {"a": {"use": "echo/echo", "in": {"value": "input.n"}, "with": {"n": 1}}}, "output": {"x": "a.value"}, "flow": "j"}"#;
        let yaml = "flow: j\nnodes:\n  a:\n    use: echo/echo\n    in:\n      value: input.n\n    with:\n      n: 1\noutput:\n  x: a.value\n";
        assert_eq!(digest(json), digest(yaml));
    }

    #[test]
    fn what_it_says_counts() {
        let plain = digest(FLOW);
        for (from, to) in [
            ("flow: t", "flow: u"),
            ("flow: t", "flow: t\ndescription: x"),
            ("n: 5", "n: '5'"),
            ("n: 5", "n: 5.0"),
            ("const: '5'", "const: 5"),
            ("t: '1'", "t: 1"),
            ("[vars, until]", "[vars]"),
            ("text: input.a, other: '5'", "other: '5', text: input.a"),
            ("{ x: a.text, y: b.text }", "{ y: b.text, x: a.text }"),
            ("timeout: 5s", "timeout: 6s"),
            ("when: true", "when: false"),
            ("text: a.text", "text: a.text + a.text"),
        ] {
            assert_ne!(with(from, to), plain, "{to}");
        }
        let [a, b] = ["a: { use: x/a }", "b: { use: x/b }"];
        let flow = |first, second| {
            format!("flow: t\nnodes:\n  {first}\n  {second}\noutput: {{ x: a.a }}\n")
        };
        assert_ne!(digest(&flow(a, b)), digest(&flow(b, a)));
    }

    #[test]
    fn a_digest_stays_as_it_is() {
        let hex: String = digest(FLOW)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            hex,
            "cf584ea1da4fc67ec4fe3f484db2c6afd2113c10b435b3ff2661328e1d81e6eb"
        );
    }
}
