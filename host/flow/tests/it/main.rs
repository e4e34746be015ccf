//! Flows from outside: documents and fake nodes in, faults, outputs and journals out.

mod clock;
mod coercions;
mod draft;
mod fairness;
mod fakes;
mod faults;
mod large;
mod random;
mod recorded;
mod running;
mod scripted;
mod streams;
mod threads;
