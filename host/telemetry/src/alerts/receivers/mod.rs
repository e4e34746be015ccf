//! Who is told: a folder's worth of forms and addresses, behind one queue each.

mod courier;
mod dingtalk;
mod http;
mod log;
mod webhook;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use lockgate_model::Kebab;

use super::message::Notice;

pub(super) use courier::Courier;
pub use dingtalk::{At, DingTalk};
pub use http::client;
pub use log::Log;
pub use webhook::{SIGNATURE, Webhook, signature};

/// Somebody who is told.
pub trait Receiver: Send + Sync + fmt::Debug {
    /// How many messages it takes in a minute; None where that is not bounded.
    fn a_minute(&self) -> Option<usize>;

    /// Sends one message with these notices in it, the oldest first. `lost`: how many others there were before that could
    /// not be held.
    fn send<'a>(
        &'a self,
        notices: &'a [Notice],
        lost: u64,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<(), SendError>>;
}

/// Those that there are, by name.
pub type Receivers = Vec<(Kebab, Arc<dyn Receiver>)>;

/// A message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It will not be taken however often it is sent.
    #[error("{0}")]
    Refused(String),
    /// It may be taken later.
    #[error("{0}")]
    Failed(String),
    /// It will be taken later, and not before this time has passed.
    #[error("too many messages")]
    TooMany(Duration),
}
