//! Says JSON and gives none.

use lockgate_test_guests::{Answer, Call, Hostile, Value, guest, output};

struct NotJson;

impl Hostile for NotJson {
    fn run(_: Call) -> Answer {
        output("json", Value::Json("{\"a\": 1,}".to_owned()))
    }
}

guest!(NotJson);
