//! What a document says, before it is known which nodes are there.

mod cache;
mod chat;
mod digest;
mod each;
mod expr;
mod keys;
mod label;
mod limits;
mod node;
mod overridable;
mod overrides;
mod quantity;
mod retry;
#[cfg(test)]
mod tests;
mod uses;
mod var;
mod wire;

use std::str::FromStr;
use std::sync::Arc;

use lockgate_model::{FlowOrigin, Ident, InvalidName, Kebab, RESERVED};

use crate::fault::{Code, Faults, Findings};
use crate::read::{self, Tree};
use crate::schema::InputSchema;
use crate::source::Source;

pub(crate) use cache::CacheRule;
pub(crate) use chat::Chat;
pub(crate) use expr::Expr;
pub(crate) use keys::{Keys, literal, text};
pub(crate) use node::{NodeEntry, OnFailure};
pub use overridable::{Detour, Overridable};
pub use overrides::{InvalidOverride, Override};
pub(crate) use quantity::{written, written_size};
pub(crate) use retry::{Retry, failure_kinds};
pub use uses::Uses;
pub(crate) use var::Var;
pub(crate) use wire::Wire;

/// The version of the format that this host knows.
const FORMAT: u64 = 1;

/// The keys of a flow.
const KEYS: &[&str] = &[
    "chat",
    "description",
    "flow",
    "format",
    "input",
    "labels",
    "nodes",
    "output",
    "overridable",
    "ui",
    "vars",
];

/// A document that was read. What is wrong with it is kept until it is planned, so that it is reported together with
/// what only the nodes know.
#[derive(Debug)]
pub struct FlowDocument {
    pub(crate) source: Source,
    pub(crate) findings: Findings,
    pub(crate) name: Option<Kebab>,
    pub(crate) origin: Option<FlowOrigin>,
    description: Option<String>,
    pub(crate) input: Option<Arc<InputSchema>>,
    /// The variables that expressions read, each once, with their defaults.
    pub(crate) vars: Vec<Var>,
    /// What a run is filed under. They refer to `input` and `vars` only.
    pub(crate) labels: Vec<Wire>,
    pub(crate) chat: Option<Chat>,
    overridable: Overridable,
    digest: [u8; 32],
    pub(crate) nodes: Vec<NodeEntry>,
    pub(crate) outputs: Vec<Wire>,
}

impl FlowDocument {
    /// Reads a YAML or JSON document. `name` is what messages call it: its file's name, say.
    ///
    /// # Errors
    ///
    /// Where the text is no document at all. Everything else that is wrong is reported by [`crate::plan`].
    pub fn parse(name: &str, text: &str) -> Result<Self, Faults> {
        let source = Source::new(name, text);
        let mut findings = Findings::default();
        let Some(tree) = read::read(&source, &mut findings) else {
            return Err(findings.into_faults(&source));
        };
        let mut document = Self {
            source,
            findings,
            name: None,
            origin: None,
            description: None,
            input: None,
            vars: Vec::new(),
            labels: Vec::new(),
            chat: None,
            overridable: Overridable::default(),
            digest: digest::of(&tree),
            nodes: Vec::new(),
            outputs: Vec::new(),
        };
        document.read(&tree);
        Ok(document)
    }

    /// Says where the document is kept: its runs are counted under that.
    #[must_use]
    pub fn kept_as(mut self, project: Kebab, version: u32) -> Self {
        self.origin = Some(FlowOrigin { project, version });
        self
    }

    /// The flow's name, where it has a valid one.
    pub fn name(&self) -> Option<&Kebab> {
        self.name.as_ref()
    }

    /// What the flow is for, in its author's words. Escape it before a terminal or a page shows it.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Its text, as it was read.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// SHA-256 over what it means: how it is written does not count, and neither does the editor's `ui`. The order of
    /// keys counts for `nodes`, `in` and `output`, where it means something.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Each node that has a name and says what it runs, and what that is: a plugin's node or another flow. What cannot be
    /// read is left out here, and a fault once the document is planned.
    pub fn uses(&self) -> impl Iterator<Item = (&Ident, &Uses)> {
        let nodes = self.nodes.iter();
        nodes.filter_map(|node| Some((node.name.as_ref()?, node.uses.as_ref()?)))
    }

