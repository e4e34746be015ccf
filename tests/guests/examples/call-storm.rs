//! Calls the host for ever, each time with as little as possible.

use lockgate_test_guests::log::{Level, log};
use lockgate_test_guests::{Answer, Call, Hostile, guest};

struct CallStorm;

impl Hostile for CallStorm {
    fn run(_: Call) -> Answer {
        loop {
            log(Level::Trace, "");
        }
    }
}

guest!(CallStorm);
