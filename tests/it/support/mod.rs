//! What the tests stand on: runtimes, guests and calls. What a test is about is in the test.

pub(crate) mod calls;
pub(crate) mod guests;
pub(crate) mod host;
pub(crate) mod wat;
