//! What carries requests to a receiver, by either protocol; and what may be said of its answer.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Url};

use super::config::{OtlpConfig, OtlpError, Protocol};
use super::{grpc, http};

/// The longest answer that is read. A receiver has nothing to say that needs more.
pub(super) const ANSWER_BYTES: usize = 64 * 1024;

/// What is told of ourselves.
pub(super) const USER_AGENT: &str = concat!("lockgate/", env!("CARGO_PKG_VERSION"));

/// What a receiver made of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It took it, but for so many points or spans.
    Taken {
        /// Those that it did not take.
        rejected: i64,
        /// What it says of them, or as a warning.
        message: String,
    },
    /// It could be asked again.
    Later {
        /// After so long, as it says.
        after: Option<Duration>,
        /// What is wrong.
        why: String,
    },
    /// It will never take it.
    Refused(String),
}

/// One request, of either kind.
#[derive(Debug)]
pub(super) enum Request {
    /// Metrics.
    Metrics(ExportMetricsServiceRequest),
    /// Spans.
    Spans(ExportTraceServiceRequest),
}

/// What carries requests to a receiver.
#[derive(Debug)]
pub(super) enum Client {
    Grpc(Box<grpc::Client>),
    Http(http::Client),
}

impl Client {
    pub(super) fn new(config: &OtlpConfig) -> Result<Self, OtlpError> {
        config.check()?;
        let url = url(&config.endpoint)?;
        let headers = headers(&config.headers)?;
        let authorities = config.authorities.as_deref().map(authorities).transpose()?;
        // Both ask rustls for it. One is there already if the host has made another client.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(match config.protocol {
            Protocol::Grpc => Self::Grpc(Box::new(grpc::Client::new(&url, headers, config)?)),
            Protocol::Http => Self::Http(http::Client::new(&url, headers, authorities, config)?),
        })
    }

    /// Asks once.
    pub(super) async fn ask(&self, request: &Request) -> Answer {
        match self {
            Self::Grpc(client) => client.ask(request).await,
            Self::Http(client) => client.ask(request).await,
        }
    }
}

fn url(endpoint: &str) -> Result<Url, OtlpError> {
    let url: Url = endpoint
        .parse()
        .map_err(|_| OtlpError::Endpoint("is no URL"))?;
    if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
        return Err(OtlpError::Endpoint("has to begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(OtlpError::Endpoint(
            "has a user or a password in it: that belongs into a header",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(OtlpError::Endpoint("ends after its path"));
    }
    Ok(url)
}

/// Read here for both: one of them takes what is none for an empty list.
fn authorities(pem: &[u8]) -> Result<Vec<Certificate>, OtlpError> {
    let read = Certificate::from_pem_bundle(pem).map_err(|_| OtlpError::Authorities)?;
    match read.is_empty() {
        true => Err(OtlpError::Authorities),
        false => Ok(read),
    }
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap, OtlpError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let refused = |why| OtlpError::Header {
            name: name.chars().take(64).collect(),
            why,
        };
        let name: HeaderName = name
            .parse()
            .map_err(|_| refused("has a name that no header has"))?;
        let mut value: HeaderValue = value
            .parse()
            .map_err(|_| refused("has a value that no header has"))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_told_and_no_secret_with_it() {
        for endpoint in [
            "localhost:4317",
            "ftp://a",
            "http://",
            "http://user:hunter2@a",
            "http://a?key=hunter2",
        ] {
            let error = url(endpoint).expect_err(endpoint).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let mut config = OtlpConfig::new("http://a:4317", Protocol::Grpc);
        config.headers = vec![("authorization".into(), "hunter2\n".into())];
        let error = headers(&config.headers)
            .expect_err("a new line")
            .to_string();
        let shown = format!("{error} {config:?}");
        assert!(
            !shown.contains("hunter2") && shown.contains("authorization"),
            "{shown}"
        );
        config.headers = vec![("a b".into(), "c".into())];
        assert!(headers(&config.headers).is_err());
        config.spans.batch = 0;
        assert_eq!(config.check(), Err(OtlpError::Zero("spans' batch")));
    }
}
