//! Flows from outside: documents and fake nodes in, faults, outputs and journals out.

mod account;
mod case;
mod cases;
mod clock;
mod coercions;
mod fakes;
mod faults;
mod large;
mod running;
mod script;
mod scripted;
mod work;
