//! The HTTP interface of a host.
//!
//! Belongs here: what HTTP brings with it (connections, bodies, keys in headers, streams of events), and the translation of
//! requests to calls of the service, and of its errors to problem documents. Handlers parse, call and answer.
//! Does not belong here: what is done for a request (`lockgate-service`), SQL, sandboxes.
//!
//! A request goes through `server` (bounds of its connection), `front` (who asks; what all answers have), one of
//! `routes`, and the service.

mod alerting;
mod api;
mod auth;
mod body;
mod config;
mod counts;
mod extract;
mod front;
mod limits;
mod openapi;
mod problem;
mod routes;
mod scrapes;
mod server;
mod sse;
mod stall;
mod time;
mod trace;
mod whole;

pub use alerting::Alerting;
pub use config::ApiConfig;
pub use openapi::openapi;
pub use problem::{Code, Problem, ProblemView};
pub use server::{BindError, Server};
