//! Gives the same output twice.

use lockgate_test_guests::{Answer, Call, Hostile, Value, guest};

struct Twice;

impl Hostile for Twice {
    fn run(_: Call) -> Answer {
        let output = || ("text".to_owned(), Value::Text("again".to_owned()));
        Ok(vec![output(), output()])
    }
}

guest!(Twice);
