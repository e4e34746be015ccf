//! Reads its input to the end, if it has one.

use lockgate_test_guests::{Answer, Call, Hostile, guest, streaming, text};

struct Wait;

impl Hostile for Wait {
    fn run(_: Call) -> Answer {
        let mut count = 0;
        loop {
            match streaming::next("parts")?.len() {
                0 => return text(count.to_string()),
                more => count += more,
            }
        }
    }
}

guest!(Wait);
