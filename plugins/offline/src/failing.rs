//! Failures on purpose, as services have them: what a flow's `retry` and `on_failure` are tried out with.

use std::time::Duration;

use lockgate_sdk::FailureKind;
use lockgate_sdk::prelude::*;

/// How calls fail on purpose.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fail {
    /// `upstream`: the service answers with an error. `rate-limited`: it asks for fewer requests.
    kind: Kind,
    /// The first attempt that does not fail. Without it all of them do.
    #[schemars(range(min = 1))]
    until_attempt: Option<u32>,
    /// How many tokens are made before the failure, as when a connection breaks in the middle of an answer. An answer that
    /// is shorter fails at its end.
    #[serde(default)]
    after_tokens: u32,
    /// How many milliseconds the flow is asked to wait. 100 where `kind` is `rate-limited`, else nothing is asked.
    #[schemars(range(max = MAX_WAIT_MS))]
    retry_after_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Upstream,
    RateLimited,
}

/// A minute: who tries out a flow should not wait for longer.
const MAX_WAIT_MS: u64 = 60_000;
const DEFAULT_WAIT_MS: u64 = 100;

impl Fail {
    /// Refuses what the schema refuses.
    pub(crate) fn check(&self) -> Result<()> {
        if self.until_attempt == Some(0) {
            let message = "the first attempt is 1";
            return Err(Failure::invalid_input(message).at("/fail/until_attempt"));
        }
        if self.retry_after_ms.is_some_and(|wait| wait > MAX_WAIT_MS) {
            let message = format!("a wait is at most {MAX_WAIT_MS} milliseconds");
            return Err(Failure::invalid_input(message).at("/fail/retry_after_ms"));
        }
        Ok(())
    }

    /// The failure of this attempt, if it fails now that so many tokens are made.
    pub(crate) fn due(&self, attempt: u32, made_tokens: u32) -> Result<()> {
        let fails = self.until_attempt.is_none_or(|first| attempt < first);
        if !fails || made_tokens < self.after_tokens {
            return Ok(());
        }
        let (kind, did, wait) = match self.kind {
            Kind::Upstream => (FailureKind::Upstream, "answered with an error", None),
            Kind::RateLimited => (
                FailureKind::RateLimited,
                "asked for fewer requests",
                Some(DEFAULT_WAIT_MS),
            ),
        };
        let until = match self.until_attempt {
            Some(first) => format!("until attempt {first}"),
            None => "always".to_owned(),
        };
        let failure = Failure::new(
            kind,
            format!(
                "the model {did} on purpose: `fail` in its configuration says so, {until}; this is attempt {attempt}"
            ),
        );
        Err(match self.retry_after_ms.or(wait) {
            Some(wait) => failure.retry_after(Duration::from_millis(wait)),
            None => failure,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(config: serde_json::Value) -> Fail {
        serde_json::from_value(config).expect("a configuration")
    }

    #[test]
    fn attempts_fail_until_one_does_not() {
        let fail = fail(serde_json::json!({ "kind": "upstream", "until_attempt": 3 }));
        let failure = fail.due(2, 0).expect_err("the second attempt");
        assert_eq!(failure.kind, FailureKind::Upstream);
        assert_eq!(failure.retry_after_ms, None);
        assert_eq!(
            failure.message,
            "the model answered with an error on purpose: `fail` in its configuration says so, until attempt 3; this is attempt 2"
        );
        assert_eq!(fail.due(3, u32::MAX), Ok(()));
    }

    #[test]
    fn without_a_last_one_all_of_them_do() {
        let fail = fail(serde_json::json!({ "kind": "rate-limited" }));
        let failure = fail.due(u32::MAX, 0).expect_err("any attempt");
        assert_eq!(failure.kind, FailureKind::RateLimited);
        assert_eq!(failure.retry_after_ms, Some(DEFAULT_WAIT_MS));
        assert!(failure.message.contains("says so, always;"), "{failure:?}");
    }

    #[test]
    fn a_service_may_ask_for_a_wait_whatever_it_fails_with() {
        let fail = fail(serde_json::json!({ "kind": "upstream", "retry_after_ms": 7 }));
        let failure = fail.due(1, 0).expect_err("any attempt");
        assert_eq!(failure.retry_after_ms, Some(7));
    }

    #[test]
    fn a_connection_breaks_in_the_middle() {
        let fail = fail(serde_json::json!({ "kind": "upstream", "after_tokens": 2 }));
        assert_eq!(fail.due(1, 1), Ok(()));
        assert!(fail.due(1, 2).is_err());
    }
}
