//! Which failures of a node are repeated, how often, and after how long.

use std::time::Duration;

use super::keys::Keys;
use super::quantity;
use crate::excerpt::quoted;
use crate::fault::{Code, Findings};
use crate::read::{Entry, Tree};

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

/// Every kind of failure, by the names that `CallError::kind` gives them.
pub(crate) fn failure_kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().chain(FINAL_KINDS).copied()
}

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
        let help = "the first attempt counts too";
        retry.attempts = quantity::count(entry, ATTEMPTS, help, findings).unwrap_or(USUAL_ATTEMPTS);
    }
    if let Some(entry) = keys.get("backoff") {
        retry.backoff = read_pause(entry, findings).unwrap_or(USUAL_BACKOFF);
        retry.max_backoff = USUAL_MAX_BACKOFF.max(retry.backoff);
    }
    if let Some(entry) = keys.get("max_backoff")
        && let Some(max_backoff) = read_pause(entry, findings)
    {
        retry.max_backoff = max_backoff;
        if max_backoff < retry.backoff {
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
        retry.kinds = read_kinds(&entry.value, findings).unwrap_or_default();
    }
    Some(retry)
}

fn read_pause(entry: &Entry, findings: &mut Findings) -> Option<Duration> {
    let pause = quantity::duration(entry, BACKOFF);
    if pause.is_none() {
        let (least, most) = BACKOFF;
        let message = format!(
            "`{}` is a time from {} to {}, and this is not",
            entry.key,
            quantity::written(least),
            quantity::written(most)
        );
        findings
            .add(Code::BadQuantity, &entry.value.span, message)
            .help("for example `200ms`, `5s` or `2m`");
    }
    pause
}

fn read_kinds(tree: &Tree, findings: &mut Findings) -> Option<Box<[&'static str]>> {
    let Some(elements) = tree.as_list() else {
        let message = format!(
            "`kinds` is {}, and has to be a list of kinds of failure",
            tree.type_name()
        );
        findings
            .add(Code::WrongType, &tree.span, message)
            .help("for example `kinds: [rate-limited, upstream]`");
        return None;
    };
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
    let near = findings.did_you_mean(text, failure_kinds());
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

#[cfg(test)]
mod tests {
    use lockgate_model::{
        Breach, CallError, Exhausted, Failure, FailureKind, HostFault, Limit, Trap,
    };

    use super::*;

    /// A failure of every kind that a call can end with.
    fn every_failure() -> Vec<CallError> {
        use FailureKind::{Denied, Internal, InvalidInput, RateLimited, Rejected, Upstream};
        let own = [
            Denied,
            Internal,
            InvalidInput,
            RateLimited,
            Rejected,
            Upstream,
        ];
        let exhausted = |limit| Exhausted {
            limit,
            allowed: 1,
            backtrace: Vec::new(),
        };
        let mut all: Vec<CallError> = own
            .map(|kind| Failure::new(kind, "no").into())
            .into_iter()
            .chain(Limit::ALL.map(|limit| exhausted(limit).into()))
            .collect();
        all.push(CallError::Trapped(Trap {
            reason: "unreachable".to_owned(),
            backtrace: Vec::new(),
        }));
        all.push(CallError::Breach(Breach::MissingOutput {
            port: "text".to_owned(),
        }));
        all.push(CallError::Host(HostFault::new("no")));
        all
    }

    #[test]
    fn every_kind_of_failure_can_be_repeated_or_never() {
        let failures = every_failure();
        for failure in &failures {
            let kind = failure.kind();
            assert_ne!(KINDS.contains(&kind), FINAL_KINDS.contains(&kind), "{kind}");
        }
        for kind in failure_kinds() {
            assert!(
                failures.iter().any(|failure| failure.kind() == kind),
                "{kind}"
            );
        }
    }

    #[test]
    fn the_usual_kinds_are_those_that_pass() {
        let retry = Retry::default();
        let failures = every_failure();
        let mut repeated: Vec<_> = failures
            .iter()
            .map(CallError::kind)
            .filter(|kind| retry.repeats(kind))
            .collect();
        repeated.sort_unstable();
        assert_eq!(repeated, ["rate-limited", "timeout", "upstream"]);
        assert!(!retry.repeats("nosuch"));
    }

    fn parse(text: &str) -> Result<Retry, usize> {
        let source = crate::source::Source::new("test", text);
        let mut findings = Findings::default();
        let tree = crate::read::read(&source, &mut findings).expect("a tree");
        match read(&tree, &mut findings) {
            Some(retry) if findings.len() == 0 => Ok(retry),
            _ => Err(findings.len()),
        }
    }

    #[test]
    fn what_is_left_out_has_defaults_that_fit() {
        assert_eq!(parse("{}"), Ok(Retry::default()));
        let long = parse("{backoff: 1m}").expect("a long pause");
        assert_eq!(long.max_backoff, Duration::from_secs(60));
        let whole =
            parse("{attempts: 20, backoff: 1ms, max_backoff: 1h, kinds: [trap, limit, trap]}")
                .expect("the bounds");
        assert_eq!(whole.attempts, 20);
        assert_eq!(whole.max_backoff, Duration::from_secs(3600));
        assert!(whole.repeats("trap") && whole.repeats("limit") && !whole.repeats("upstream"));
        // Every fault is found, not only the first.
        assert_eq!(
            parse("{attempts: 1, backoff: 2h, max_backoff: 0ms, kinds: [rejected, x]}"),
            Err(5)
        );
        assert_eq!(parse("3"), Err(1));
    }
}
