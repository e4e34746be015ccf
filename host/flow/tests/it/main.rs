//! Flows from outside: documents and fake nodes in, faults, outputs and journals out.

mod coercions;
mod fakes;
mod faults;
mod large;
mod running;
mod show;
