//! Fills megabytes in a loop: one instruction, much work.

use lockgate_test_guests::{Answer, Call, Hostile, guest};

struct Fill;

impl Hostile for Fill {
    fn run(_: Call) -> Answer {
        let mut bytes = vec![0_u8; 60 << 20];
        for byte in (0..=u8::MAX).cycle() {
            std::hint::black_box(&mut bytes).fill(byte);
        }
        Ok(Vec::new())
    }
}

guest!(Fill);
