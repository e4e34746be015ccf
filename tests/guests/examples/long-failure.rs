//! Fails with 2 MiB of message and as much of detail that is no JSON.

use lockgate_test_guests::{Answer, Call, Failure, FailureKind, Hostile, guest};

struct LongFailure;

impl Hostile for LongFailure {
    fn run(_: Call) -> Answer {
        Err(Failure {
            kind: FailureKind::Rejected,
            message: "é".repeat(1 << 20),
            detail: Some("{".repeat(2 << 20)),
            retry_after_ms: Some(u64::MAX),
        })
    }
}

guest!(LongFailure);
