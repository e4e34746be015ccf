//! Sends nothing at all, for ever.

use lockgate_test_guests::{Answer, Call, Hostile, Value, guest, streaming};

struct EmptyPartFlood;

impl Hostile for EmptyPartFlood {
    fn run(_: Call) -> Answer {
        let part = Value::Text(String::new());
        while streaming::emit("parts", &part) {}
        Ok(Vec::new())
    }
}

guest!(EmptyPartFlood);
