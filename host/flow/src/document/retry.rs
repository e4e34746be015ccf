//! Which failures of a node are repeated, how often, and after how long.

use std::time::Duration;

use super::keys::{Keys, list};
use super::quantity;
use crate::excerpt::quoted;
use crate::fault::{Code, Findings};
use crate::read::Tree;

/// The keys of `retry`.
const KEYS: &[&str] = &["attempts", "backoff", "kinds", "max_backoff"];

/// The kinds of failure that a node can be told to repeat, by the names that `CallError::kind` gives them.
const KINDS: &[&str] = &[
    "breach",
    "host",
    "internal",
    "limit",
    "out-of-fuel",
    "out-of-memory",
    "rate-limited",
    "timeout",
    "trap",
    "upstream",
];

/// The kinds that are repeated where an author names none: those that pass by themselves.
const USUAL_KINDS: &[&str] = &["rate-limited", "timeout", "upstream"];

/// The kinds of which another attempt would only say the same.
const FINAL_KINDS: &[&str] = &["denied", "invalid-input", "rejected"];

/// How many attempts there can be, the first one included.
const ATTEMPTS: (u32, u32) = (2, 20);
const USUAL_ATTEMPTS: u32 = 3;

/// How long a pause can be.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(3600));
const USUAL_BACKOFF: Duration = Duration::from_millis(200);
const USUAL_MAX_BACKOFF: Duration = Duration::from_secs(10);

/// What repeats a node's failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retry {
    /// How many attempts there are, the first one included.
    pub(crate) attempts: u32,
    /// The longest pause after the first attempt. It doubles with each further one.
    pub(crate) backoff: Duration,
    /// What it doubles up to; not less than `backoff`.
    pub(crate) max_backoff: Duration,
    /// The kinds of failure that are repeated.
    pub(crate) kinds: Box<[&'static str]>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: USUAL_ATTEMPTS,
            backoff: USUAL_BACKOFF,
            max_backoff: USUAL_MAX_BACKOFF,
            kinds: USUAL_KINDS.into(),
        }
    }
}

impl Retry {
    /// Whether a failure of this kind is repeated.
    pub(crate) fn repeats(&self, kind: &str) -> bool {
        self.kinds.contains(&kind)
    }
}

/// Reads a `retry`.
pub(super) fn read(tree: &Tree, findings: &mut Findings) -> Option<Retry> {
    let shape = "`retry` is a map such as `{ attempts: 4, backoff: 200ms }`";
    let keys = Keys::new(tree, KEYS, findings, shape)?;
    let mut retry = Retry::default();
    if let Some(entry) = keys.get("attempts") {
        retry.attempts = quantity::count(entry, ATTEMPTS, findings)?;
    }
    if let Some(entry) = keys.get("backoff") {
        retry.backoff = quantity::duration(entry, BACKOFF, findings)?;
        retry.max_backoff = retry.max_backoff.max(retry.backoff);
    }
    if let Some(entry) = keys.get("max_backoff") {
        retry.max_backoff = quantity::duration(entry, BACKOFF, findings)?;
        if retry.max_backoff < retry.backoff {
            let message = format!(
                "`max_backoff` is shorter than `backoff`, which is {}",
                quantity::written(retry.backoff)
            );
            findings
                .add(Code::BadQuantity, &entry.value.span, message)
                .help("pauses grow from `backoff` to `max_backoff`");
        }
    }
    if let Some(entry) = keys.get("kinds") {
        retry.kinds = read_kinds(&entry.value, findings)?;
    }
    Some(retry)
}

fn read_kinds(tree: &Tree, findings: &mut Findings) -> Option<Box<[&'static str]>> {
    let elements = list(tree, "kinds", "kinds of failure", findings)?;
    if elements.is_empty() {
        findings
            .add(
                Code::Empty,
                &tree.span,
                "`kinds` is empty, and then nothing is repeated",
            )
            .help(format!(
                "leave it out for {}, or leave out `retry`",
                USUAL_KINDS.join(", ")
            ));
    }
    let kinds = elements.iter().filter_map(|kind| read_kind(kind, findings));
    Some(kinds.collect())
}

fn read_kind(tree: &Tree, findings: &mut Findings) -> Option<&'static str> {
    let text = tree.as_scalar().map_or("", |scalar| &scalar.text);
    if let Some(kind) = KINDS.iter().find(|kind| **kind == text) {
        return Some(kind);
    }
    if FINAL_KINDS.contains(&text) {
        findings
            .add(
                Code::NeverRepeated,
                &tree.span,
                format!("a failure of the kind `{text}` is never repeated"),
            )
            .help("another attempt would fail in the same way; `on_failure: continue` goes on without the node's outputs");
        return None;
    }
    let near = findings.did_you_mean(text, KINDS.iter().chain(FINAL_KINDS).copied());
    let help = near.unwrap_or_else(|| format!("the kinds are {}", KINDS.join(", ")));
    let message = match tree.as_scalar() {
        Some(_) => format!("there is no kind of failure `{}`", quoted(text)),
        None => format!(
            "this is {}, and has to be a kind of failure",
            tree.type_name()
        ),
    };
    findings
        .add(Code::UnknownFailure, &tree.span, message)
        .help(help);
    None
}
