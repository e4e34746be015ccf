//! Sends parts of two kinds on one output.

use lockgate_test_guests::{Answer, Call, Hostile, Value, guest, streaming};

struct MixedParts;

impl Hostile for MixedParts {
    fn run(_: Call) -> Answer {
        streaming::emit("parts", &Value::Text("part".to_owned()));
        streaming::emit("parts", &Value::Json("1".to_owned()));
        Ok(Vec::new())
    }
}

guest!(MixedParts);
