//! Writes to the log for ever.

use lockgate_test_guests::log::{Level, log};
use lockgate_test_guests::{Answer, Call, Hostile, guest};

struct LogFlood;

impl Hostile for LogFlood {
    fn run(_: Call) -> Answer {
        loop {
            log(Level::Info, "all work and no play makes Jack a dull boy");
        }
    }
}

guest!(LogFlood);
