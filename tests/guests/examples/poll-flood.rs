//! Polls one timer a million times in one call.

use lockgate_test_guests::wasi::clocks::monotonic_clock::subscribe_duration;
use lockgate_test_guests::wasi::io::poll::poll;
use lockgate_test_guests::{Answer, Call, Hostile, guest};

struct PollFlood;

impl Hostile for PollFlood {
    fn run(_: Call) -> Answer {
        let timer = subscribe_duration(0);
        let timers = vec![&timer; 1 << 20];
        loop {
            std::hint::black_box(poll(&timers));
        }
    }
}

guest!(PollFlood);
