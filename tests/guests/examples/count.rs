//! Counts its calls in a global and in its memory, or tries to.

use std::sync::atomic::{AtomicU32, Ordering};

use lockgate_test_guests::{Answer, Call, Hostile, guest, text};

struct Count;

static CALLS: AtomicU32 = AtomicU32::new(0);

impl Hostile for Count {
    fn run(_: Call) -> Answer {
        text((CALLS.fetch_add(1, Ordering::Relaxed) + 1).to_string())
    }
}

guest!(Count);
