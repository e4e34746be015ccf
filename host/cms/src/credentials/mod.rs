//! Credentials, and where they are found: the chain of the official SDKs.
//!
//! Belongs here: what a key is, each place that may have one, how long one is used. A secret is in nothing that is said here: errors
//! name places and fields, and never repeat what a file or a server said.

mod chain;
mod config;
mod error;
mod file;
mod ini;
mod instance;
mod profile;
mod provider;
mod reply;
mod sts;
mod uri;

use std::time::SystemTime;

pub use chain::CredentialChain;
pub use config::{ChainConfig, Environment};
pub use error::{CredentialsError, NotGiven};

use crate::Secret;
use error::Why;

/// The longest part of credentials, in bytes. Tokens have about a thousand.
const MAX_BYTES: usize = 16 * 1024;

/// A key, and a token where it is lent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) access_key_secret: Secret,
    pub(crate) security_token: Option<Secret>,
    expires: Option<SystemTime>,
}

impl Credentials {
    /// A key of one's own.
    pub fn new(access_key_id: impl Into<String>, access_key_secret: impl Into<Secret>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            access_key_secret: access_key_secret.into(),
            security_token: None,
            expires: None,
        }
    }

    /// The key with the token that lends it.
    #[must_use]
    pub fn with_token(mut self, security_token: impl Into<Secret>) -> Self {
        self.security_token = Some(security_token.into());
        self
    }

    /// The key until a moment.
    #[must_use]
    pub fn until(mut self, expires: SystemTime) -> Self {
        self.expires = Some(expires);
        self
    }

    /// Whether each part can be one: it is not empty, not endless, and has no character that a key or a token never has.
    fn checked(self, now: SystemTime) -> Result<Self, Why> {
        let token = self.security_token.as_ref();
        for (what, part) in [
            ("the key's id", Some(self.access_key_id.as_str())),
            ("the key's secret", Some(self.access_key_secret.expose())),
            ("the token", token.map(|token| token.expose())),
        ] {
            let graphic = |part: &str| part.bytes().all(|byte| byte.is_ascii_graphic());
            let is_part = |part: &str| (1..=MAX_BYTES).contains(&part.len()) && graphic(part);
            if !part.is_none_or(is_part) {
                return Err(Why::NotOne(what));
            }
        }
        if self.expires.is_some_and(|expires| expires <= now) {
            return Err(Why::Expired);
        }
        Ok(self)
    }
}
