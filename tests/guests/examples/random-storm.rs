//! Asks for random bytes for ever.

use lockgate_test_guests::wasi::random::random::get_random_bytes;
use lockgate_test_guests::{Answer, Call, Hostile, guest};

struct RandomStorm;

impl Hostile for RandomStorm {
    fn run(_: Call) -> Answer {
        loop {
            std::hint::black_box(get_random_bytes(64 << 10));
        }
    }
}

guest!(RandomStorm);
