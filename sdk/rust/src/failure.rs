//! What a node answers when it does not give its outputs.

use std::time::Duration;

use serde::Serialize;

pub use crate::bindings::lockgate::node::types::{Failure, FailureKind};

/// What can fail in a node.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// The message is for people: it says what is wrong, where, and what to do. It holds no secrets.
impl Failure {
    /// An input or the configuration is unusable, and another attempt cannot help.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(FailureKind::InvalidInput, message)
    }

    /// A validator says no; the message is the reason.
    pub fn rejected(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Rejected, message)
    }

    /// A service answered with an error or not at all. A flow may try again.
    pub fn upstream(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Upstream, message)
    }

    /// A service asks for fewer requests. [`Failure::retry_after`] says for how long.
    pub fn rate_limited(message: impl Into<String>) -> Self {
        Self::new(FailureKind::RateLimited, message)
    }

    /// The host refused what the node asked for.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Denied, message)
    }

    /// The node itself is at fault.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Internal, message)
    }

    /// A failure of this kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            detail: None,
            retry_after_ms: None,
        }
    }

    /// Adds what programs can use: a JSON document in place of an earlier one. What cannot be JSON is left out, because
    /// a failure is to be told and not to fail.
    #[must_use]
    pub fn detail(mut self, detail: &impl Serialize) -> Self {
        self.detail = serde_json::to_string(detail).ok();
        self
    }

    /// Says where in the configuration the fault is: a JSON pointer (RFC 6901), such as `/template`.
    #[must_use]
    pub fn at(self, pointer: &str) -> Self {
        self.detail(&serde_json::json!({ "path": pointer }))
    }

    /// Says where in the configuration the fault is: a JSON pointer to a text, and a place within that text. Lines and
    /// columns count from 1, columns in characters.
    #[must_use]
    pub fn at_line(self, pointer: &str, line: usize, column: usize) -> Self {
        self.detail(&serde_json::json!({ "path": pointer, "line": line, "column": column }))
    }

    /// Says how long the service asks to be left alone.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_where() {
        let failure = Failure::invalid_input("no").at_line("/a~1b", 2, 7);
        assert_eq!(failure.kind, FailureKind::InvalidInput);
        assert_eq!(
            failure.detail.as_deref(),
            Some(r#"{"column":7,"line":2,"path":"/a~1b"}"#)
        );
        assert_eq!(failure.at("/x").detail.as_deref(), Some(r#"{"path":"/x"}"#));
    }

    #[test]
    fn a_detail_that_is_no_json_is_left_out() {
        let no_json = std::collections::HashMap::from([((1, 2), 3)]);
        assert_eq!(Failure::internal("no").detail(&no_json).detail, None);
    }

    #[test]
    fn a_wait_is_in_milliseconds() {
        let failure = Failure::rate_limited("slower").retry_after(Duration::from_secs(2));
        assert_eq!(failure.retry_after_ms, Some(2000));
        assert_eq!(
            failure.retry_after(Duration::MAX).retry_after_ms,
            Some(u64::MAX)
        );
    }
}
