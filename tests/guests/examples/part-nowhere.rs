//! Sends a part on an output that does not stream.

use lockgate_test_guests::{Answer, Call, Hostile, Value, guest, streaming};

struct PartNowhere;

impl Hostile for PartNowhere {
    fn run(_: Call) -> Answer {
        streaming::emit("text", &Value::Text("part".to_owned()));
        Ok(Vec::new())
    }
}

guest!(PartNowhere);
