//! OTLP over gRPC.

use std::error::Error as _;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use reqwest::Url;
use reqwest::header::HeaderMap;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::client::{ANSWER_BYTES, Answer, Request, USER_AGENT};
use super::config::{OtlpConfig, OtlpError};

/// A connection that is made when it is needed, and made again when it is gone.
#[derive(Debug)]
pub(super) struct Client {
    metrics: MetricsServiceClient<Channel>,
    spans: TraceServiceClient<Channel>,
    headers: MetadataMap,
    timeout: Duration,
}

impl Client {
    pub(super) fn new(
        url: &Url,
        headers: HeaderMap,
        config: &OtlpConfig,
    ) -> Result<Self, OtlpError> {
        if url.path() != "/" {
            return Err(OtlpError::Endpoint("has a path, and gRPC has its own"));
        }
        let failed = |error: tonic::transport::Error| {
            let source = error.source().map(ToString::to_string);
            OtlpError::Transport(source.unwrap_or_else(|| error.to_string()))
        };
        let mut endpoint = Endpoint::from_shared(url.to_string())
            .and_then(|endpoint| endpoint.user_agent(USER_AGENT))
            .map_err(failed)?
            .connect_timeout(config.timeout)
            // A connection that nobody answers on any more is given up while a request waits for it, so that the next one gets
            // another. An idle one costs nothing.
            .http2_keep_alive_interval(config.timeout / 2)
            .keep_alive_timeout(config.timeout / 2);
        if url.scheme() == "https" {
            let tls = ClientTlsConfig::new();
            let tls = match &config.authorities {
                Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
                None => tls.with_native_roots(),
            };
            endpoint = endpoint.tls_config(tls).map_err(failed)?;
        }
        let channel = endpoint.connect_lazy();
        let mut metrics =
            MetricsServiceClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES);
        let mut spans = TraceServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES);
        if config.gzip {
            metrics = metrics.send_compressed(CompressionEncoding::Gzip);
            spans = spans.send_compressed(CompressionEncoding::Gzip);
        }
        Ok(Self {
            metrics,
            spans,
            headers: MetadataMap::from_headers(headers),
            timeout: config.timeout,
        })
    }

    pub(super) async fn ask(&self, request: &Request) -> Answer {
        let asked = async {
            match request {
                Request::Metrics(metrics) => {
                    let asked = self.request(metrics.clone());
                    let told = self.metrics.clone().export(asked).await?;
                    let partial = told.into_inner().partial_success.unwrap_or_default();
                    Ok((partial.rejected_data_points, partial.error_message))
                }
                Request::Spans(spans) => {
                    let asked = self.request(spans.clone());
                    let told = self.spans.clone().export(asked).await?;
                    let partial = told.into_inner().partial_success.unwrap_or_default();
                    Ok((partial.rejected_spans, partial.error_message))
                }
            }
        };
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(Ok((rejected, message))) => Answer::Taken { rejected, message },
            Ok(Err(status)) => answer(&status),
            Err(_) => Answer::Later {
                after: None,
                why: "it did not answer in time".into(),
            },
        }
    }

    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        *request.metadata_mut() = self.headers.clone();
        // The receiver need not go on for longer than somebody waits.
        request.set_timeout(self.timeout);
        request
    }
}

/// As OTLP's specification has it: <https://opentelemetry.io/docs/specs/otlp/#failures>
fn answer(status: &Status) -> Answer {
    let after = status
        .get_details_retry_info()
        .and_then(|info| info.retry_delay);
    let why = match status.message() {
        "" => status.code().description().to_owned(),
        message => format!("{:?}: {message}", status.code()),
    };
    let later = match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        // It is full. Only if it says when, there is hope that it will not be.
        Code::ResourceExhausted => after.is_some(),
        // No receiver said this: the connection broke, or something in between did not speak gRPC.
        Code::Unknown | Code::Internal => status.source().is_some(),
        _ => false,
    };
    if later {
        Answer::Later { after, why }
    } else {
        Answer::Refused(why)
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn only_what_the_specification_says_is_asked_again() {
        let again: Vec<_> = (0..17)
            .filter(|&code| {
                let status = Status::new(Code::from_i32(code), "no");
                matches!(answer(&status), Answer::Later { after: None, .. })
            })
            .collect();
        assert_eq!(again, [1, 4, 10, 11, 14, 15]);
        let wait = Duration::from_secs(7);
        let details = ErrorDetails::with_retry_info(Some(wait));
        let full = Status::with_error_details(Code::ResourceExhausted, "full", details);
        let after = match answer(&full) {
            Answer::Later { after, .. } => after,
            _ => None,
        };
        assert_eq!(after, Some(wait));
    }
}
