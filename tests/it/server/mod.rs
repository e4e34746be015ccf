//! Lockgate as a server: the command listens on a port of the loopback interface, with a folder of data of its own, and is asked as any
//! client asks it.

mod alerts;
mod client;
mod crash;
mod edges;
mod host;
mod keys;
mod marker;
mod others;
mod stop;
mod swap;
mod telemetry;
