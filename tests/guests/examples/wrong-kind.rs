//! Gives JSON where it declared text.

use lockgate_test_guests::{Answer, Call, Hostile, Value, guest, output};

struct WrongKind;

impl Hostile for WrongKind {
    fn run(_: Call) -> Answer {
        output("text", Value::Json("{}".to_owned()))
    }
}

guest!(WrongKind);
