//! Requests to receivers: bounded in time and length, and never told on to another server.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, Response, redirect};

use super::SendError;

/// How long a whole request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest time to wait that a server is believed, in seconds.
const LONGEST_WAIT_S: u64 = 600;

/// The most bytes of an answer that are read.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// A client that receivers can be given. Redirects are not followed: what is signed is for the server that was named.
///
/// # Errors
///
/// TLS cannot be set up.
pub fn client() -> Result<Client, reqwest::Error> {
    // Fails where a provider was chosen already, which is then the one in use.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(PATIENCE)
        .timeout(PATIENCE)
        .user_agent(concat!("lockgate/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Sends a request, and reads the body of an answer that says yes.
pub(super) async fn exchange(request: RequestBuilder) -> Result<Vec<u8>, SendError> {
    let response = request
        .send()
        .await
        .map_err(|error| failed(&error.without_url()))?;
    let status = response.status();
    if status.is_success() {
        return read(response).await;
    }
    let later = response.headers().get(RETRY_AFTER);
    let later = later.and_then(|later| later.to_str().ok()?.trim().parse::<u64>().ok());
    if let (429 | 503, Some(seconds)) = (status.as_u16(), later) {
        let seconds = seconds.clamp(1, LONGEST_WAIT_S);
        return Err(SendError::TooMany(Duration::from_secs(seconds)));
    }
    let said = format!("the server answers {status}");
    // What was wrong with the request stays wrong; the rest may pass.
    let may_pass = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
    Err(if may_pass {
        SendError::Failed(said)
    } else {
        SendError::Refused(said)
    })
}

async fn read(mut response: Response) -> Result<Vec<u8>, SendError> {
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        let Some(chunk) = chunk.map_err(|error| failed(&error.without_url()))? else {
            return Ok(body);
        };
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            let said = format!("the answer has more than {MAX_ANSWER_BYTES} bytes");
            return Err(SendError::Refused(said));
        }
        body.extend_from_slice(&chunk);
    }
}

/// An error with its causes, which say what the matter is. The address is not among them: it has a token in it.
fn failed(error: &reqwest::Error) -> SendError {
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        said.push_str(": ");
        said.push_str(&inner.to_string());
        cause = inner.source();
    }
    SendError::Failed(clean(&said))
}

/// A stranger's words, as they may be shown: bounded, and on one line.
pub(super) fn clean(text: &str) -> String {
    const MAX_CHARS: usize = 300;
    let short: String = text.chars().take(MAX_CHARS).collect();
    lockgate_model::escaped(&short)
}
