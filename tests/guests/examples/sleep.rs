//! Sleeps until the end of time.

use lockgate_test_guests::wasi::clocks::monotonic_clock::subscribe_duration;
use lockgate_test_guests::{Answer, Call, Hostile, guest};

struct Sleep;

impl Hostile for Sleep {
    fn run(_: Call) -> Answer {
        subscribe_duration(u64::MAX).block();
        Ok(Vec::new())
    }
}

guest!(Sleep);
