//! Requests whose answers are bounded, in time and in length, and whose errors do not tell the address: it has the signature in it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use reqwest::{Client, RequestBuilder, Response, Url, redirect};
use zeroize::Zeroizing;

use crate::Clock;

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// It may have keys in it.
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// Why nothing came back that can be read.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ExchangeError {
    #[error("no client can be made: {0}")]
    Client(String),
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("the answer has more than {0} bytes")]
    TooLong(usize),
    #[error("{0}")]
    Broken(String),
}

/// A client for one server. Redirects are not followed: what is signed, or secret, is for the server that was named.
pub(crate) fn client(url: &Url, proxies: bool) -> Result<Client, ExchangeError> {
    // Fails where a program chose a provider already, which is then the one in use.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = Client::builder().redirect(redirect::Policy::none());
    if url.scheme() == "http" {
        // Then the machine need not have certificates.
        client = client.tls_certs_only([]);
    }
    if !proxies || is_loopback(url) {
        client = client.no_proxy();
    }
    client
        .build()
        .map_err(|error| ExchangeError::Client(told(error)))
}

/// Sends a request and reads at most `max_bytes` of the answer, all within `patience`.
pub(crate) async fn exchange(
    request: RequestBuilder,
    clock: &Arc<dyn Clock>,
    patience: Duration,
    max_bytes: usize,
) -> Result<Answer, ExchangeError> {
    let answer = Box::pin(async {
        let response = request.send().await;
        read(
            response.map_err(|error| ExchangeError::Broken(told(error)))?,
            max_bytes,
        )
        .await
    });
    match select(answer, clock.patience(patience)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(ExchangeError::Timeout(patience)),
    }
}

async fn read(mut response: Response, max_bytes: usize) -> Result<Answer, ExchangeError> {
    let status = response.status().as_u16();
    let mut body = Zeroizing::new(Vec::new());
    loop {
        let chunk = response.chunk().await;
        let Some(chunk) = chunk.map_err(|error| ExchangeError::Broken(told(error)))? else {
            return Ok(Answer { status, body });
        };
        if body.len() + chunk.len() > max_bytes {
            return Err(ExchangeError::TooLong(max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
}

/// An error with its causes, which say what the matter is, and without the address.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        told.push_str(": ");
        told.push_str(&inner.to_string());
        cause = inner.source();
    }
    clean(&told)
}

/// A stranger's words, as they may be shown: bounded, on one line, without control characters.
pub(crate) fn clean(text: &str) -> String {
    const MAX_CHARS: usize = 300;
    let shown = |char: char| if char.is_control() { ' ' } else { char };
    text.chars().take(MAX_CHARS).map(shown).collect()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |address: std::net::IpAddr| address.is_loopback();
    host == "localhost" || address.parse().is_ok_and(is_loopback)
}
