//! Sends the smallest JSON document there is, for ever.

use lockgate_test_guests::{Answer, Call, Hostile, Value, guest, streaming};

struct PartFlood;

impl Hostile for PartFlood {
    fn run(_: Call) -> Answer {
        let part = Value::Json("1".to_owned());
        while streaming::emit("parts", &part) {}
        Ok(Vec::new())
    }
}

guest!(PartFlood);
