//! Gives an output that it did not declare, with a name to break terminals.

use lockgate_test_guests::{Answer, Call, Hostile, Value, guest, output};

struct Undeclared;

impl Hostile for Undeclared {
    fn run(_: Call) -> Answer {
        output(&"\u{1b}[31m".repeat(1 << 20), Value::Text(String::new()))
    }
}

guest!(Undeclared);
