//! Takes memory and never gives it back.

use lockgate_test_guests::{Answer, Call, Hostile, guest};

struct Hoard;

impl Hostile for Hoard {
    fn run(_: Call) -> Answer {
        loop {
            std::hint::black_box(Vec::<u8>::with_capacity(1 << 20)).leak();
        }
    }
}

guest!(Hoard);
