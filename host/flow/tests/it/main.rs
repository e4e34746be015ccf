//! Flows from outside: documents and fake nodes in, faults, outputs and journals out.

mod clock;
mod coercions;
mod fakes;
mod faults;
mod large;
mod running;
