//! Which requests may get around a flow's own way, whoever makes them.

use crate::excerpt::quoted;
use crate::fault::{Code, Findings};
use crate::read::Tree;

/// What a request to run a flow can ask for that gets around the flow's own way: around a validator, say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Detour {
    /// Values for variables.
    Vars,
    /// Outputs that are given instead of computed.
    Pinned,
    /// An end before the end.
    Until,
    /// A run again from a node on, with what other nodes gave before.
    Rerun,
}

impl Detour {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Vars, Self::Pinned, Self::Until, Self::Rerun];

    /// As a flow writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Vars => "vars",
            Self::Pinned => "pinned",
            Self::Until => "until",
            Self::Rerun => "rerun",
        }
    }
}

/// The detours that a flow leaves open to whoever may run it. The others need the right to deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overridable(u8);

impl Overridable {
    /// Whether the flow leaves this one open.
    pub fn has(self, detour: Detour) -> bool {
        self.0 & bit(detour) != 0
    }

    /// Those that it leaves open.
    pub fn iter(self) -> impl Iterator<Item = Detour> {
        let all = Detour::ALL.into_iter();
        all.filter(move |detour| self.has(*detour))
    }

    pub(crate) fn without(self, detour: Detour) -> Self {
        Self(self.0 & !bit(detour))
    }

    fn with(self, detour: Detour) -> Self {
        Self(self.0 | bit(detour))
    }
}

fn bit(detour: Detour) -> u8 {
    1 << detour as u8
}

/// What a flow writes, for who wrote something else.
const EXAMPLE: &str = "for example `overridable: [vars, until]`";

/// Reads an `overridable`.
pub(super) fn read(tree: &Tree, findings: &mut Findings) -> Overridable {
    let Some(elements) = tree.as_list() else {
        let message = format!(
            "`overridable` is {}, and has to be a list",
            tree.type_name()
        );
        findings
            .add(Code::WrongType, &tree.span, message)
            .help(EXAMPLE);
        return Overridable::default();
    };
    let mut open = Overridable::default();
    for element in elements {
        let Some(detour) = read_one(element, findings) else {
            continue;
        };
        if open.has(detour) {
            let message = format!("`{}` is there twice", detour.word());
            findings.add(Code::DuplicateName, &element.span, message);
        }
        open = open.with(detour);
    }
    open
}

fn read_one(tree: &Tree, findings: &mut Findings) -> Option<Detour> {
    let Some(text) = tree.as_text() else {
        let message = format!("this is {}, and has to be a word", tree.type_name());
        findings
            .add(Code::WrongType, &tree.span, message)
            .help(EXAMPLE);
        return None;
    };
    let found = Detour::ALL.into_iter().find(|detour| detour.word() == text);
    if found.is_none() {
        let words = || Detour::ALL.into_iter().map(Detour::word);
        let near = findings.did_you_mean(text, words());
        let all: Vec<_> = words().collect();
        let help = near.unwrap_or_else(|| format!("the words here are {}", all.join(", ")));
        let message = format!("`{}` is nothing that can be overridable", quoted(text));
        findings
            .add(Code::BadChoice, &tree.span, message)
            .help(help);
    }
    found
}
