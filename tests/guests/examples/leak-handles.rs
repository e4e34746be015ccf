//! Makes timers and never drops one.

use lockgate_test_guests::wasi::clocks::monotonic_clock::subscribe_duration;
use lockgate_test_guests::{Answer, Call, Hostile, guest};

struct LeakHandles;

impl Hostile for LeakHandles {
    fn run(_: Call) -> Answer {
        loop {
            std::mem::forget(subscribe_duration(1));
        }
    }
}

guest!(LeakHandles);
