//! Gives 40 MiB.

use lockgate_test_guests::{Answer, Call, Hostile, guest, text};

struct HugeOutput;

impl Hostile for HugeOutput {
    fn run(_: Call) -> Answer {
        text("x".repeat(40 << 20))
    }
}

guest!(HugeOutput);
