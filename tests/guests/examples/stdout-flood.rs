//! Writes to standard output for ever.

use lockgate_test_guests::wasi::cli::stdout::get_stdout;
use lockgate_test_guests::{Answer, Call, Hostile, guest};

struct StdoutFlood;

impl Hostile for StdoutFlood {
    fn run(_: Call) -> Answer {
        let stdout = get_stdout();
        while stdout.write(&[b'y'; 4096]).is_ok() {}
        Ok(Vec::new())
    }
}

guest!(StdoutFlood);
