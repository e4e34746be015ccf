//! Asks for more random bytes than there are addresses.

use lockgate_test_guests::wasi::random::random::get_random_bytes;
use lockgate_test_guests::{Answer, Call, Hostile, guest, text};

struct RandomBomb;

impl Hostile for RandomBomb {
    fn run(_: Call) -> Answer {
        text(get_random_bytes(u64::MAX).len().to_string())
    }
}

guest!(RandomBomb);
