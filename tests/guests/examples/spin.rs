//! Never comes back.

use lockgate_test_guests::{Answer, Call, Hostile, guest};

struct Spin;

impl Hostile for Spin {
    fn run(_: Call) -> Answer {
        loop {
            std::hint::spin_loop();
        }
    }
}

guest!(Spin);
