//! One server, and the key for it.

use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::StreamExt as _;
use lockgate_model::escaped;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, redirect};
use serde_json::Value as Tree;

use super::problem::Problem;
use crate::args::ClientArgs;

/// The environment variable that has the key.
const KEY: &str = "LOCKGATE_KEY";

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes of an answer that are read: more than the largest output of a run.
const MAX_ANSWER_BYTES: usize = 320 << 20;

/// One server, and the key for it.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Client,
    base: Url,
    timeout: Duration,
}

/// What a server answered to a request that it did.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Where the answer says that something is: its path.
    pub(crate) location: Option<String>,
    /// After how many seconds the answer says that it is worth asking again.
    pub(crate) retry_after: Option<u64>,
    /// The document; null where there is none.
    pub(crate) body: Tree,
}

impl Connection {
    /// Sets up what requests need. Nothing is sent yet.
    pub(crate) fn new(args: &ClientArgs) -> anyhow::Result<Self> {
        Self::with_key(args, std::env::var_os(KEY).as_deref())
    }

    /// A server that asks for no key, with which none goes there.
    pub(crate) fn without_key(server: &str) -> anyhow::Result<Self> {
        let args = ClientArgs {
            server: server.to_owned(),
            timeout: 60,
        };
        Self::with_key(&args, None)
    }

    fn with_key(args: &ClientArgs, key: Option<&std::ffi::OsStr>) -> anyhow::Result<Self> {
        let base = base(&args.server)?;
        let mut headers = HeaderMap::new();
        let agent = concat!("lockgate/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        if let Some(key) = key.filter(|key| !key.is_empty()) {
            if base.scheme() == "http" && !is_loopback(&base) {
                eprintln!("warning: the key goes to the server unencrypted: use https");
            }
            headers.insert(AUTHORIZATION, bearer(key)?);
        }
        let client = client(&base, headers)?;
        let timeout = Duration::from_secs(args.timeout);
        Ok(Self {
            client,
            base,
            timeout,
        })
    }

    /// A request for a path of the API, such as `/api/v1/runs`, with what is asked of it.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
    ) -> anyhow::Result<RequestBuilder> {
        let mut url = self.base.join(path).context("the request's address")?;
        if url.origin() != self.base.origin() {
            bail!("the server names an address that is not its own");
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(self.client.request(method, url))
    }

    /// Sends a request, and reads the answer whole.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, it says no ([`Problem`]), or its answer is no JSON.
    pub(crate) async fn answer(&self, request: RequestBuilder) -> anyhow::Result<Answer> {
        let response = self.send(request.timeout(self.timeout)).await?;
        let status = response.status();
        let header = |name| response.headers().get(name)?.to_str().ok();
        let location = header(LOCATION).map(str::to_owned);
        let retry_after = header(RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
        let text = body(response, MAX_ANSWER_BYTES).await?;
        let body = match text.as_slice() {
            [] => Tree::Null,
            text => serde_json::from_slice(text)
                .with_context(|| format!("{} does not answer in JSON", self.base))?,
        };
        Ok(Answer {
            status,
            location,
            retry_after,
            body,
        })
    }

    /// Sends a request, and gives the answer to be read as it comes.
    ///
    /// # Errors
    ///
    /// As for [`Self::answer`].
    pub(crate) async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let response = request
            .send()
            .await
            .map_err(|error| self.unreached(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(Problem::of(response).await.into())
    }

    /// What went wrong below HTTP, in words, without the address's query.
    fn unreached(&self, error: reqwest::Error) -> anyhow::Error {
        let error = error.without_url();
        if error.is_timeout() {
            return anyhow::anyhow!("{} takes too long to answer", self.base);
        }
        let base = self.base.clone();
        anyhow::Error::new(error).context(format!(
            "{base} cannot be reached; is the server running, and is `--server` (or LOCKGATE_SERVER) right?"
        ))
    }
}

/// The body of an answer, up to a bound.
pub(super) async fn body(response: Response, most: usize) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(reqwest::Error::without_url);
        body.extend_from_slice(&chunk.context("the answer broke off")?);
        if body.len() > most {
            bail!("the answer has more than {most} bytes");
        }
    }
    Ok(body)
}

fn base(server: &str) -> anyhow::Result<Url> {
    let told = || format!("--server {}", escaped(server));
    let mut url = Url::parse(server).with_context(told)?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        bail!(
            "{}: give an address such as https://flows.example.com",
            told()
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        bail!("--server: an address has no password: a key goes into LOCKGATE_KEY");
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// The header for a key. What it is stays out of whatever is said of it.
fn bearer(key: &std::ffi::OsStr) -> anyhow::Result<HeaderValue> {
    let key = key.to_str().unwrap_or_default().trim();
    let is_key = key.starts_with("lg_") && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_key {
        bail!("{KEY} has no key: one begins with `lg_`, and `lockgate key create` makes it");
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {key}")).context(KEY)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Redirects are not followed: a key is for the server that was named, and no other.
fn client(base: &Url, headers: HeaderMap) -> anyhow::Result<Client> {
    // Fails where a provider was chosen already, which is then this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = Client::builder()
        .default_headers(headers)
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT);
    if base.scheme() == "http" {
        // Then the machine need not have certificates.
        client = client.tls_certs_only([]);
    }
    if is_loopback(base) {
        client = client.no_proxy();
    }
    Ok(client.build()?)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |address: std::net::IpAddr| address.is_loopback();
    host == "localhost" || address.parse().is_ok_and(is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_without_a_secret() {
        for good in ["http://127.0.0.1:7878", "https://flows.example.com/"] {
            assert!(base(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "localhost",
            "localhost:7878",
            "ftp://flows.example.com",
            "http://somebody:secret@flows.example.com",
        ] {
            let said = base(bad).expect_err(bad).to_string();
            assert!(!said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_key_does_not_say_it() {
        for bad in ["hush", "lg_with space", "lg_hush\n\u{7f}"] {
            let said = format!("{:#}", bearer(bad.as_ref()).expect_err(bad));
            assert!(!said.contains("hush") && !said.contains("space"), "{said}");
        }
        let value = bearer("lg_hush".as_ref()).expect("a key");
        assert!(!format!("{value:?}").contains("hush"));
    }

    #[test]
    fn loopback_addresses_are_known() {
        for (url, is) in [
            ("http://localhost:1", true),
            ("http://127.0.0.9", true),
            ("http://[::1]:7878", true),
            ("http://127.example.com", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&base(url).expect(url)), is, "{url}");
        }
    }
}
