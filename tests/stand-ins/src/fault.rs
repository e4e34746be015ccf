//! What a server does instead of answering as it should.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What happens to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// HTTP 400 with `Throttling.User`. Nothing is taken.
    Throttled,
    /// This status, with a code in its body. Nothing is taken.
    Error {
        /// HTTP's status.
        status: u16,
        /// The code, such as `ServiceUnavailable`.
        code: String,
    },
    /// HTTP 200 with another `Code` than 200 in the body. Nothing is taken.
    Refused {
        /// The code, such as `206`.
        code: String,
        /// The message.
        message: String,
    },
    /// HTTP 200 with these bytes. Nothing is taken.
    Garbage(Vec<u8>),
    /// The connection is reset before the request is looked at.
    Reset,
    /// The request is taken, and the connection reset before the answer.
    ResetAfter,
    /// There is no answer, ever. Nothing is taken.
    Hang,
    /// The request is taken, and there is no answer, ever.
    HangAfter,
    /// The answer takes so long.
    Slow(Duration),
}

/// Which fault is next. First those that were queued, then what the program says.
#[derive(Default)]
pub struct Faults(Mutex<Program>);

type Next = Box<dyn FnMut() -> Option<Fault> + Send>;

#[derive(Default)]
struct Program {
    queued: VecDeque<Fault>,
    program: Option<Next>,
}

impl Faults {
    /// The next request fails like this, or the one after those that were queued before.
    pub fn push(&self, fault: Fault) {
        self.lock().queued.push_back(fault);
    }

    /// Each request fails as a program says, or does not where that says nothing.
    pub fn run(&self, program: impl FnMut() -> Option<Fault> + Send + 'static) {
        self.lock().program = Some(Box::new(program));
    }

    /// All is well from now on.
    pub fn clear(&self) {
        *self.lock() = Program::default();
    }

    pub(crate) fn next(&self) -> Option<Fault> {
        let mut program = self.lock();
        let queued = program.queued.pop_front();
        queued.or_else(|| program.program.as_mut().and_then(|next| next()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Program> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faults(…)")
    }
}
