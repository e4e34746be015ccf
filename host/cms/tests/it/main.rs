//! The client from outside, against servers that stand in for Alibaba Cloud's.

mod client;
mod credentials;
mod sdk;
mod sender;
mod simulation;
mod spool;
mod support;
mod trouble;
