//! Looks for whatever the host lets it see, and says what it found, line by line.

use lockgate_test_guests::wasi::cli::environment::{get_arguments, get_environment, initial_cwd};
use lockgate_test_guests::wasi::cli::{stderr::get_stderr, stdin::get_stdin, stdout::get_stdout};
use lockgate_test_guests::wasi::clocks::{monotonic_clock, wall_clock};
use lockgate_test_guests::wasi::filesystem::preopens::get_directories;
use lockgate_test_guests::wasi::random::random::get_random_bytes;
use lockgate_test_guests::{Answer, Call, Hostile, guest, text};

struct LookAround;

impl Hostile for LookAround {
    fn run(_: Call) -> Answer {
        let stdout = get_stdout();
        stdout.write(b"first line\nsecond").map_err(|_| closed())?;
        stdout.write(b" line\nunfinished").map_err(|_| closed())?;
        get_stderr().write(b"a complaint\n").map_err(|_| closed())?;
        let earlier = monotonic_clock::now();
        monotonic_clock::subscribe_duration(1_000_000).block();
        let slept = monotonic_clock::now() - earlier;
        let lines = [
            format!("variables {}", get_environment().len()),
            format!("arguments {}", get_arguments().len()),
            format!("folder {:?}", initial_cwd()),
            format!("folders {}", get_directories().len()),
            format!("input {}", get_stdin().read(10).is_err()),
            format!("slept {}", slept >= 1_000_000),
            format!("year {}", 1970 + wall_clock::now().seconds / 31_556_952),
            format!("random {}", get_random_bytes(16) != get_random_bytes(16)),
        ];
        text(lines.join("\n"))
    }
}

fn closed() -> lockgate_test_guests::Failure {
    lockgate_test_guests::Failure {
        kind: lockgate_test_guests::FailureKind::Internal,
        message: "a stream is closed".to_owned(),
        detail: None,
        retry_after_ms: None,
    }
}

guest!(LookAround);
