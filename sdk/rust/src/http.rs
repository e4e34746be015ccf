//! Requests to the services that the operator granted to the plugin.
//!
//! The host sends them: it checks the grant, puts secrets in that the node never sees, and bounds what comes back. A
//! request that was not granted is answered with a `denied` failure.
//!
//! ```no_run
//! # use lockgate_sdk::{Result, http};
//! # fn ask() -> Result<serde_json::Value> {
//! http::Request::post("https://api.example.com/v1/embeddings")
//!     .secret_header("authorization", "Bearer ", "example-key")
//!     .json(&serde_json::json!({ "input": "spring" }))?
//!     .send()?
//!     .success()?
//!     .json(1 << 20)
//! # }
//! ```

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::lockgate::node::http as contract;
use crate::{Failure, Result, host};

/// How much of a body one call to the host brings.
const CHUNK_BYTES: u32 = 64 << 10;
/// How much of an error's body its failure quotes: enough for a service's message, too little for a page of HTML.
const QUOTED_BYTES: usize = 500;

/// A request that is being put together.
#[derive(Debug, Clone)]
pub struct Request(contract::Request);

impl Request {
    /// A request of any method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self(contract::Request {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
        })
    }

    /// A GET request.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A POST request.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let value = contract::HeaderValue::Text(value.into());
        self.0.headers.push((name.into(), value));
        self
    }

    /// Adds a header whose value is `prefix` and a secret. The host puts the secret in, outside of the sandbox, if it was
    /// granted for where the request goes.
    #[must_use]
    pub fn secret_header(
        mut self,
        name: impl Into<String>,
        prefix: impl Into<String>,
        secret: impl Into<String>,
    ) -> Self {
        let value = contract::HeaderValue::Secret(contract::SecretValue {
            prefix: prefix.into(),
            name: secret.into(),
        });
        self.0.headers.push((name.into(), value));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = body.into();
        self
    }

    /// Sets a JSON body and its content type.
    ///
    /// # Errors
    ///
    /// `internal` for what cannot be serialised.
    pub fn json(self, body: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_vec(body).map_err(|error| {
            Failure::internal(format!("the request's body cannot be JSON: {error}"))
        })?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// The URL.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The body.
    pub fn body_bytes(&self) -> &[u8] {
        &self.0.body
    }

    /// The first header of this name, in any case. Of a secret there is only its name, as in `Bearer {example-key}`.
    pub fn header_text(&self, name: &str) -> Option<String> {
        let mut headers = self.0.headers.iter();
        let (_, value) = headers.find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        Some(match value {
            contract::HeaderValue::Text(text) => text.clone(),
            contract::HeaderValue::Secret(secret) => {
                format!("{}{{{}}}", secret.prefix, secret.name)
            }
        })
    }

    /// Sends the request and waits for the response's head.
    ///
    /// # Errors
    ///
    /// The host's: `denied` without a grant, `upstream` where the service does not answer.
    pub fn send(self) -> Result<Response> {
        host::send(&self.0).map(Response)
    }
}

/// A service's answer. Its body comes in while it is read.
#[derive(Debug)]
pub struct Response(host::Response);

impl Response {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.0.status()
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<String> {
        let mut headers = self.0.headers().into_iter();
        headers
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Waits for up to `max` bytes of the body. An empty list: it is complete.
    ///
    /// # Errors
    ///
    /// The host's: `upstream` where the connection breaks.
    pub fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        self.0.read(max)
    }

    /// The response, if its status is 200 to 299.
    ///
    /// # Errors
    ///
    /// `rate-limited` for 429, with the wait that the service asks for in seconds; `upstream` for any other status. Both
    /// quote the start of the body.
    pub fn success(mut self) -> Result<Self> {
        let status = self.status();
        if (200..300).contains(&status) {
            return Ok(self);
        }
        let said = self.read_up_to(QUOTED_BYTES)?;
        let said = String::from_utf8_lossy(&said);
        let message = format!("the service answered with status {status}: {}", said.trim());
        if status != 429 {
            return Err(Failure::upstream(message));
        }
        let failure = Failure::rate_limited(message);
        let wait = self
            .header("retry-after")
            .and_then(|wait| wait.trim().parse().ok());
        Err(match wait {
            Some(seconds) => failure.retry_after(Duration::from_secs(seconds)),
            None => failure,
        })
    }

    /// The whole body, of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// `upstream` where it is longer or the connection breaks.
    pub fn bytes(mut self, limit: usize) -> Result<Vec<u8>> {
        let body = self.read_up_to(limit.saturating_add(1))?;
        if body.len() > limit {
            return Err(Failure::upstream(format!(
                "the service's answer is longer than {limit} bytes"
            )));
        }
        Ok(body)
    }

    /// The whole body as text, of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// As with [`Response::bytes`], and where it is not UTF-8.
    pub fn text(self, limit: usize) -> Result<String> {
        String::from_utf8(self.bytes(limit)?)
            .map_err(|_| Failure::upstream("the service's answer is not UTF-8"))
    }

    /// The whole body as a JSON document, of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// As with [`Response::bytes`], and where it does not fit `T`.
    pub fn json<T: DeserializeOwned>(self, limit: usize) -> Result<T> {
        serde_json::from_slice(&self.bytes(limit)?).map_err(|error| {
            Failure::upstream(format!(
                "the service's answer is not what was expected: {error}"
            ))
        })
    }

    fn read_up_to(&mut self, limit: usize) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while body.len() < limit {
            let left = u32::try_from(limit - body.len()).unwrap_or(u32::MAX);
            let chunk = self.read(left.min(CHUNK_BYTES))?;
            if chunk.is_empty() {
                break;
            }
            body.extend(chunk);
        }
        Ok(body)
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl From<&contract::Request> for Request {
    fn from(request: &contract::Request) -> Self {
        Self(request.clone())
    }
}
