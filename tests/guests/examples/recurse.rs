//! Calls itself for ever.

use lockgate_test_guests::{Answer, Call, Hostile, guest, text};

struct Recurse;

impl Hostile for Recurse {
    fn run(_: Call) -> Answer {
        text(deeper(0).to_string())
    }
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn deeper(depth: u64) -> u64 {
    let here = std::hint::black_box([depth; 8]);
    deeper(depth + 1) + std::hint::black_box(here)[0]
}

guest!(Recurse);
