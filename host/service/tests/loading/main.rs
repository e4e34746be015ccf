//! Hot loading from outside: components and documents in, locks, plans and refusals out. The plugins are fakes, the store is
//! real.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects by panicking where it is not so"
)]

mod activating;
mod bounds;
mod documents;
mod fakes;
mod freed;
mod model;
mod restart;
mod uploading;
mod world;
