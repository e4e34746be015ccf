//! Any server that takes JSON.
//!
//! ```json
//! {"version": 1, "host": "lockgate", "lost": 0, "alerts": [
//!   {"change": "fired", "rule": "poem-slow", "severity": "critical",
//!    "condition": "3 runs in a row of flow poem over 5 s", "project": "default",
//!    "flow": "poem", "version": null, "node": null,
//!    "unit": "seconds", "value": 6.2, "worst": 6.2, "threshold": 5.0,
//!    "told": {"value": "6.2 s", "worst": "6.2 s", "threshold": "5 s"},
//!    "since": "2030-01-31T12:00:00Z", "at": "2030-01-31T12:00:00Z", "muted": 0,
//!    "runs": ["0198c9a2-7b1e-7cc0-a1f6-2f6f3f0d7a55"],
//!    "links": {"runs": "https://…/api/v1/runs?flow=poem&…", "logs": null}}]}
//! ```
//!
//! The header `X-Lockgate-Signature: t=SECONDS,v1=HEX` has the time, and HMAC-SHA256 with the secret over `SECONDS.BODY`:
//! who receives it computes the same, and refuses what is old. Any answer of 200 to 299 is yes.

use std::time::{SystemTime, UNIX_EPOCH};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use serde::Serialize;
use sha2::Sha256;

use super::{Receiver, SendError, http};
use crate::alerts::message::Notice;
use crate::alerts::secret::Secret;

/// The header that has the time and the signature.
pub const SIGNATURE: &str = "X-Lockgate-Signature";

/// A server that takes JSON.
pub struct Webhook {
    client: Client,
    url: Url,
    secret: Option<Secret>,
}

#[derive(Serialize)]
struct Body<'a> {
    version: u32,
    host: &'static str,
    /// How many alerts there were before these that could not be told.
    lost: u64,
    alerts: &'a [Notice],
}

impl Webhook {
    /// A server at an address, with the secret that both know. Without one, messages are not signed.
    pub fn new(client: Client, url: Url, secret: Option<Secret>) -> Self {
        Self {
            client,
            url,
            secret,
        }
    }

    async fn post(&self, notices: &[Notice], lost: u64, now: SystemTime) -> Result<(), SendError> {
        let body = Body {
            version: 1,
            host: "lockgate",
            lost,
            alerts: notices,
        };
        let body =
            serde_json::to_vec(&body).map_err(|error| SendError::Refused(error.to_string()))?;
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json");
        if let Some(secret) = &self.secret {
            let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            request = request.header(SIGNATURE, signature(secret, seconds, &body));
        }
        http::exchange(request.body(body)).await.map(drop)
    }
}

/// What a message is signed with: `t=SECONDS,v1=HEX`.
pub fn signature(secret: &Secret, seconds: u64, body: &[u8]) -> String {
    let mac = sign(secret, &[seconds.to_string().as_bytes(), b".", body]);
    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

/// HMAC-SHA256 over parts, one behind the other.
pub(super) fn sign(secret: &Secret, parts: &[&[u8]]) -> [u8; 32] {
    let key = secret.expose().as_bytes();
    // A key of any length is one; there is no other error.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

impl Receiver for Webhook {
    fn a_minute(&self) -> Option<usize> {
        None
    }

    fn send<'a>(
        &'a self,
        notices: &'a [Notice],
        lost: u64,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        self.post(notices, lost, now).boxed()
    }
}

/// Its address is not shown: many have a token in it.
impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}
