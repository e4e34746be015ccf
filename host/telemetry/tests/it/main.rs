//! Telemetry from outside: what runs tell goes in, and what those who watch are told is held against it.

mod cms;
mod counted;
mod otlp;
mod prometheus;
mod receivers;
mod runs;