    /// What a request may ask for without the right to deploy, as far as this flow alone is concerned:
    /// [`crate::Plan::overridable`] knows what the flows that it runs say to that.
    pub fn overridable(&self) -> Overridable {
        self.overridable
    }

    fn read(&mut self, tree: &Tree) {
        let findings = &mut self.findings;
        let what = "the document is a map with the keys `flow`, `nodes` and `output`";
        let Some(keys) = Keys::new(tree, KEYS, findings, what) else {
            return;
        };
        if let Some(entry) = keys.get("format") {
            check_format(&entry.value, findings);
        }
        if let Some(entry) = keys.require("flow", tree, findings) {
            self.name = parse_name(&entry.value, findings, "flow");
        }
        if let Some(entry) = keys.get("description") {
            self.description = keys::text(&entry.value, findings, "description").map(str::to_owned);
        }
        if let Some(entry) = keys.get("input") {
            self.input = InputSchema::read(&entry.value, findings).map(Arc::new);
        }
        if let Some(entry) = keys.get("vars") {
            self.vars = var::read_all(&entry.value, findings);
        }
        if let Some(entry) = keys.get("labels") {
            self.labels = label::read_all(&entry.value, &self.source, findings);
        }
        if let Some(entry) = keys.get("overridable") {
            self.overridable = overridable::read(&entry.value, findings);
        }
        if let Some(entry) = keys.require("nodes", tree, findings) {
            self.nodes = node::read_all(&entry.value, &self.source, findings);
        }
        if let Some(entry) = keys.require("output", tree, findings) {
            let value = &entry.value;
            self.outputs = wire::read_all(value, "output", &self.source, findings);
            if value.as_map().is_some_and(<[_]>::is_empty) {
                findings
                    .add(
                        Code::Empty,
                        &value.span,
                        "`output` is empty, and a flow gives something",
                    )
                    .help("for example `output: { answer: name_of_a_node.name_of_its_output }`");
            }
        }
        if let Some(entry) = keys.get("chat") {
            self.chat = chat::read(&entry.value, findings);
        }
        if let Some(chat) = &self.chat {
            chat.check(self.input.as_deref(), &self.outputs, findings);
        }
    }
}

fn check_format(value: &Tree, findings: &mut Findings) {
    let version = value
        .as_scalar()
        .and_then(|scalar| scalar.value.as_ref().ok()?.as_u64());
    if version != Some(FORMAT) {
        findings
            .add(
                Code::UnknownFormat,
                &value.span,
                "this host does not know that version of the format",
            )
            .help(format!("write `format: {FORMAT}`, or leave the key out"));
    }
}

/// Reads a name of any kind, or says which rule it breaks.
fn parse_name<N: FromStr<Err = InvalidName>>(
    value: &Tree,
    findings: &mut Findings,
    key: &str,
) -> Option<N> {
    let text = keys::text(value, findings, key)?;
    match text.parse() {
        Ok(name) => Some(name),
        Err(invalid) => {
            findings.add(Code::BadName, &value.span, invalid.to_string());
            None
        }
    }
}

/// Reads a key as the name of a node, a port or an output.
fn parse_key(key: &str, span: &std::ops::Range<usize>, findings: &mut Findings) -> Option<Ident> {
    match key.parse::<Ident>() {
        Ok(name) => Some(name),
        Err(invalid) => {
            let advice = (!RESERVED.contains(&key))
                .then(|| suggestion(key))
                .flatten();
            findings
                .add(Code::BadName, span, invalid.to_string())
                .maybe_help(advice);
            None
        }
    }
}

/// A valid name that is like an invalid one.
fn suggestion(key: &str) -> Option<String> {
    let name: String = key.to_lowercase().replace(['-', ' ', '.'], "_");
    name.parse::<Ident>()
        .ok()
        .map(|name| format!("`{name}` would be a name"))
}
