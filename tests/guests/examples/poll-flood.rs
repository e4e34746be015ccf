//! Polls one timer 65,536 times in one call, for ever.

use lockgate_test_guests::wasi::clocks::monotonic_clock::subscribe_duration;
use lockgate_test_guests::wasi::io::poll::poll;
use lockgate_test_guests::{Answer, Call, Hostile, guest};

struct PollFlood;

impl Hostile for PollFlood {
    fn run(_: Call) -> Answer {
        let timer = subscribe_duration(0);
        let timers = vec![&timer; 1 << 16];
        loop {
            std::hint::black_box(poll(&timers));
        }
    }
}

guest!(PollFlood);
