//! Flows from outside: documents and fake nodes in, faults, outputs and journals out.

mod account;
mod asked;
mod case;
mod cases;
mod clock;
mod coercions;
mod counted;
mod draft;
mod examined;
mod fairness;
mod fakes;
mod faults;
mod judged;
mod large;
mod puppets;
mod random;
mod recorded;
mod running;
mod script;
mod scripted;
mod show;
mod streams;
mod threads;
mod work;
