//! Gives a document that is nested a million deep.

use lockgate_test_guests::{Answer, Call, Hostile, Value, guest, output};

struct DeepJson;

impl Hostile for DeepJson {
    fn run(_: Call) -> Answer {
        output(
            "json",
            Value::Json("[".repeat(1 << 20) + &"]".repeat(1 << 20)),
        )
    }
}

guest!(DeepJson);
