//! Ends the process, or so it thinks.

use lockgate_test_guests::wasi::cli::exit::exit;
use lockgate_test_guests::{Answer, Call, Hostile, guest};

struct Exit;

impl Hostile for Exit {
    fn run(_: Call) -> Answer {
        exit(Err(()));
        Ok(Vec::new())
    }
}

guest!(Exit);
