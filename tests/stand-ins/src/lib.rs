//! Servers that stand in for what tests cannot reach: the gateway of Alibaba Cloud Monitor, the metadata of an ECS instance, STS, and a
//! credentials URI; and a collector of OpenTelemetry's, made of its official messages and services. Each listens on a loopback address of its own, checks what it is asked as the real one is documented to, remembers it,
//! and fails as it is told to.
//!
//! Belongs here: what those servers take and answer. It is written from their documentation, and shares no code with the clients that
//! are tested with it. Does not belong here: anything of Lockgate's.

mod fault;
mod gateway;
mod http;
mod identity;
mod metadata;
pub mod otlp;
mod rpc;
mod time;

pub use fault::{Fault, Faults};
pub use gateway::{Entry, Gateway, GatewayConfig, RuleCall, Taken};
pub use identity::{Identity, Lent, UriServer};
pub use metadata::Metadata;
pub use rpc::Key;
pub use time::{Now, VirtualTime};
