//! What a node of a case does beside its work, as its configuration (`with`) says.

use std::time::Duration;

use lockgate_model::{CallError, Exhausted, Failure, FailureKind, HostFault, Json, Limit, Trap};
use serde::Deserialize;
use serde_json::Value as Tree;

/// A node's script. `tests/cases/README.md` has the same as a table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Script {
    /// How long it sleeps before its work, by attempt; the last holds for all that follow.
    ms: Vec<u64>,
    /// Lines that it logs when it wakes.
    pub(crate) log: Vec<String>,
    /// How it fails, by attempt. Those that follow do not fail.
    fails: Vec<Fails>,
    /// How every attempt fails.
    fail: Option<Fails>,
    /// It fails after its work, and so after its parts.
    pub(crate) late: bool,
    /// It fails only where an input holds this text.
    on: Option<String>,
    /// What its receipt says of fuel.
    pub(crate) fuel: u64,
    /// How many places a call takes.
    places: u32,
    /// What it gives in parts.
    pub(crate) parts: Vec<Tree>,
    /// How many times over it gives them.
    times: Option<usize>,
    /// What each text part is filled up to.
    pub(crate) bytes: usize,
    /// How long it sleeps before each part that it sends, or after each that it reads.
    pause_ms: u64,
    /// After how many parts it stops to read.
    pub(crate) take: Option<usize>,
    /// How many elements of a batch it loses.
    pub(crate) lose: usize,
    /// It gives none of its optional outputs.
    pub(crate) silent: bool,
}

/// How a call fails: a kind, or more about it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Fails {
    Kind(String),
    #[serde(rename_all = "snake_case")]
    More {
        kind: String,
        message: Option<String>,
        detail: Option<Tree>,
        retry_after_ms: Option<u64>,
    },
}

impl Script {
    /// Reads a configuration.
    pub(crate) fn read(config: &Json) -> Result<Self, serde_json::Error> {
        match config.to_tree() {
            Tree::Null => Ok(Self::default()),
            tree => serde_json::from_value(tree),
        }
    }

    pub(crate) fn places(&self) -> u32 {
        self.places.max(1)
    }

    /// How long an attempt sleeps before its work.
    pub(crate) fn sleep(&self, attempt: u32) -> Duration {
        let ms = self.ms.get(attempt as usize - 1).or(self.ms.last());
        Duration::from_millis(ms.copied().unwrap_or(0))
    }

    pub(crate) fn pause(&self) -> Duration {
        Duration::from_millis(self.pause_ms)
    }

    /// All parts that it gives.
    pub(crate) fn all_parts(&self) -> impl Iterator<Item = &Tree> {
        let all = self.parts.len() * self.times.unwrap_or(1);
        self.parts.iter().cycle().take(all)
    }

    /// How an attempt with these inputs, as texts, fails, if it does.
    pub(crate) fn failure(&self, attempt: u32, inputs: &[String]) -> Option<CallError> {
        let spared = |text: &String| !inputs.iter().any(|input| input.contains(text));
        if self.on.as_ref().is_some_and(spared) {
            return None;
        }
        let fails = self.fails.get(attempt as usize - 1).or(self.fail.as_ref());
        fails.map(Fails::error)
    }
}

impl Fails {
    fn error(&self) -> CallError {
        let exhausted = |limit, allowed| {
            CallError::from(Exhausted {
                limit,
                allowed,
                backtrace: Vec::new(),
            })
        };
        let (kind, message, detail, retry_after_ms) = match self {
            Self::Kind(kind) => (kind, &None, &None, None),
            Self::More {
                kind,
                message,
                detail,
                retry_after_ms,
            } => (kind, message, detail, *retry_after_ms),
        };
        let kind = match kind.as_str() {
            "trap" => {
                let (reason, backtrace) = ("unreachable".to_owned(), Vec::new());
                return Trap { reason, backtrace }.into();
            }
            "host" => return HostFault::new("a disk is full").into(),
            "out-of-fuel" => return exhausted(Limit::Fuel, 1_000),
            "out-of-memory" => return exhausted(Limit::Memory, 65_536),
            "invalid-input" => FailureKind::InvalidInput,
            "rejected" => FailureKind::Rejected,
            "upstream" => FailureKind::Upstream,
            "rate-limited" => FailureKind::RateLimited,
            "denied" => FailureKind::Denied,
            other => {
                assert_eq!(other, "internal", "a kind of failure");
                FailureKind::Internal
            }
        };
        let message = message.clone().unwrap_or_else(|| "it cannot".to_owned());
        CallError::Failed(Failure {
            kind,
            message,
            detail: detail.as_ref().map(Json::from),
            retry_after_ms,
        })
    }
}
