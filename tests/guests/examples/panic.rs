//! Panics in a function that has a name.

use lockgate_test_guests::{Answer, Call, Hostile, guest};

struct Panic;

impl Hostile for Panic {
    fn run(call: Call) -> Answer {
        first_of_none(&call.inputs);
        Ok(Vec::new())
    }
}

#[inline(never)]
fn first_of_none<T>(list: &[T]) {
    std::hint::black_box(list.first().expect("there is none"));
}

guest!(Panic);
