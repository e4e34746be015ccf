//! OTLP over HTTP, with protobuf as its bodies.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::{Certificate, Response, StatusCode, Url, redirect};
use tonic_types::Status;

use super::client::{ANSWER_BYTES, Answer, Request, USER_AGENT};
use super::config::{OtlpConfig, OtlpError};

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// Connections that are made when they are needed.
#[derive(Debug)]
pub(super) struct Client {
    client: reqwest::Client,
    metrics: Url,
    spans: Url,
    gzip: bool,
    timeout: Duration,
}

impl Client {
    pub(super) fn new(
        url: &Url,
        mut headers: HeaderMap,
        authorities: Option<Vec<Certificate>>,
        config: &OtlpConfig,
    ) -> Result<Self, OtlpError> {
        headers.insert(CONTENT_TYPE, PROTOBUF);
        let mut client = reqwest::Client::builder();
        if let Some(authorities) = authorities {
            client = client.tls_certs_only(authorities);
        }
        let client = client
            .user_agent(USER_AGENT)
            .default_headers(headers)
            // A header is for the receiver that the operator named, and for no other.
            .redirect(redirect::Policy::none())
            .connect_timeout(config.timeout)
            .build()
            .map_err(|error| OtlpError::Transport(error.without_url().to_string()))?;
        let path = |path: &str| {
            let mut url = url.clone();
            url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
            url
        };
        Ok(Self {
            client,
            metrics: path("/v1/metrics"),
            spans: path("/v1/traces"),
            gzip: config.gzip,
            timeout: config.timeout,
        })
    }

    pub(super) async fn ask(&self, request: &Request) -> Answer {
        let later = |why: String| Answer::Later { after: None, why };
        match tokio::time::timeout(self.timeout, self.send(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => later(told(&error.without_url())),
            Err(_) => later("it did not answer in time".into()),
        }
    }

    async fn send(&self, request: &Request) -> Result<Answer, reqwest::Error> {
        let (url, body) = match request {
            Request::Metrics(metrics) => (&self.metrics, metrics.encode_to_vec()),
            Request::Spans(spans) => (&self.spans, spans.encode_to_vec()),
        };
        let mut asked = self.client.post(url.clone());
        asked = match self.gzip.then(|| gzip(&body)).flatten() {
            Some(packed) => asked.header(CONTENT_ENCODING, "gzip").body(packed),
            None => asked.body(body),
        };
        let mut told = asked.send().await?;
        let status = told.status();
        let after = retry_after(told.headers(), SystemTime::now());
        let body = head(&mut told).await?;
        Ok(answer(request, status, after, &body))
    }
}

/// As OTLP's specification has it: <https://opentelemetry.io/docs/specs/otlp/#failures-1>
fn answer(request: &Request, status: StatusCode, after: Option<Duration>, body: &[u8]) -> Answer {
    if status.is_success() {
        // What cannot be read says nothing of what was not taken.
        let (rejected, message) = match request {
            Request::Metrics(_) => {
                let told = ExportMetricsServiceResponse::decode(body).unwrap_or_default();
                let partial = told.partial_success.unwrap_or_default();
                (partial.rejected_data_points, partial.error_message)
            }
            Request::Spans(_) => {
                let told = ExportTraceServiceResponse::decode(body).unwrap_or_default();
                let partial = told.partial_success.unwrap_or_default();
                (partial.rejected_spans, partial.error_message)
            }
        };
        return Answer::Taken { rejected, message };
    }
    let message = Status::decode(body).map_or_else(|_| String::new(), |told| told.message);
    let why = format!("{status} {message}");
    match status.as_u16() {
        429 | 502 | 503 | 504 => Answer::Later { after, why },
        _ => Answer::Refused(why),
    }
}

fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Memory takes whatever is written.
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let name: HeaderName = RETRY_AFTER;
    let text = headers.get(name)?.to_str().ok()?;
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            Some(date.duration_since(now).unwrap_or_default())
        }
    }
}

/// As much of an answer as is read. What is longer is no answer to this.
async fn head(told: &mut Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = told.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Ok(Vec::new());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error with its causes, of which the last says most.
fn told(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_specification_says_is_asked_again() {
        let request = Request::Spans(Default::default());
        let again: Vec<_> = (100..600)
            .filter(|&code| {
                let status = StatusCode::from_u16(code).expect("a status");
                matches!(answer(&request, status, None, b""), Answer::Later { .. })
            })
            .collect();
        assert_eq!(again, [429, 502, 503, 504]);
        let strange = answer(&request, StatusCode::OK, None, b"<html>");
        let message = String::new();
        assert_eq!(
            strange,
            Answer::Taken {
                rejected: 0,
                message
            }
        );
    }

    #[test]
    fn how_long_to_wait_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_767);
        let mut headers = HeaderMap::new();
        for (text, seconds) in [
            ("10", Some(10)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:17 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
        ] {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{text}");
        }
    }
}
