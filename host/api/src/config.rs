//! What an operator can say about the interface. Every field has a default that suits a small machine.
//!
//! Does not belong here: where these values come from, which is the command's business.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

/// The interface's settings. Nothing in it can be unlimited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiConfig {
    /// Where to listen. Default: `127.0.0.1:7878`. Port 0 takes any that is free.
    pub listen: SocketAddr,
    /// Whether everybody on this machine is an admin, without a key. Only a loopback address may listen then. Default: no.
    pub dev: bool,
    /// How many connections are served at once. Further ones wait in the system's backlog, which costs this host
    /// nothing, and are served as others end. Default: 4,096.
    pub connections: NonZeroU32,
    /// The largest head of a request, its first line included, in bytes; over that, hyper answers 431. Default: 32 KiB.
    pub head_bytes: usize,
    /// How many header fields a request may have; over that, hyper answers 431. Default: 100.
    pub head_fields: usize,
    /// How long a connection may take from its start, or the end of the last answer, until the next request's head is
    /// there whole. It ends idle connections and those that send a head byte by byte alike. Default: 30 s.
    pub idle_time: Duration,
    /// How long a client may take no byte of an answer that is there for it. Default: 60 s.
    pub stall_time: Duration,
    /// How long a request's body may take to arrive, and a second more for each 256 KiB that it may have at most.
    /// Default: 30 s.
    pub body_time: Duration,
    /// The largest JSON or YAML body, in bytes. Default: 8 MiB.
    pub json_bytes: usize,
    /// The largest upload of a plugin, in bytes; a form around it may have 64 KiB more. Default: 64 MiB.
    pub plugin_bytes: usize,
    /// The largest body of a batch, in bytes. Default: 64 MiB.
    pub batch_bytes: usize,
    /// How many bytes of bodies are held at once, those of at most 64 KiB not counted; at least one of the largest fits.
    /// Over that, a request is answered 503. Default: 512 MiB.
    pub held_bytes: usize,
    /// How many requests a second a key may make; a burst may be as large. Default: 5,000.
    pub key_requests: NonZeroU32,
    /// How many requests a minute without a good key are told so, for each address; over that they are answered 429. Good
    /// keys from the same address are not held up. Default: 60.
    pub failed_requests: NonZeroU32,
    /// How long a stopping server waits for answers that are on their way. Default: 5 s.
    pub stop_time: Duration,
    /// How often a stream of events without events sends a comment, so that proxies keep it open. Default: 15 s.
    pub heartbeat: Duration,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7878)),
            dev: false,
            connections: at_least_one(4096),
            head_bytes: 32 << 10,
            head_fields: 100,
            idle_time: Duration::from_secs(30),
            stall_time: Duration::from_secs(60),
            body_time: Duration::from_secs(30),
            json_bytes: 8 << 20,
            plugin_bytes: 64 << 20,
            batch_bytes: 64 << 20,
            held_bytes: 512 << 20,
            key_requests: at_least_one(5000),
            failed_requests: at_least_one(60),
            stop_time: Duration::from_secs(5),
            heartbeat: Duration::from_secs(15),
        }
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}
